//! HTTP/1.1 over connections of which there are only so many, and none of which may take for ever (RFC 9112).
mod answer;
mod patience;
mod room;
mod stream;

use crate::source::{Source, TrustedProxies};
use answer::Answering;
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::Authority},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use patience::PatientBody;
use room::{Member, Room};
use rustix::net::sockopt;
use std::{
    convert::Infallible,
    fmt::{self, Debug, Formatter},
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use stream::PatientStream;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::ServiceExt;

/// Bytes of a request's line and headers.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes that a connection holds of what comes in and of what goes out.
const MAX_BUFFER: usize = 128 * 1024;
/// The kernel asks a silent other side whether it is there: after so long, and so often.
const ASK_AFTER: Duration = Duration::from_secs(15);
const ASK_TIMES: u32 = 4;
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once. Never more than three quarters of the files that the process may open.
    pub total: usize,
    /// Connections at once of one source that is no trusted proxy, and answers under way to one that a proxy tells of.
    pub per_source: usize,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Without a request.
    pub idle: Duration,
    /// For bytes of a body to come in, or of an answer to be taken; longer as long as they keep coming.
    pub stall: Duration,
    /// For answers under way, once the server was asked to stop.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            total: 1024,
            per_source: 128,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

/// The connections of a process, at however many addresses it listens.
#[derive(Clone)]
pub struct Connections {
    bounds: Bounds,
    room: Arc<Room>,
    proxies: Arc<TrustedProxies>,
    refused: Arc<dyn Fn(IpAddr) + Send + Sync>,
}

impl Debug for Connections {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// How far a server is on its way to an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// No request more on any connection.
    Finishing,
    Over,
}

impl Connections {
    /// `refused` is told of each address that a connection was refused to, or an answer behind a proxy.
    #[must_use]
    pub fn new(bounds: Bounds, proxies: Arc<TrustedProxies>, refused: impl Fn(IpAddr) + Send + Sync + 'static) -> Self {
        let total = bounds.total.min(open_files().saturating_mul(3) / 4).max(1);
        let room = Arc::new(Room::new(total, bounds.per_source));
        Self { bounds, room, proxies, refused: Arc::new(refused) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.room.count()
    }

    /// Answers until `shutdown`; then nothing new is taken, streams that somebody listens to end, answers under way
    /// have some time to end, and whatever is left then ends too.
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
                // The connection's own end, before we took it.
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
        let Some(member) = self.room.enter(peer.ip(), self.proxies.trust(peer.ip())) else {
            (self.refused)(peer.ip());
            let _ = stream.try_write(BUSY);
            return;
        };
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "a connection is not as it should be");
        }
        tokio::spawn(self.clone().converse(stream, peer, router.clone(), member, stages.clone()));
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    // Events of a stream are small and wait for nobody.
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
        let other_side = stream.other_side();
        let stream = TokioIo::new(stream);
        let own_stages = stages.clone();
        let service = service_fn(|request| {
            let (connections, router, member) = (self.clone(), router.clone(), Arc::clone(&member));
            let stages = own_stages.clone();
            async move { Ok::<_, Infallible>(connections.answer(request, peer, router, &member, stages).await) }
        });
        let mut http = http1::Builder::new();
        // Who has said all there is to say still hears the answer; so hyper does not notice who leaves. Time is kept by
        // the stream: hyper knows one time-out for idle connections and slow heads.
        http.half_close(true).header_read_timeout(None).max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER);
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
                () = member.has_to_yield() => return,
                () = other_side.leaves() => return,
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
    ) -> Response<Answering> {
        let busy = member.busy();
        let asks = request.method() == Method::GET;
        let told = self.proxies.told(peer.ip(), request.headers());
        let response = if let Some(rule) = malformed(&request) {
            refusal(rule)
        } else if let Some(crowded) = told.filter(|told| busy.count_for(Source::of(*told)).is_none()) {
            (self.refused)(crowded);
            crowd()
        } else {
            let mut request = request.map(|body| Body::new(PatientBody::new(body, self.bounds.stall)));
            request.extensions_mut().insert(ConnectInfo(peer));
            router.oneshot(request).await.unwrap_or_else(|never| match never {})
        };
        let ends = (asks && is_stream(&response)).then(|| Box::pin(asked_to_finish(stages)) as Pinned<_>);
        response.map(|body| Answering { body, ends, _busy: busy })
    }
}

/// One that somebody listens to would never end. A stream that answers a message is work under way.
fn is_stream<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.starts_with(b"text/event-stream"))
}

async fn asked_to_finish(mut stages: watch::Receiver<Stage>) {
    let _ = stages.wait_for(|stage| *stage != Stage::Serving).await;
}

/// RFC 9112 §3.2: exactly one host, and one that can be one.
fn malformed<B>(request: &Request<B>) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (None, _) => Some("the Host header is missing"),
        (Some(_), Some(_)) => Some("the Host header may be sent once only"),
        (Some(host), None) => (!is_host(host)).then_some("the Host header is malformed"),
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    value.is_empty() || (!value.iter().any(|byte| b"@,".contains(byte)) && Authority::try_from(value).is_ok())
}

fn refusal(rule: &str) -> Response<Body> {
    let body = format!(r#"{{"error":"invalid_request","error_description":"{rule} (RFC 9112 section 3.2)"}}"#);
    let mut response = error(StatusCode::BAD_REQUEST, body);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// To one of those behind a proxy, whose connection it is and stays.
fn crowd() -> Response<Body> {
    let text = "too many answers to this address are under way; try again when one has ended";
    let body = format!(r#"{{"error":"temporarily_unavailable","error_description":"{text}"}}"#);
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, body);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn error(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the other side took too long")
}

type Pinned<T> = Pin<Box<T>>;

#[cfg(test)]
mod tests;
