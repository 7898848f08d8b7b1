//! A server with one route for each kind of answer, and what a test says to it.
use super::super::{Bounds, Connections};
use crate::source::TrustedProxies;
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request},
    http::{StatusCode, header},
    routing::{get, post},
};
use std::{
    convert::Infallible,
    future::pending,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, Sleep, sleep},
};

pub struct Server {
    pub address: SocketAddr,
    pub connections: Connections,
    pub stop: Option<oneshot::Sender<()>>,
    /// The addresses that were refused.
    pub refused: Arc<Mutex<Vec<IpAddr>>>,
    pub ended: JoinHandle<()>,
    /// Requests to `/never` that have not been dropped.
    unanswered: Arc<AtomicUsize>,
    _time: StandingTime,
}

/// Tokio moves a paused clock by itself whenever nothing is ready to run, also while bytes are on their way through the
/// kernel. It does not while a blocking task runs: this is one, until it is dropped.
struct StandingTime(#[allow(dead_code)] mpsc::Sender<()>);

impl StandingTime {
    fn begin() -> Self {
        let (sender, receiver) = mpsc::channel();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }
}

/// Counts a request until it is dropped.
struct UnansweredRequest(Arc<AtomicUsize>);

impl UnansweredRequest {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnansweredRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn read_all(request: Request) -> Result<String, StatusCode> {
    let body = to_bytes(request.into_body(), usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(body.len().to_string())
}

/// A body without end: some bytes every fifteen seconds.
async fn stream() -> Body {
    Body::new(Heartbeat(Box::pin(sleep(Duration::ZERO))))
}

/// The same, with the type of an event stream.
async fn events() -> ([(header::HeaderName, &'static str); 1], Body) {
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], stream().await)
}

struct Heartbeat(Pin<Box<Sleep>>);

impl http_body::Body for Heartbeat {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        ready!(self.0.as_mut().poll(cx));
        self.0.as_mut().reset(Instant::now() + Duration::from_secs(15));
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b": alive\n\n")))))
    }
}

async fn done_after(time: Duration) -> &'static str {
    sleep(time).await;
    "done"
}

fn router(unanswered: &Arc<AtomicUsize>) -> Router {
    let unanswered = Arc::clone(unanswered);
    Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route("/body", post(read_all))
        .route("/no", post(|| async { StatusCode::FORBIDDEN }))
        .route("/stream", get(stream))
        .route("/events", get(events).post(events))
        .route("/large", get(|| async { "x".repeat(64 * 1024 * 1024) }))
        .route("/slow", get(|| done_after(Duration::from_secs(5))))
        .route("/an-hour", get(|| done_after(Duration::from_hours(1))))
        .route(
            "/never",
            get(|| async move {
                let _unanswered = UnansweredRequest::new(unanswered);
                pending::<()>().await;
            }),
        )
}

impl Server {
    pub async fn start(bounds: Bounds) -> Self {
        Self::start_behind(&[], bounds).await
    }

    pub async fn start_behind(proxies: &[&str], bounds: Bounds) -> Self {
        let proxies: Vec<_> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let proxies = Arc::new(TrustedProxies::new(&proxies));
        let unanswered = Arc::default();
        let router = router(&unanswered);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refused = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&refused);
        let connections = Connections::new(bounds, proxies, move |address| told.lock().unwrap().push(address));
        let (stop, stopped) = oneshot::channel();
        let own = connections.clone();
        let ended = tokio::spawn(async move {
            own.serve(listener, router, async { drop(stopped.await) }).await;
        });
        Self { address, connections, stop: Some(stop), refused, ended, unanswered, _time: StandingTime::begin() }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 1, last], 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// All that comes back until the server closes.
    pub async fn say(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }
}

pub async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub async fn some(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

/// Lets every task do what it can do without time passing.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        tokio::task::yield_now().await;
    }
}

/// Lets the tasks go on until this is so, without time passing.
pub async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        settle().await;
    }
}

pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}
