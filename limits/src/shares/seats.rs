//! Seats: how many may do something at once. In the queue before them each source has its turn.
use super::holdings::Holdings;
use crate::source::Source;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// A number of seats, of which one source has `each` at most, and a queue. When the queue is full, the newest of the
/// source with most in it has to leave for a newcomer.
#[derive(Clone, Debug)]
pub struct Seats(Arc<Mutex<SeatState>>);

#[derive(Debug)]
struct SeatState {
    seats: usize,
    each: usize,
    queue: usize,
    seated: Holdings,
    waiting: Holdings,
    line: BTreeMap<(Source, u64), oneshot::Sender<Seat>>,
    ticks: u64,
    /// The source that was seated last. The next seat goes to the source after it.
    turn: Option<Source>,
}

/// A seat, which is free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    source: Source,
}

/// All seats are taken, and the queue has no place for this source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A place in the queue, which is left when this is dropped.
struct QueuePlace<'a> {
    seats: &'a Seats,
    place: (Source, u64),
}

impl Seats {
    #[must_use]
    pub fn new(seats: usize, each: usize, queue: usize) -> Self {
        Self(Arc::new(Mutex::new(SeatState {
            seats,
            each,
            queue,
            seated: Holdings::default(),
            waiting: Holdings::default(),
            line: BTreeMap::new(),
            ticks: 0,
            turn: None,
        })))
    }

    /// A seat, if one is free now.
    pub fn try_take(&self, source: Source) -> Result<Seat, Full> {
        self.lock().seat(source).then(|| self.seat_of(source)).ok_or(Full)
    }

    /// A seat, after a wait where none is free now.
    pub async fn take(&self, source: Source) -> Result<Seat, Full> {
        let (turn, place) = {
            let mut state = self.lock();
            // One lock for both: a seat given back between them would find nobody in the queue.
            if state.seat(source) {
                return Ok(self.seat_of(source));
            }
            state.line_up(source)?
        };
        let _queue_place = QueuePlace { seats: self, place };
        turn.await.map_err(|_| Full)
    }

    /// How many seats are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.lock().seated.held()
    }

    fn seat_of(&self, source: Source) -> Seat {
        Seat { seats: self.clone(), source }
    }

    fn lock(&self) -> MutexGuard<'_, SeatState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeatState {
    fn has_room_for(&self, source: Source) -> bool {
        self.seated.held() < self.seats && self.seated.of(source) < self.each
    }

    /// Seats the source; whether there was a free seat.
    fn seat(&mut self, source: Source) -> bool {
        let free = self.has_room_for(source);
        if free {
            self.seated.add(source, 1);
            self.turn = Some(source);
        }
        free
    }

    fn line_up(&mut self, source: Source) -> Result<(oneshot::Receiver<Seat>, (Source, u64)), Full> {
        if self.waiting.held() >= self.queue {
            let greediest = self.waiting.yields_to(source).filter(|greediest| *greediest != source).ok_or(Full)?;
            let of_greediest = (greediest, 0)..=(greediest, u64::MAX);
            let last = self.line.range(of_greediest).next_back().map(|(place, _)| *place);
            last.map(|place| self.leave(place));
        }
        self.ticks += 1;
        let (place, (turn, mine)) = ((source, self.ticks), oneshot::channel());
        self.waiting.add(source, 1);
        self.line.insert(place, turn);
        Ok((mine, place))
    }

    fn leave(&mut self, place: (Source, u64)) -> Option<oneshot::Sender<Seat>> {
        let waiter = self.line.remove(&place)?;
        self.waiting.remove(place.0, 1);
        Some(waiter)
    }

    /// Seats the next in the queue: source after source, and in each source the one that came first.
    fn seat_next(&mut self) -> Option<(Source, oneshot::Sender<Seat>)> {
        let mut after = self.turn;
        // First the sources after the last turn, then those before it.
        for _ in 0..2 {
            while let Some(place) = self.first_after(after) {
                if self.seat(place.0) {
                    return self.leave(place).map(|waiter| (place.0, waiter));
                }
                after = Some(place.0);
            }
            after = None;
        }
        None
    }

    fn first_after(&self, source: Option<Source>) -> Option<(Source, u64)> {
        match source {
            Some(source) => self.line.range((source, u64::MAX)..).next().map(|(place, _)| *place),
            None => self.line.keys().next().copied(),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let next = {
            let mut state = self.seats.lock();
            state.seated.remove(self.source, 1);
            state.seat_next()
        };
        // Outside the lock: if the waiter gave up meanwhile, its seat is dropped right here, which locks again.
        if let Some((source, waiter)) = next {
            let _ = waiter.send(Self { seats: self.seats.clone(), source });
        }
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.seats.lock().leave(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{pin::pin, task::Poll};

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    /// Whether it is there without waiting.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            Poll::Ready(match future.as_mut().poll(cx) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn sixty_that_wait_do_not_keep_out_one_that_comes_last() {
        let seats = Seats::new(2, 2, 32);
        let mut flood: Vec<_> = (0..60).map(|_| Box::pin(seats.take(source(1)))).collect();
        let mut seated = Vec::new();
        let mut refused = 0;
        for one in &mut flood {
            match now(one.as_mut()).await {
                Some(Ok(seat)) => seated.push(seat),
                Some(Err(Full)) => refused += 1,
                None => {}
            }
        }
        assert_eq!((seated.len(), refused, seats.taken()), (2, 26, 2));
        let mut honest = Box::pin(seats.take(source(2)));
        assert!(now(honest.as_mut()).await.is_none());
        // The last in line has left for it; and it is next.
        let mut left = 0;
        for one in flood.drain(26..34) {
            left += usize::from(now(one).await.is_some());
        }
        assert_eq!(left, 1);
        drop(seated.pop());
        assert!(now(honest.as_mut()).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_source_has_its_own_seats_only_and_gives_back_what_it_does_not_use() {
        let seats = Seats::new(3, 2, 0);
        let held = [seats.try_take(source(1)).unwrap(), seats.try_take(source(1)).unwrap()];
        assert_eq!(seats.try_take(source(1)).unwrap_err(), Full);
        assert_eq!(now(seats.take(source(1))).await.unwrap().unwrap_err(), Full);
        let other = seats.try_take(source(2)).unwrap();
        assert!(seats.try_take(source(3)).is_err());
        drop((held, other));
        assert_eq!(seats.taken(), 0);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_takes_nobodys_turn() {
        let seats = Seats::new(1, 1, 10);
        let first = seats.try_take(source(1)).unwrap();
        let mut gone = Box::pin(seats.take(source(2)));
        let mut stays = Box::pin(seats.take(source(3)));
        assert!(now(gone.as_mut()).await.is_none() && now(stays.as_mut()).await.is_none());
        drop(gone);
        drop(first);
        let seat = now(stays.as_mut()).await.unwrap().unwrap();
        // Called, and given up before it looked.
        let mut called = Box::pin(seats.take(source(2)));
        assert!(now(called.as_mut()).await.is_none());
        drop(seat);
        drop(called);
        assert_eq!(seats.taken(), 0);
    }
}
