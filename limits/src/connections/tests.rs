//! The listener against what clients do on a socket; tokio's time is moved by hand.
use super::*;
use axum::{
    body::{Bytes, to_bytes},
    extract::Request,
    routing::{get, post},
};
use std::{
    convert::Infallible,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::{Instant, advance, sleep},
};

struct Server {
    address: SocketAddr,
    connections: Connections,
    stop: Option<oneshot::Sender<()>>,
    refused: Arc<Mutex<Vec<IpAddr>>>,
    ended: tokio::task::JoinHandle<()>,
}

/// How many bodies were asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

async fn read_all(request: Request) -> Result<String, StatusCode> {
    ASKED.fetch_add(1, Ordering::Relaxed);
    let body = to_bytes(request.into_body(), usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(body.len().to_string())
}

/// Requests that are never answered.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Counted {
    fn new() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that says something every fifteen seconds, for ever.
async fn stream() -> Body {
    Body::new(Ticking(Box::pin(sleep(Duration::ZERO))))
}

/// The same, and it says what it is.
async fn events() -> ([(header::HeaderName, &'static str); 1], Body) {
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], stream().await)
}

struct Ticking(Pinned<tokio::time::Sleep>);

impl http_body::Body for Ticking {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.0.as_mut().poll(cx));
        self.0.as_mut().reset(Instant::now() + Duration::from_secs(15));
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b": alive\n\n")))))
    }
}

impl Server {
    async fn start(bounds: Bounds) -> Self {
        Self::start_behind(&[], bounds).await
    }

