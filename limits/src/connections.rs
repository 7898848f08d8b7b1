//! HTTP/1.1 over a bounded number of connections, none of which may take for ever (RFC 9112).
mod answer;
mod bounds;
mod patience;
mod refusal;
mod roster;
mod stream;

use crate::source::{Source, TrustedProxies};
use answer::AnswerBody;
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Method, Request, Response, header},
};
pub use bounds::Bounds;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use patience::PatientBody;
use roster::{Member, Roster};
use rustix::net::sockopt;
use std::{
    convert::Infallible,
    fmt::{self, Debug, Formatter},
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use stream::PatientStream;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::ServiceExt;

/// Of a request's line and headers together.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// That a connection holds of its input, and of its output.
const MAX_BUFFER_BYTES: usize = 128 * 1024;
/// How long the other side may be silent before the kernel asks whether it is still there, and between two questions.
const ASK_AFTER: Duration = Duration::from_secs(15);
/// How many unanswered questions end the connection.
const ASK_TIMES: u32 = 4;
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The answer to a connection for which there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The connections of a process, at however many addresses it listens.
#[derive(Clone)]
pub struct Connections {
    bounds: Bounds,
    roster: Arc<Roster>,
    proxies: Arc<TrustedProxies>,
    /// Is told each address that was refused.
    refused: Arc<dyn Fn(IpAddr) + Send + Sync>,
}

impl Debug for Connections {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// How far a server has come with its own end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// No connection takes another request.
    Finishing,
    Over,
}

impl Connections {
    /// `refused` is told each address that was refused a connection, or an answer behind a proxy.
    #[must_use]
    pub fn new(bounds: Bounds, proxies: Arc<TrustedProxies>, refused: impl Fn(IpAddr) + Send + Sync + 'static) -> Self {
        let total = bounds.total.min(open_files().saturating_mul(3) / 4).max(1);
        let roster = Arc::new(Roster::new(total, bounds.per_source));
        Self { bounds, roster, proxies, refused: Arc::new(refused) }
    }

    /// How many connections there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.roster.count()
    }

    /// Serves until `shutdown`. Then the listener closes, and so does each stream that a client listens to. Answers
    /// under way get the grace of the bounds; what is left after it is cut off.
    pub async fn serve(&self, listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
        let (stage, stages) = watch::channel(Stage::Serving);
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &router, &stages),
                // The connection ended before the server took it.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
        drop((listener, stages));
        let _ = stage.send(Stage::Finishing);
        let _ = tokio::time::timeout(self.bounds.grace, stage.closed()).await;
        let _ = stage.send(Stage::Over);
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, router: &Router, stages: &watch::Receiver<Stage>) {
        let Some(member) = self.roster.enter(peer.ip(), self.proxies.trust(peer.ip())) else {
            (self.refused)(peer.ip());
            let _ = stream.try_write(NO_ROOM);
            return;
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "a socket option cannot be set");
        }
        tokio::spawn(self.clone().converse(stream, peer, router.clone(), member, stages.clone()));
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Events of a stream are small, and must not wait for more bytes to fill a packet.
    stream.set_nodelay(true)?;
    sockopt::set_tcp_keepidle(stream, ASK_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, ASK_AFTER)?;
    sockopt::set_tcp_keepcnt(stream, ASK_TIMES)?;
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

impl Connections {
    async fn converse(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        router: Router,
        member: Member,
        mut stages: watch::Receiver<Stage>,
    ) {
        let member = Arc::new(member);
        let stream = PatientStream::new(stream, Arc::clone(&member), self.bounds);
        let peer_socket = stream.peer();
        let stream = TokioIo::new(stream);
        let own_stages = stages.clone();
        let service = service_fn(|request| {
            let (connections, router, member) = (self.clone(), router.clone(), Arc::clone(&member));
            let stages = own_stages.clone();
            async move { Ok::<_, Infallible>(connections.answer(request, peer, router, &member, stages).await) }
        });
        let mut http = http1::Builder::new();
        // A client that has closed its sending half still gets its answer, so hyper does not notice a client that left.
        // The stream keeps the time: hyper has only one time-out for both idle connections and slow heads.
        http.half_close(true).header_read_timeout(None).max_header_size(MAX_HEAD_BYTES).max_buf_size(MAX_BUFFER_BYTES);
        let mut connection = pin!(http.serve_connection(stream, service));
        let mut finishing = false;
        loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke off");
                    }
                    return;
                }
                () = member.must_yield() => return,
                () = peer_socket.leaves() => return,
                stage = stages.wait_for(|stage| *stage == Stage::Over || (*stage == Stage::Finishing && !finishing)) => {
                    if !stage.is_ok_and(|stage| *stage == Stage::Finishing) {
                        return;
                    }
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
        member: &Arc<Member>,
        stages: watch::Receiver<Stage>,
    ) -> Response<AnswerBody> {
        let busy = member.busy();
        let listens = request.method() == Method::GET;
        let client = self.proxies.client_behind_proxy(peer.ip(), request.headers());
        let response = if let Some(rule) = refusal::malformed(&request) {
            refusal::refusal(rule)
        } else if let Some(refused) = client.filter(|client| busy.count_for(Source::of(*client)).is_none()) {
            (self.refused)(refused);
            refusal::share_is_taken()
        } else {
            let mut request = request.map(|body| Body::new(PatientBody::new(body, self.bounds.stall)));
            request.extensions_mut().insert(ConnectInfo(peer));
            router.oneshot(request).await.unwrap_or_else(|never| match never {})
        };
        let is_listened_to = listens && is_event_stream(&response);
        response.map(|body| AnswerBody {
            body,
            ends: is_listened_to.then(|| Box::pin(asked_to_finish(stages)) as _),
            _busy: busy,
        })
    }
}

/// Whether the response is a stream of events. As the answer to a GET it would never end by itself; as the answer to a
/// POST it is work under way.
fn is_event_stream<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.starts_with(b"text/event-stream"))
}

async fn asked_to_finish(mut stages: watch::Receiver<Stage>) {
    let _ = stages.wait_for(|stage| *stage != Stage::Serving).await;
}

#[cfg(test)]
mod tests;
