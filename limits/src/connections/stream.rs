//! A socket that fails when the other side takes too long for a request's head, to send one, or to take an answer.
use super::{
    bounds::Bounds,
    patience::{Patience, timed_out},
    roster::Member,
};
use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, Sleep, sleep},
};

pub(super) struct PatientStream {
    input: Arc<OwnedReadHalf>,
    output: OwnedWriteHalf,
    member: Arc<Member>,
    bounds: Bounds,
    head: HeadTimer,
    writing: Patience,
}

/// The other end of a connection.
pub(super) struct Peer(Arc<OwnedReadHalf>);

impl Peer {
    /// Returns once nothing can be written to the peer any more. A peer that closed its sending half may still read the
    /// answer, so that is no end. A peer that left answers the kernel's questions with a reset, or not at all.
    pub async fn leaves(&self) {
        let stream: &TcpStream = (*self.0).as_ref();
        let _ = stream.ready(Interest::ERROR).await;
    }
}

/// The time that a request's head may take, while no request is being answered.
struct HeadTimer {
    /// The turn of the connection when the timer was last looked at.
    turn: usize,
    /// Some bytes of a head are here. A new connection counts as begun: its first head is due at once.
    begun: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    pub fn new(stream: TcpStream, member: Arc<Member>, bounds: Bounds) -> Self {
        let head = HeadTimer { turn: member.turn(), begun: true, timer: None };
        let (input, output) = stream.into_split();
        Self { input: Arc::new(input), output, member, bounds, head, writing: Patience::new(bounds.stall) }
    }

    pub fn peer(&self) -> Peer {
        Peer(Arc::clone(&self.input))
    }

    fn receive(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let input: &TcpStream = (*self.input).as_ref();
        loop {
            ready!(input.poll_read_ready(cx))?;
            match input.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|bytes| buffer.advance(bytes))),
            }
        }
    }

    fn written(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>, of: usize) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(Ok(bytes)) if bytes >= of => self.writing.renew(),
            Poll::Ready(Ok(bytes)) => self.writing.earn(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return self.writing.wait(cx).map(Err),
        }
        wrote
    }
}

impl HeadTimer {
    /// Ready once a head, or the first byte of one, has taken too long.
    fn is_late(&mut self, cx: &mut Context<'_>, head: Duration, idle: Duration) -> Poll<()> {
        let time = if self.begun { head } else { idle };
        self.timer.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx)
    }

    fn begin(&mut self, head: Duration) {
        if !self.begun {
            self.begun = true;
            if let Some(timer) = &mut self.timer {
                timer.as_mut().reset(Instant::now() + head);
            }
        }
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let turn = this.member.turn();
        if turn != this.head.turn {
            this.head = HeadTimer { turn, begun: false, timer: None };
        }
        let before = buffer.filled().len();
        let read = this.receive(cx, buffer);
        if this.member.is_busy() {
            // These bytes are a body, whose reader keeps the time; or there are none for as long as the answer takes.
            return read;
        }
        if read.is_pending() {
            ready!(this.head.is_late(cx, this.bounds.head, this.bounds.idle));
            return Poll::Ready(Err(timed_out()));
        }
        if buffer.filled().len() > before {
            this.head.begin(this.bounds.head);
        }
        read
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.output).poll_write(cx, bytes);
        this.written(cx, wrote, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.output).poll_write_vectored(cx, bytes);
        this.written(cx, wrote, bytes.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.output.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_shutdown(cx)
    }
}
