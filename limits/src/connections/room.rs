//! Who is connected: so many in all and of each source, and who has to yield to whom. A proxy's connection counts for
//! whoever is answered on it.
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

pub(super) struct Room {
    total: usize,
    per_source: usize,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// Of those who came by themselves, or whom a proxy tells of. Proxies themselves bring many people, and so are
    /// nobody's measure of greed.
    holdings: Holdings,
    known: HashMap<u64, Known>,
    /// Of each source: the idle ones first, those longest like that before the others.
    order: BTreeMap<(Place, bool, u64), u64>,
    ticks: u64,
}

/// A source, or all proxies together.
type Place = Option<Source>;

struct Known {
    /// Of the connection itself.
    own: Place,
    /// Where it counts now.
    place: Place,
    busy: bool,
    tick: u64,
    /// Ends the connection.
    end: Arc<Notify>,
}

/// A connection. Its place is free again when this is dropped.
pub(super) struct Member {
    room: Arc<Room>,
    id: u64,
    end: Arc<Notify>,
    /// Odd while a request is being answered.
    turn: AtomicUsize,
}

/// A request is being answered, until this is dropped.
pub(super) struct Busy(Arc<Member>);

impl Room {
    pub fn new(total: usize, per_source: usize) -> Self {
        Self { total, per_source, members: Mutex::default() }
    }

    pub fn count(&self) -> usize {
        self.lock().known.len()
    }

