//! How long bytes may take to come in or go out: a fixed time, and more of it for each byte that moves.
use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// A peer that moves this many bytes a second never runs out of time.
const BYTES_PER_SECOND: u32 = 4 * 1024;

/// The error of a connection whose other side took too long.
pub(super) fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the other side took too long")
}

/// Time that waiting for the other side uses up, and that each byte of the other side gives back.
pub(super) struct Patience {
    most: Duration,
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Patience {
    pub fn new(most: Duration) -> Self {
        Self { most, left: most, waiting: None }
    }

    /// Called while no byte moves; ready with an error once that has lasted too long.
    pub fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let left = self.left;
        let (_, sleep) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(timed_out())
    }

    pub fn earn(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_secs(1).saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)) / BYTES_PER_SECOND;
        self.left = self.most.min(self.left + earned);
    }

    pub fn renew(&mut self) {
        self.waiting = None;
        self.left = self.most;
    }
}

/// The body of a request, whose bytes have to keep coming.
pub(super) struct PatientBody {
    body: Incoming,
    patience: Patience,
}

impl PatientBody {
    pub fn new(body: Incoming, stall: Duration) -> Self {
        Self { body, patience: Patience::new(stall) }
    }
}

impl Body for PatientBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.patience.earn(data.map_or(0, Bytes::len));
                Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)))
            }
            Poll::Pending => {
                let late = ready!(self.patience.wait(cx));
                Poll::Ready(Some(Err(axum::Error::new(late))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
