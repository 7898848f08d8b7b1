//! Which connections there are, how many each source has, and which of them must end for a new one. A proxy's
//! connection counts for the client that is answered on it.
use crate::{shares::Holdings, source::Source};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

pub(super) struct Roster {
    total: usize,
    per_source: usize,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// Connections of each source that came directly, or that a proxy names. A proxy itself brings many people, so it
    /// is never counted as the greediest.
    holdings: Holdings,
    entries: HashMap<u64, Entry>,
    /// The connections of each owner: idle ones first, and of those the one that has been idle longest.
    order: BTreeMap<(Owner, bool, u64), u64>,
    ticks: u64,
}

/// Whom a connection counts for: a source, or `None` for all proxies together.
type Owner = Option<Source>;

struct Entry {
    /// Whom the connection counts for while no request is answered on it.
    own: Owner,
    /// Whom it counts for now.
    owner: Owner,
    busy: bool,
    tick: u64,
    /// Ends the connection.
    end: Arc<Notify>,
}

/// One connection in the roster. Its place is free again when this is dropped.
pub(super) struct Member {
    roster: Arc<Roster>,
    id: u64,
    end: Arc<Notify>,
    /// Counts beginnings and ends of answers: odd while a request is being answered.
    turn: AtomicUsize,
}

/// A connection on which a request is being answered, until this is dropped.
pub(super) struct BusyMember(Arc<Member>);

impl Roster {
    pub fn new(total: usize, per_source: usize) -> Self {
        Self { total, per_source, members: Mutex::default() }
    }

    pub fn count(&self) -> usize {
        self.lock().entries.len()
    }