    /// `None` if nobody has to yield to this one.
    pub fn enter(self: &Arc<Self>, address: IpAddr, is_proxy: bool) -> Option<Member> {
        let place = (!is_proxy).then(|| Source::of(address));
        let mut members = self.lock();
        members.make_share(place, self.per_source)?;
        if members.known.len() >= self.total {
            members.make_place(place)?;
        }
        let end = Arc::new(Notify::new());
        let id = members.add(place, Arc::clone(&end));
        drop(members);
        Some(Member { room: Arc::clone(self), id, end, turn: AtomicUsize::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn add(&mut self, place: Place, end: Arc<Notify>) -> u64 {
        self.ticks += 1;
        let tick = self.ticks;
        if let Some(source) = place {
            self.holdings.add(source, 1);
        }
        self.order.insert((place, false, tick), tick);
        self.known.insert(tick, Known { own: place, place, busy: false, tick, end });
        tick
    }

    fn remove(&mut self, id: u64) -> Option<Known> {
        let known = self.known.remove(&id)?;
        self.order.remove(&(known.place, known.busy, known.tick));
        if let Some(source) = known.place {
            self.holdings.remove(source, 1);
        }
        Some(known)
    }

    /// The longest idle one; else, unless only those may go, the one that has been busy longest.
    fn end_one(&mut self, place: Place, only_idle: bool) -> Option<()> {
        let of_place = (place, false, 0)..=(place, !only_idle, u64::MAX);
        let id = *self.order.range(of_place).next()?.1;
        self.remove(id)?.end.notify_one();
        Some(())
    }

    /// One more of a source: at its share, an idle one of its own goes for it.
    fn make_share(&mut self, place: Place, per_source: usize) -> Option<()> {
        let is_full = place.is_some_and(|source| self.holdings.of(source) >= per_source);
        if is_full { self.end_one(place, true) } else { Some(()) }
    }

    /// One more in all.
    fn make_place(&mut self, place: Place) -> Option<()> {
        let greediest = match place {
            Some(source) => self.holdings.yields_to(source),
            None if self.end_one(None, true).is_some() => return Some(()),
            None => self.holdings.greediest(),
        };
        match greediest {
            Some(greediest) => self.end_one(Some(greediest), place == Some(greediest)),
            None => self.end_one(None, true),
        }
    }

    fn set(&mut self, id: u64, place: impl FnOnce(&Known) -> Place, busy: bool) {
        let Some(known) = self.known.get_mut(&id) else { return };
        let place = place(known);
        self.ticks += 1;
        self.order.remove(&(known.place, known.busy, known.tick));
        if place != known.place {
            known.place.inspect(|source| self.holdings.remove(*source, 1));
            place.inspect(|source| self.holdings.add(*source, 1));
        }
        (known.place, known.busy, known.tick) = (place, busy, self.ticks);
        self.order.insert((place, busy, known.tick), id);
    }
}

impl Member {
    /// Returns when somebody else needs the place.
    pub async fn has_to_yield(&self) {
        self.end.notified().await;
    }

    pub fn busy(self: &Arc<Self>) -> Busy {
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.room.lock().set(self.id, |known| known.own, true);
        Busy(Arc::clone(self))
    }

    pub fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    pub fn is_busy(&self) -> bool {
        self.turn() % 2 == 1
    }
}

impl Busy {
    /// Counts it for whom a proxy tells of, until it ends; not if that one has its share of answers under way.
    pub fn count_for(&self, source: Source) -> Option<()> {
        let Member { room, id, .. } = &*self.0;
        let mut members = room.lock();
        members.make_share(Some(source), room.per_source)?;
        members.set(*id, |_| Some(source), true);
        Some(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        self.0.room.lock().set(self.0.id, |known| known.own, false);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.room.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(room: &Arc<Room>, last: u8) -> Option<Arc<Member>> {
        room.enter([192, 0, 2, last].into(), false).map(Arc::new)
    }

    fn has_to_yield(member: &Member) -> bool {
        !member.room.lock().known.contains_key(&member.id)
    }

    #[test]
    fn one_source_with_all_places_yields_to_a_newcomer_idle_ones_first() {
        let room = Arc::new(Room::new(4, 4));
        let greedy: Vec<_> = (0..4).map(|_| enter(&room, 1).unwrap()).collect();
        let busy = [greedy[0].busy(), greedy[1].busy(), greedy[3].busy()];
        let newcomer = enter(&room, 2).unwrap();
        assert_eq!(greedy.iter().map(|one| has_to_yield(one)).collect::<Vec<_>>(), [false, false, true, false]);
        let second = enter(&room, 3).unwrap();
        assert!(has_to_yield(&greedy[0]) && room.count() == 4);
        assert!(!has_to_yield(&newcomer) && !has_to_yield(&second));
        // With all places busy its own next one is refused.
        assert!(enter(&room, 1).is_none());
        drop(busy);
    }

    #[test]
    fn a_source_at_its_share_gives_up_an_idle_one_of_its_own_or_is_refused() {
        let room = Arc::new(Room::new(10, 2));
        let (first, second) = (enter(&room, 1).unwrap(), enter(&room, 1).unwrap());
        let busy = (first.busy(), second.busy());
        assert!(enter(&room, 1).is_none());
        drop(busy.0);
        assert!(enter(&room, 1).is_some());
        assert!(has_to_yield(&first) && !has_to_yield(&second));
    }

    #[test]
    fn a_proxy_has_as_many_as_it_needs_and_is_never_the_greediest() {
        let room = Arc::new(Room::new(4, 1));
        let proxy = || room.enter([10, 0, 0, 1].into(), true).map(Arc::new);
        let of_proxy = [proxy().unwrap(), proxy().unwrap(), proxy().unwrap()];
        let direct = enter(&room, 1).unwrap();
        let busy: Vec<_> = of_proxy.iter().map(Member::busy).collect();
        assert!(enter(&room, 2).is_some() && has_to_yield(&direct));
        let more = proxy().unwrap();
        assert!(of_proxy.iter().all(|one| !has_to_yield(one)) && !has_to_yield(&more));
        drop(busy);
    }

    #[test]
    fn whoever_is_answered_through_a_proxy_has_a_share_and_yields_as_who_came_directly() {
        let room = Arc::new(Room::new(5, 3));
        let proxy = || room.enter([10, 0, 0, 1].into(), true).map(Arc::new);
        let source = |last: u8| Source::of([192, 0, 2, last].into());
        let of_proxy: Vec<_> = (0..5).map(|_| proxy().unwrap()).collect();
        let mut busy: Vec<_> = of_proxy.iter().map(Member::busy).collect();
        assert!(busy[..3].iter().all(|one| one.count_for(source(1)).is_some()));
        assert!(busy[3].count_for(source(1)).is_none() && busy[3].count_for(source(2)).is_some());
        assert!(busy[4].count_for(source(3)).is_some());
        // All are taken, and the greediest yields to whoever comes, through the proxy or not.
        let newcomers = (proxy().unwrap(), enter(&room, 4).unwrap());
        assert_eq!(of_proxy.iter().map(|one| has_to_yield(one)).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert!(!has_to_yield(&newcomers.0) && !has_to_yield(&newcomers.1));
        // What was answered counts no more, and whose place is gone takes none away.
        busy.clear();
        let members = room.lock();
        assert_eq!((members.holdings.held(), members.holdings.of(source(4))), (1, 1));
        assert_eq!((members.known.len(), members.order.len()), (5, 5));
    }

    #[test]
    fn one_who_came_directly_needs_no_place_that_a_proxy_leaves_idle() {
        let room = Arc::new(Room::new(2, 2));
        let idle: Vec<_> = (0..2).map(|_| room.enter([10, 0, 0, 1].into(), true).unwrap()).collect();
        assert!(enter(&room, 1).is_some() && has_to_yield(&idle[0]) && !has_to_yield(&idle[1]));
    }
}