    async fn start_behind(proxies: &[&str], bounds: Bounds) -> Self {
        let proxies: Vec<_> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let proxies = Arc::new(TrustedProxies::new(&proxies));
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
            .route("/body", post(read_all))
            .route("/no", post(|| async { StatusCode::FORBIDDEN }))
            .route("/stream", get(stream))
            .route("/events", get(events).post(events))
            .route("/large", get(|| async { "x".repeat(64 * 1024 * 1024) }))
            .route(
                "/never",
                get(|| async {
                    let _counted = Counted::new();
                    std::future::pending::<()>().await;
                }),
            )
            .route(
                "/slow",
                get(|| async {
                    sleep(Duration::from_secs(5)).await;
                    "done"
                }),
            )
            .route(
                "/an-hour",
                get(|| async {
                    sleep(Duration::from_hours(1)).await;
                    "done"
                }),
            );
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
        Self { address, connections, stop: Some(stop), refused, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 1, last], 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// All that comes back until the server closes.
    async fn say(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn some(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

/// Lets everybody do what they can do without time passing.
async fn settle() {
    for _ in 0..50 {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        tokio::task::yield_now().await;
    }
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}

#[tokio::test]
async fn exactly_one_host_is_asked_for_as_http_1_1_wants_it() {
    let server = Server::start(Bounds::default()).await;
    for (hosts, wanted) in [
        ("", "400"),
        ("host: a.example\r\n", "200"),
        ("host: [2001:db8::1]:80\r\n", "200"),
        ("host: a.example\r\nhost: a.example\r\n", "400"),
        ("host: a.example\r\nHost: b.example\r\n", "400"),
        ("host: a.example, b.example\r\n", "400"),
        ("host: user@a.example\r\n", "400"),
        ("host: a b\r\n", "400"),
        ("host: a.example/path\r\n", "400"),
    ] {
        let answer = server.say(&format!("GET / HTTP/1.1\r\n{hosts}connection: close\r\n\r\n")).await;
        assert_eq!(status(&answer), wanted, "{hosts:?}: {answer}");
        if wanted == "400" {
            assert!(
                answer.contains(r#"{"error":"invalid_request""#) && answer.contains("connection: close"),
                "{answer}"
            );
        }
    }
    assert_eq!(status(&server.say("GET / HTTP/1.0\r\n\r\n").await), "200");
}

#[tokio::test]
async fn a_head_over_64_kib_is_431_and_one_below_is_answered() {
    let server = Server::start(Bounds::default()).await;
    for (bytes, wanted) in [(60 * 1024, "200"), (65 * 1024, "431"), (200 * 1024, "431")] {
        let value = "x".repeat(bytes);
        let answer =
            server.say(&format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nlong: {value}\r\n\r\n")).await;
        assert_eq!(status(&answer), wanted, "{bytes}");
    }
    let many = "h: v\r\n".repeat(5_000);
    assert_eq!(status(&server.say(&format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")).await), "431");
}

#[tokio::test]
async fn a_body_is_asked_for_only_where_somebody_wants_it() {
    let server = Server::start(Bounds::default()).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        )
    };
    for path in ["/no", "/nowhere"] {
        let answer = server.say(&head(path)).await;
        assert!(["403", "404"].contains(&status(&answer)) && !answer.contains("100 Continue"), "{answer}");
    }
    let mut stream = server.connect().await;
    stream.write_all(head("/body").as_bytes()).await.unwrap();
    assert!(some(&mut stream).await.starts_with("HTTP/1.1 100 Continue\r\n\r\n"));
    stream.write_all(b"four").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(status(&answer) == "200" && answer.ends_with('4'), "{answer}");
}

#[tokio::test]
async fn who_has_said_all_there_is_to_say_still_hears_the_answer() {
    let server = Server::start(Bounds::default()).await;
    for request in
        ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab"]
    {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(status(&rest(&mut stream).await), "200", "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_said_all_there_is_to_say_hears_an_answer_that_takes_an_hour() {
    let server = Server::start(Bounds::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /an-hour HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    for _ in 0..61 {
        settle().await;
        advance(Duration::from_mins(1)).await;
    }
    let answer = rest(&mut stream).await;
    assert!(status(&answer) == "200" && answer.ends_with("done"), "{answer}");
}

#[tokio::test]
async fn the_kernel_asks_whether_a_silent_other_side_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_ours, accepted) =
        (TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), listener.accept().await);
    let stream = accepted.unwrap().0;
    prepare(&stream).unwrap();
    assert!(stream.nodelay().unwrap() && sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(
        (sockopt::tcp_keepidle(&stream).unwrap(), sockopt::tcp_keepintvl(&stream).unwrap()),
        (ASK_AFTER, ASK_AFTER)
    );
    assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), ASK_TIMES);
}

#[tokio::test]
async fn a_stranger_behind_a_proxy_has_a_share_of_its_answers_and_the_others_have_theirs() {
    let server = Server::start_behind(&["127.0.0.0/8"], Bounds { total: 20, per_source: 3, ..Bounds::default() }).await;
    let ask = async |stream: &mut TcpStream, path: &str, from: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 203.0.113.9, {from}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        some(stream).await
    };
    let mut held = Vec::new();
    for port in 1..=3 {
        let mut stream = server.connect_from(1).await;
        let answer = ask(&mut stream, "/stream", &format!("[2001:db8::{port}]:{port}")).await;
        assert_eq!(status(&answer), "200");
        held.push(stream);
    }
    // Another connection of the proxy, on which the stranger is refused, and the others are not, again and again.
    let mut shared = server.connect_from(1).await;
    for _ in 0..3 {
        let answer = ask(&mut shared, "/", "2001:db8::f").await;
        assert!(status(&answer) == "503" && answer.contains("retry-after: 5"), "{answer}");
        assert!(answer.contains("temporarily_unavailable") && !answer.contains("connection: close"), "{answer}");
        for other in ["192.0.2.2", "2001:db8:0:1::1", "127.0.0.7", "unknown"] {
            assert_eq!(status(&ask(&mut shared, "/", other).await), "200", "{other}");
        }
    }
    let stranger = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xf]);
    assert_eq!(*server.refused.lock().unwrap(), [stranger; 3]);
    // The proxy itself has no share but the total.
    let mut more = Vec::new();
    for last in 0..16 {
        let mut stream = server.connect_from(1).await;
        assert_eq!(status(&ask(&mut stream, "/", &format!("192.0.2.{last}")).await), "200");
        more.push(stream);
    }
    assert_eq!(server.connections.count(), 20);
    // Whoever ends one may have one.
    drop(held.pop());
    drop(more);
    while server.connections.count() > 3 {
        settle().await;
    }
    assert_eq!(status(&ask(&mut shared, "/", "2001:db8::f").await), "200");
}

#[tokio::test]
async fn all_places_held_through_a_proxy_by_one_stranger_are_given_up_one_by_one() {
    let server = Server::start_behind(&["127.0.0.0/8"], Bounds { total: 4, per_source: 4, ..Bounds::default() }).await;
    let ask = async |path: &str, from: &str| {
        let mut stream = server.connect_from(1).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: {from}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        (status(&some(&mut stream).await).to_owned(), stream)
    };
    let mut held = Vec::new();
    for from in ["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.1"] {
        held.push(ask("/stream", from).await.1);
    }
    assert_eq!(ask("/", "192.0.2.2").await.0, "200");
    rest(&mut held[1]).await;
    assert_eq!(server.refused.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_request_of_who_leaves_is_dropped_and_that_of_who_waits_is_not() {
    let server = Server::start(Bounds::default()).await;
    let mut streams = Vec::new();
    // The last has more to say, and waits.
    for more in ["", "", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(format!("GET /never HTTP/1.1\r\nhost: a\r\n\r\n{more}").as_bytes()).await.unwrap();
        streams.push(stream);
    }
    settle().await;
    assert_eq!(UNDER_WAY.load(Ordering::Relaxed), 3);
    // As the kernel finds out once it has asked.
    streams[0].set_zero_linger().unwrap();
    drop(streams.remove(0));
    streams[0].shutdown().await.unwrap();
    for _ in 0..60 {
        settle().await;
        assert_eq!(UNDER_WAY.load(Ordering::Relaxed), 2);
        advance(Duration::from_mins(1)).await;
    }
    assert_eq!(server.connections.count(), 2);
}

#[tokio::test]
async fn the_greediest_source_yields_and_the_newest_is_answered() {
    let server = Server::start(Bounds { total: 20, per_source: 20, ..Bounds::default() }).await;
    let mut greedy = Vec::new();
    for _ in 0..20 {
        greedy.push(server.connect_from(1).await);
    }
    let mut honest = server.connect_from(2).await;
    honest.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = some(&mut honest).await;
    assert!(status(&answer) == "200" && answer.ends_with("127.0.1.2"), "{answer}");
    // One of the greedy one's own is gone for it, the one that was idle longest.
    assert_eq!(some(&mut greedy[0]).await, "");
    assert_eq!((server.connections.count(), server.refused.lock().unwrap().len()), (20, 0));
}

#[tokio::test]
async fn a_source_with_its_share_of_answers_under_way_is_told_to_come_back() {
    let server = Server::start(Bounds { total: 20, per_source: 3, ..Bounds::default() }).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect_from(1).await;
        stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert_eq!(status(&some(&mut stream).await), "200");
        streams.push(stream);
    }
    let answer = rest(&mut server.connect_from(1).await).await;
    assert!(status(&answer) == "503" && answer.contains("retry-after: 5"), "{answer}");
    assert_eq!(*server.refused.lock().unwrap(), [IpAddr::from([127, 0, 1, 1])]);
    let mut other = server.connect_from(2).await;
    other.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(status(&rest(&mut other).await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_dribbles_is_given_up_after_ten_seconds_and_an_idle_connection_after_75() {
    let server = Server::start(Bounds::default()).await;
    let mut dribbling = server.connect().await;
    let mut silent = server.connect().await;
    for byte in b"GET / HTTP" {
        dribbling.write_all(&[*byte]).await.unwrap();
        settle().await;
        advance(Duration::from_millis(1_100)).await;
    }
    assert_eq!((some(&mut dribbling).await, some(&mut silent).await), (String::new(), String::new()));
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(status(&some(&mut idle).await), "200");
    settle().await;
    advance(Duration::from_secs(70)).await;
    settle().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(status(&some(&mut idle).await), "200");
    settle().await;
    advance(Duration::from_secs(76)).await;
    assert_eq!(some(&mut idle).await, "");
    settle().await;
    assert_eq!(server.connections.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_dribbles_is_given_up_and_a_slow_one_that_keeps_coming_is_not() {
    let server = Server::start(Bounds::default()).await;
    let mut dribbling = server.connect().await;
    dribbling.write_all(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    for _ in 0..8 {
        let _ = dribbling.write_all(b"x").await;
        settle().await;
        advance(Duration::from_secs(5)).await;
        settle().await;
    }
    let answer = rest(&mut dribbling).await;
    assert!(["", "400"].contains(&status(&answer)), "{answer}");
    let mut slow = server.connect().await;
    slow.write_all(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..20 {
        slow.write_all(&vec![0; 50_000]).await.unwrap();
        settle().await;
        advance(Duration::from_secs(9)).await;
        settle().await;
    }
    let answer = rest(&mut slow).await;
    assert!(answer.ends_with("1000000"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_an_answer_loses_it_and_a_stream_that_is_read_goes_on() {
    let server = Server::start(Bounds::default()).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut stream = server.connect().await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(status(&some(&mut stream).await), "200");
    settle().await;
    for _ in 0..40 {
        settle().await;
        advance(Duration::from_secs(15)).await;
        settle().await;
        assert!(some(&mut stream).await.contains(": alive"));
    }
    settle().await;
    assert_eq!(server.connections.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_it_finishes_what_is_under_way_and_ends_streams_after_the_grace() {
    let mut server = Server::start(Bounds::default()).await;
    let (mut idle, mut slow, mut stream) = (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(status(&some(&mut idle).await), "200");
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(status(&some(&mut stream).await), "200");
    settle().await;
    server.stop.take().unwrap().send(()).unwrap();
    settle().await;
    assert_eq!(some(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    advance(Duration::from_secs(6)).await;
    let answer = rest(&mut slow).await;
    assert!(status(&answer) == "200" && answer.ends_with("done"), "{answer}");
    assert!(!server.ended.is_finished());
    advance(Duration::from_secs(20)).await;
    assert!(!server.ended.is_finished());
    advance(Duration::from_secs(5)).await;
    rest(&mut stream).await;
    server.ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_it_ends_streams_that_are_listened_to_at_once_and_answers_that_are_streams_later() {
    let mut server = Server::start(Bounds { grace: Duration::from_secs(40), ..Bounds::default() }).await;
    let (mut listener, mut caller) = (server.connect().await, server.connect().await);
    listener.write_all(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    caller.write_all(b"POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    for stream in [&mut listener, &mut caller] {
        assert_eq!(status(&some(stream).await), "200");
    }
    settle().await;
    server.stop.take().unwrap().send(()).unwrap();
    // To its end, as HTTP knows one.
    let end = rest(&mut listener).await;
    assert!(end.ends_with("0\r\n\r\n"), "{end:?}");
    advance(Duration::from_secs(16)).await;
    settle().await;
    assert!(some(&mut caller).await.contains("alive") && !server.ended.is_finished());
    advance(Duration::from_secs(25)).await;
    rest(&mut caller).await;
    server.ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_any_grace_it_ends_at_once() {
    let mut server = Server::start(Bounds { grace: Duration::ZERO, ..Bounds::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    settle().await;
    server.stop.take().unwrap().send(()).unwrap();
    settle().await;
    rest(&mut slow).await;
    server.ended.await.unwrap();
}
