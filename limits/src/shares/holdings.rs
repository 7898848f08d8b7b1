//! What each source holds of something there is only so much of, and who has to give some of it up.
use crate::source::Source;
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

/// Sources, ordered by what they hold. Of two that hold the same, the one that took longer ago counts as the greedier.
#[derive(Debug, Default)]
struct Ranking {
    held: HashMap<Source, (usize, u64)>,
    ranked: BTreeSet<(usize, Reverse<u64>, Source)>,
}

impl Ranking {
    fn held(&self, source: Source) -> usize {
        self.held.get(&source).map_or(0, |(held, _)| *held)
    }

    fn set(&mut self, source: Source, held: usize, tick: u64) {
        if let Some((held, tick)) = self.held.remove(&source) {
            self.ranked.remove(&(held, Reverse(tick), source));
        }
        if held > 0 {
            self.held.insert(source, (held, tick));
            self.ranked.insert((held, Reverse(tick), source));
        }
    }

    fn greediest(&self) -> Option<(usize, Source)> {
        self.ranked.last().map(|(held, _, source)| (*held, *source))
    }
}

/// What each source holds, and each network of sources.
#[derive(Debug, Default)]
pub struct Holdings {
    networks: Ranking,
    within: HashMap<Source, Ranking>,
    held: usize,
    ticks: u64,
}

impl Holdings {
    /// What all sources hold together.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    #[must_use]
    pub fn of(&self, source: Source) -> usize {
        self.within.get(&source.network()).map_or(0, |sources| sources.held(source))
    }

    pub fn add(&mut self, source: Source, amount: usize) {
        self.ticks += 1;
        self.change(source, |held| held.saturating_add(amount));
        self.held += amount;
    }

    pub fn remove(&mut self, source: Source, amount: usize) {
        let amount = amount.min(self.of(source));
        self.change(source, |held| held - amount);
        self.held -= amount;
    }

    fn change(&mut self, source: Source, to: impl Fn(usize) -> usize) {
        let network = source.network();
        let sources = self.within.entry(network).or_default();
        sources.set(source, to(sources.held(source)), self.ticks);
        if sources.held.is_empty() {
            self.within.remove(&network);
        }
        self.networks.set(network, to(self.networks.held(network)), self.ticks);
    }

    /// The source that holds most in the network that holds most.
    #[must_use]
    pub fn greediest(&self) -> Option<Source> {
        let (_, network) = self.networks.greediest()?;
        self.within.get(&network)?.greediest().map(|(_, source)| source)
    }

    /// The source that gives something up when all is taken and `newcomer` wants some: the greediest of the greediest
    /// network. It is the newcomer itself only where nobody holds more.
    #[must_use]
    pub fn yields_to(&self, newcomer: Source) -> Option<Source> {
        let own = newcomer.network();
        let (most, greediest) = self.networks.greediest()?;
        let network = if most > self.networks.held(own) { greediest } else { own };
        let (most, greediest) = self.within.get(&network)?.greediest()?;
        let itself = network == own && most <= self.of(newcomer);
        Some(if itself { newcomer } else { greediest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn the_greediest_yields_and_never_one_that_holds_less_than_the_newcomer() {
        let mut holdings = Holdings::default();
        let (greedy, modest, new) = (of("192.0.2.1"), of("192.0.2.2"), of("192.0.2.3"));
        holdings.add(greedy, 5);
        holdings.add(modest, 1);
        assert_eq!(holdings.yields_to(new), Some(greedy));
        assert_eq!(holdings.yields_to(modest), Some(greedy));
        assert_eq!(holdings.yields_to(greedy), Some(greedy));
        holdings.remove(greedy, 5);
        assert_eq!((holdings.held(), holdings.yields_to(modest)), (1, Some(modest)));
        holdings.remove(modest, 9);
        assert_eq!((holdings.held(), holdings.yields_to(new)), (0, None));
    }

    #[test]
    fn who_owns_a_whole_network_is_greedy_though_none_of_its_sources_is() {
        let mut holdings = Holdings::default();
        for network in 0..100 {
            holdings.add(of(&format!("2001:db8:1:{network:x}::1")), 1);
        }
        let honest = of("2001:db8:2::1");
        holdings.add(honest, 2);
        assert_eq!(holdings.yields_to(of("192.0.2.1")), Some(of("2001:db8:1::1")));
        assert_eq!(holdings.yields_to(honest), Some(of("2001:db8:1::1")));
        // Within that network, too, a newcomer is not worse off than the others.
        assert_eq!(holdings.yields_to(of("2001:db8:1:ffff::1")), Some(of("2001:db8:1::1")));
    }
}
