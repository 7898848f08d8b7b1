//! Who is connected: so many in all and of each source, and who has to yield to whom.
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
    /// Of those who came by themselves. Proxies bring many people, and so are nobody's measure of greed.
    holdings: Holdings,
    known: HashMap<u64, Known>,
    /// Of each source: the idle ones first, those longest like that before the others.
    order: BTreeMap<(Place, bool, u64), u64>,
    ticks: u64,
}

/// A source, or all proxies together.
type Place = Option<Source>;

struct Known {
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
        if place.is_some_and(|source| members.holdings.of(source) >= self.per_source) {
            members.end_one(place, true)?;
        }
        if members.known.len() >= self.total {
            if let Some(source) = place {
                let greediest = members.holdings.yields_to(source)?;
                members.end_one(Some(greediest), greediest == source)?;
            } else if members.end_one(None, true).is_none() {
                let greediest = members.holdings.greediest()?;
                members.end_one(Some(greediest), false)?;
            }
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
        self.known.insert(tick, Known { place, busy: false, tick, end });
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

    fn set_busy(&mut self, id: u64, busy: bool) {
        let Some(known) = self.known.get_mut(&id) else { return };
        self.ticks += 1;
        self.order.remove(&(known.place, known.busy, known.tick));
        (known.busy, known.tick) = (busy, self.ticks);
        self.order.insert((known.place, busy, known.tick), id);
    }
}

impl Member {
    /// Returns when somebody else needs the place.
    pub async fn has_to_yield(&self) {
        self.end.notified().await;
    }

    pub fn busy(self: &Arc<Self>) -> Busy {
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.room.lock().set_busy(self.id, true);
        Busy(Arc::clone(self))
    }

    pub fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    pub fn is_busy(&self) -> bool {
        self.turn() % 2 == 1
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.turn.fetch_add(1, Ordering::Relaxed);
        self.0.room.lock().set_busy(self.0.id, false);
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
}
