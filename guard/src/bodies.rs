//! Request bodies that are held in memory: what all of them may take, with a share for each source. Those of strangers
//! have a room of their own, and when it is full the greediest source yields.
use crate::{body_limit::BodyLimit, challenge::Refusal, error_code::ErrorCode};
use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use keyward_limits::{shares::Table, source::Source};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// Bytes that the messages of all who are known, and of all strangers, may take; and those of one source.
const ROOM: usize = 48 * 1024 * 1024;
const SHARE: usize = 32 * 1024 * 1024;
/// What a message takes that says nothing.
const LEAST: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Bodies {
    /// Of those who are known, and of strangers.
    rooms: [Mutex<Table<u64, Arc<Notify>>>; 2],
    next: AtomicU64,
    longest: usize,
}

/// The room that one message takes, until it is dropped.
#[derive(Debug)]
pub struct HeldBody {
    bodies: Arc<Bodies>,
    room: usize,
    source: Source,
    number: u64,
    yields: Arc<Notify>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BodyLimit::default())
    }
}

impl Bodies {
    /// A body as long as it may be has room, and another beside it.
    pub fn new(limit: BodyLimit) -> Self {
        let longest = limit.bytes();
        let share = share(longest);
        let room = || Mutex::new(Table::new(ROOM.max(share + share / 2), share));
        Self { rooms: [room(), room()], next: AtomicU64::new(0), longest }
    }

    /// The whole body of a message, by somebody who is known or a stranger. What is parsed takes more.
    pub async fn read(
        self: &Arc<Self>,
        body: Body,
        is_known: bool,
        source: Source,
        is_parsed: bool,
    ) -> Result<(Bytes, HeldBody), Refusal> {
        let held = HeldBody {
            bodies: Arc::clone(self),
            room: usize::from(!is_known),
            source,
            number: self.next.fetch_add(1, Ordering::Relaxed),
            yields: Arc::default(),
        };
        let late = |_| Refusal::new(ErrorCode::RequestTimeout, "the body took more than 30 seconds");
        let read = async {
            tokio::select! {
                body = held.read(body) => body,
                () = held.yields() => Err(busy()),
            }
        };
        let body = timeout(PATIENCE, read).await.map_err(late).flatten()?;
        held.take(if is_parsed { weight(&body) } else { LEAST + 4 * body.len() })?;
        Ok((body, held))
    }

    fn lock(&self, room: usize) -> MutexGuard<'_, Table<u64, Arc<Notify>>> {
        self.rooms[room].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one source may take, so that the longest body fits.
fn share(longest: usize) -> usize {
    SHARE.max(5 * longest)
}

impl HeldBody {
    async fn read(&self, body: Body) -> Result<Bytes, Refusal> {
        let (mut stream, mut bytes) = (body.into_data_stream(), Vec::<u8>::new());
        while let Some(chunk) = stream.next().await {
            let broken = |_| Refusal::new(ErrorCode::InvalidRequest, "the body could not be read");
            let chunk = chunk.map_err(broken)?;
            let length = bytes.len() + chunk.len();
            if length > self.bodies.longest {
                return Err(Refusal::new(ErrorCode::ContentTooLarge, "the body is longer than this server takes"));
            }
            if length > bytes.capacity() {
                // Half as much again: what is taken is what is counted.
                let capacity = (bytes.capacity() + bytes.capacity() / 2).clamp(length, self.bodies.longest);
                self.take(capacity)?;
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.into())
    }

    /// From now on it is an answer of so many bytes that waits.
    pub fn answers(&self, bytes: usize) -> Result<(), Refusal> {
        self.take(LEAST + bytes)
    }

    /// So much from now on. Those who hold most make room.
    fn take(&self, weight: usize) -> Result<(), Refusal> {
        if weight > share(self.bodies.longest) {
            let text = "the message has too many parts";
            return Err(Refusal::new(ErrorCode::ContentTooLarge, text));
        }
        let gone = self.bodies.lock(self.room).insert(self.source, self.number, Arc::clone(&self.yields), weight);
        for (_, yields) in &gone {
            yields.notify_one();
        }
        Ok(())
    }

    /// When others need the room.
    pub async fn yields(&self) {
        self.yields.notified().await;
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.bodies.lock(self.room).remove(&self.number);
    }
}

pub fn busy() -> Refusal {
    Refusal::busy("others send less and came after you")
}

/// Bytes that a message takes once it has been read: most of them are the nodes of its objects.
fn weight(body: &[u8]) -> usize {
    let of = |byte: &u8| match byte {
        b'{' => 1400,
        b'[' => 256,
        b',' | b':' => 128,
        _ => 0,
    };
    LEAST + 4 * body.len() + body.iter().map(of).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use futures_util::FutureExt;

    /// What is held of the rooms of those who are known and of strangers.
    fn taken(bodies: &Bodies) -> [usize; 2] {
        [0, 1].map(|room| bodies.lock(room).weight())
    }

    type Chunk = Result<Bytes, std::io::Error>;

    /// A body that comes as it is sent.
    fn coming() -> (tokio::sync::mpsc::UnboundedSender<Chunk>, Body) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Chunk>();
        let chunks =
            futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        (sender, Body::from_stream(chunks))
    }

    #[tokio::test]
    async fn what_a_body_takes_is_counted_while_it_comes_and_given_back_however_it_ends() {
        let bodies = Arc::new(Bodies::new("1 MiB".parse().unwrap()));
        for (is_known, room) in [(true, 0), (false, 1)] {
            for ending in ["too long", "broken", "dropped", "read"] {
                let (sender, body) = coming();
                let source = Source::Party(7);
                let mut reading = Box::pin(bodies.read(body, is_known, source, true));
                sender.send(Ok(vec![b' '; 100_000].into())).unwrap();
                assert!(reading.as_mut().now_or_never().is_none());
                let mut expected = [0, 0];
                expected[room] = 100_000;
                assert_eq!(taken(&bodies), expected, "{ending}");
                // Half as much again, as the buffer has.
                sender.send(Ok(vec![b' '; 1_000].into())).unwrap();
                assert!(reading.as_mut().now_or_never().is_none());
                expected[room] = 150_000;
                assert_eq!(taken(&bodies), expected, "{ending}");
                match ending {
                    "too long" => {
                        sender.send(Ok(vec![b' '; 1024 * 1024].into())).unwrap();
                        assert_eq!(reading.await.unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
                    }
                    "broken" => {
                        sender.send(Err(std::io::Error::other("gone"))).unwrap();
                        assert_eq!(reading.await.unwrap_err().status, StatusCode::BAD_REQUEST);
                    }
                    "dropped" => drop(reading),
                    _ => {
                        drop(sender);
                        let (body, held) = reading.await.unwrap();
                        expected[room] = weight(&body);
                        assert_eq!((body.len(), taken(&bodies)), (101_000, expected));
                        drop(held);
                    }
                }
                assert_eq!(taken(&bodies), [0, 0], "{ending}");
            }
        }
        // What would be too much once it is read is refused, and gives its room back as well.
        let many = "{\"\":0},".repeat(100_000);
        let refused = bodies.read(Body::from(many), false, Source::Party(7), true).await.unwrap_err();
        assert_eq!((refused.status, taken(&bodies)), (StatusCode::PAYLOAD_TOO_LARGE, [0, 0]));
    }

    #[test]
    fn a_message_weighs_what_it_takes_in_memory() {
        assert_eq!(weight(b""), LEAST);
        let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000_000));
        assert!(weight(text.as_bytes()) < 4_100_000);
        assert!(weight("{\"\":0},".repeat(10_000).as_bytes()) > 7_000_000);
    }
}