    /// A place for one more connection; `None` where no other has to end for it.
    pub fn enter(self: &Arc<Self>, address: IpAddr, is_proxy: bool) -> Option<Member> {
        let owner = (!is_proxy).then(|| Source::of(address));
        let mut members = self.lock();
        members.make_share(owner, self.per_source)?;
        if members.entries.len() >= self.total {
            members.make_place(owner)?;
        }
        let end = Arc::new(Notify::new());
        let id = members.add(owner, Arc::clone(&end));
        drop(members);
        Some(Member { roster: Arc::clone(self), id, end, turn: AtomicUsize::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn add(&mut self, owner: Owner, end: Arc<Notify>) -> u64 {
        self.ticks += 1;
        let tick = self.ticks;
        if let Some(source) = owner {
            self.holdings.add(source, 1);
        }
        self.order.insert((owner, false, tick), tick);
        self.entries.insert(tick, Entry { own: owner, owner, busy: false, tick, end });
        tick
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.order.remove(&(entry.owner, entry.busy, entry.tick));
        if let Some(source) = entry.owner {
            self.holdings.remove(source, 1);
        }
        Some(entry)
    }

    /// Ends one connection of an owner: the one that has been idle longest, else (unless only idle ones may end) the
    /// one that has been busy longest.
    fn end_one(&mut self, owner: Owner, only_idle: bool) -> Option<()> {
        let of_owner = (owner, false, 0)..=(owner, !only_idle, u64::MAX);
        let id = *self.order.range(of_owner).next()?.1;
        self.remove(id)?.end.notify_one();
        Some(())
    }

    /// Makes room in the share of an owner: where the share is taken, an idle connection of that owner ends.
    fn make_share(&mut self, owner: Owner, per_source: usize) -> Option<()> {
        let is_full = owner.is_some_and(|source| self.holdings.of(source) >= per_source);
        if is_full { self.end_one(owner, true) } else { Some(()) }
    }

    /// Makes room in the total: the greediest owner loses a connection.
    fn make_place(&mut self, owner: Owner) -> Option<()> {
        let greediest = match owner {
            Some(source) => self.holdings.yields_to(source),
            None if self.end_one(None, true).is_some() => return Some(()),
            None => self.holdings.greediest(),
        };
        match greediest {
            Some(greediest) => self.end_one(Some(greediest), owner == Some(greediest)),
            None => self.end_one(None, true),
        }
    }

    fn set(&mut self, id: u64, owner: impl FnOnce(&Entry) -> Owner, busy: bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let owner = owner(entry);
        self.ticks += 1;
        self.order.remove(&(entry.owner, entry.busy, entry.tick));
        if owner != entry.owner {
            entry.owner.inspect(|source| self.holdings.remove(*source, 1));
            owner.inspect(|source| self.holdings.add(*source, 1));
        }
        (entry.owner, entry.busy, entry.tick) = (owner, busy, self.ticks);
        self.order.insert((owner, busy, entry.tick), id);
    }
}

impl Member {
    /// Returns when this connection must end for another one.
    pub async fn must_yield(&self) {
        self.end.notified().await;
    }

    pub fn busy(self: &Arc<Self>) -> BusyMember {
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.roster.lock().set(self.id, |entry| entry.own, true);
        BusyMember(Arc::clone(self))
    }

    pub fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    pub fn is_busy(&self) -> bool {
        self.turn() % 2 == 1
    }
}

impl BusyMember {
    /// Counts the connection for the client that a proxy names, until the answer ends. `None` where that client already
    /// has its share of answers under way.
    pub fn count_for(&self, source: Source) -> Option<()> {
        let Member { roster, id, .. } = &*self.0;
        let mut members = roster.lock();
        members.make_share(Some(source), roster.per_source)?;
        members.set(*id, |_| Some(source), true);
        Some(())
    }
}

impl Drop for BusyMember {
    fn drop(&mut self) {
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        self.0.roster.lock().set(self.0.id, |entry| entry.own, false);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.roster.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(roster: &Arc<Roster>, last: u8) -> Option<Arc<Member>> {
        roster.enter([192, 0, 2, last].into(), false).map(Arc::new)
    }

    fn has_to_yield(member: &Member) -> bool {
        !member.roster.lock().entries.contains_key(&member.id)
    }

    #[test]
    fn one_source_with_all_places_yields_to_a_newcomer_idle_ones_first() {
        let roster = Arc::new(Roster::new(4, 4));
        let greedy: Vec<_> = (0..4).map(|_| enter(&roster, 1).unwrap()).collect();
        let busy = [greedy[0].busy(), greedy[1].busy(), greedy[3].busy()];
        let newcomer = enter(&roster, 2).unwrap();
        assert_eq!(greedy.iter().map(|one| has_to_yield(one)).collect::<Vec<_>>(), [false, false, true, false]);
        let second = enter(&roster, 3).unwrap();
        assert!(has_to_yield(&greedy[0]) && roster.count() == 4);
        assert!(!has_to_yield(&newcomer) && !has_to_yield(&second));
        // With all places busy its own next one is refused.
        assert!(enter(&roster, 1).is_none());
        drop(busy);
    }

    #[test]
    fn a_source_at_its_share_gives_up_an_idle_one_of_its_own_or_is_refused() {
        let roster = Arc::new(Roster::new(10, 2));
        let (first, second) = (enter(&roster, 1).unwrap(), enter(&roster, 1).unwrap());
        let busy = (first.busy(), second.busy());
        assert!(enter(&roster, 1).is_none());
        drop(busy.0);
        assert!(enter(&roster, 1).is_some());
        assert!(has_to_yield(&first) && !has_to_yield(&second));
    }

    #[test]
    fn a_proxy_has_as_many_as_it_needs_and_is_never_the_greediest() {
        let roster = Arc::new(Roster::new(4, 1));
        let proxy = || roster.enter([10, 0, 0, 1].into(), true).map(Arc::new);
        let of_proxy = [proxy().unwrap(), proxy().unwrap(), proxy().unwrap()];
        let direct = enter(&roster, 1).unwrap();
        let busy: Vec<_> = of_proxy.iter().map(Member::busy).collect();
        assert!(enter(&roster, 2).is_some() && has_to_yield(&direct));
        let more = proxy().unwrap();
        assert!(of_proxy.iter().all(|one| !has_to_yield(one)) && !has_to_yield(&more));
        drop(busy);
    }

    #[test]
    fn whoever_is_answered_through_a_proxy_has_a_share_and_yields_as_who_came_directly() {
        let roster = Arc::new(Roster::new(5, 3));
        let proxy = || roster.enter([10, 0, 0, 1].into(), true).map(Arc::new);
        let source = |last: u8| Source::of([192, 0, 2, last].into());
        let of_proxy: Vec<_> = (0..5).map(|_| proxy().unwrap()).collect();
        let mut busy: Vec<_> = of_proxy.iter().map(Member::busy).collect();
        assert!(busy[..3].iter().all(|one| one.count_for(source(1)).is_some()));
        assert!(busy[3].count_for(source(1)).is_none() && busy[3].count_for(source(2)).is_some());
        assert!(busy[4].count_for(source(3)).is_some());
        // All are taken, and the greediest yields to whoever comes, through the proxy or not.
        let newcomers = (proxy().unwrap(), enter(&roster, 4).unwrap());
        assert_eq!(of_proxy.iter().map(|one| has_to_yield(one)).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert!(!has_to_yield(&newcomers.0) && !has_to_yield(&newcomers.1));
        // A finished answer no longer counts, and one whose connection was ended is not subtracted twice.
        busy.clear();
        let members = roster.lock();
        assert_eq!((members.holdings.held(), members.holdings.of(source(4))), (1, 1));
        assert_eq!((members.entries.len(), members.order.len()), (5, 5));
    }

    #[test]
    fn one_who_came_directly_needs_no_place_that_a_proxy_leaves_idle() {
        let roster = Arc::new(Roster::new(2, 2));
        let idle: Vec<_> = (0..2).map(|_| roster.enter([10, 0, 0, 1].into(), true).unwrap()).collect();
        assert!(enter(&roster, 1).is_some() && has_to_yield(&idle[0]) && !has_to_yield(&idle[1]));
    }
}
