//! A socket that fails when the other side takes too long for a request's head, to send one, or to take an answer.
use super::{Bounds, Pinned, patience::Patience, room::Member, timed_out};
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
    reading: Reading,
    writing: Patience,
}

/// Whoever waits for an answer.
pub(super) struct OtherSide(Arc<OwnedReadHalf>);

impl OtherSide {
    /// Returns once nothing could be written to it. Whoever has said all there is to say may still hear the answer, so
    /// the end of what it says ends nothing; whoever left answers what the kernel asks with a reset, or not at all.
    pub async fn leaves(&self) {
        let stream: &TcpStream = (*self.0).as_ref();
        let _ = stream.ready(Interest::ERROR).await;
    }
}

/// Of what comes in while no request is being answered.
struct Reading {
    /// What the connection had answered when this was looked at last.
    turn: usize,
    /// Some of a head is here. At first a head is due at once: who connects wants something.
    begun: bool,
    timer: Option<Pinned<Sleep>>,
}

impl PatientStream {
    pub fn new(stream: TcpStream, member: Arc<Member>, bounds: Bounds) -> Self {
        let reading = Reading { turn: member.turn(), begun: true, timer: None };
        let (input, output) = stream.into_split();
        Self { input: Arc::new(input), output, member, bounds, reading, writing: Patience::new(bounds.stall) }
    }

    pub fn other_side(&self) -> OtherSide {
        OtherSide(Arc::clone(&self.input))
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

impl Reading {
    /// Whether a head, or the beginning of one, has been waited for too long.
    fn is_late(&mut self, cx: &mut Context<'_>, head: Duration, idle: Duration) -> Poll<()> {
        let time = if self.begun { head } else { idle };
        self.timer.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx)
    }

    fn came(&mut self, head: Duration) {
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
        if turn != this.reading.turn {
            this.reading = Reading { turn, begun: false, timer: None };
        }
        let before = buffer.filled().len();
        let read = this.receive(cx, buffer);
        if this.member.is_busy() {
            // A body, whose time is kept where it is read; or nothing, for as long as the answer takes.
            return read;
        }
        if read.is_pending() {
            ready!(this.reading.is_late(cx, this.bounds.head, this.bounds.idle));
            return Poll::Ready(Err(timed_out()));
        }
        if buffer.filled().len() > before {
            this.reading.came(this.bounds.head);
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
