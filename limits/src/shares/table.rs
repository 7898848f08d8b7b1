//! A table of bounded size: a source can push out only its own entries, or those of the greediest source.
use super::holdings::Holdings;
use crate::source::Source;
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// A table whose entries have a weight (1, or their bytes) and a source that they count for.
#[derive(Debug)]
pub struct Table<K, V> {
    total: usize,
    per_source: usize,
    holdings: Holdings,
    entries: HashMap<K, Entry<V>>,
    /// The keys of each source, least recently used first.
    order: BTreeMap<(Source, u64), K>,
    ticks: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    source: Source,
    weight: usize,
    tick: u64,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    #[must_use]
    pub fn new(total: usize, per_source: usize) -> Self {
        Self {
            total,
            per_source: per_source.min(total),
            holdings: Holdings::default(),
            entries: HashMap::new(),
            order: BTreeMap::new(),
            ticks: 0,
        }
    }

    /// Inserts an entry, and returns those that had to go for it, least recently used first: entries of this source
    /// beyond its share, else of the greediest source. An entry that is larger than a share is returned itself.
    pub fn insert(&mut self, source: Source, key: K, value: V, weight: usize) -> Vec<(K, V)> {
        self.remove(&key);
        if weight > self.per_source {
            return vec![(key, value)];
        }
        let mut gone = Vec::new();
        while self.holdings.of(source) + weight > self.per_source {
            gone.extend(self.pop(source));
        }
        while self.holdings.held() + weight > self.total {
            let Some(greediest) = self.holdings.yields_to(source) else { break };
            gone.extend(self.pop(greediest));
        }
        self.ticks += 1;
        self.holdings.add(source, weight);
        self.order.insert((source, self.ticks), key.clone());
        self.entries.insert(key, Entry { value, source, weight, tick: self.ticks });
        gone
    }

    /// The entry, which counts as used now.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        self.ticks += 1;
        if let Some(key) = self.order.remove(&(entry.source, entry.tick)) {
            self.order.insert((entry.source, self.ticks), key);
        }
        entry.tick = self.ticks;
        Some(&mut entry.value)
    }

    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&(entry.source, entry.tick));
        self.holdings.remove(entry.source, entry.weight);
        Some(entry.value)
    }

    /// Keeps the entries that fit. It looks at all of them, so it is for housekeeping and not for a request.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let gone: Vec<_> = self.entries.iter().filter(|(key, entry)| !keep(key, &entry.value)).collect();
        let gone: Vec<K> = gone.into_iter().map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.remove(&key);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The weight of all entries.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.holdings.held()
    }

    fn pop(&mut self, source: Source) -> Option<(K, V)> {
        let (_, key) = self.order.range((source, 0)..=(source, u64::MAX)).next()?;
        let key = key.clone();
        self.remove(&key).map(|value| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    #[test]
    fn a_flood_pushes_out_what_is_its_own_and_nothing_else() {
        let mut table = Table::new(100, 90);
        (0..10).for_each(|n| assert!(table.insert(source(1), n, "honest", 1).is_empty()));
        for n in 1_000..9_000 {
            assert!(table.insert(source(2), n, "flood", 1).iter().all(|(_, whose)| *whose == "flood"));
        }
        assert_eq!((table.len(), table.weight()), (100, 100));
        let gone = table.insert(source(3), 10, "new", 1);
        assert_eq!(gone.iter().map(|(_, whose)| *whose).collect::<Vec<_>>(), ["flood"]);
        assert!((0..=10).all(|n| table.peek(&n).is_some()));
    }

    #[test]
    fn what_was_used_lately_stays_longest_and_bytes_count() {
        let mut table = Table::new(100, 100);
        table.insert(source(1), "a", (), 40);
        table.insert(source(1), "b", (), 40);
        assert!(table.get(&"a").is_some());
        let gone = table.insert(source(1), "c", (), 50);
        assert_eq!(gone, [("b", ())]);
        assert_eq!((table.weight(), table.insert(source(1), "d", (), 101)), (90, vec![("d", ())]));
        table.insert(source(1), "a", (), 10);
        table.retain(|key, ()| *key == "a");
        assert_eq!((table.len(), table.weight(), table.remove(&"a"), table.is_empty()), (1, 10, Some(()), true));
    }
}
