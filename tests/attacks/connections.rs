//! Attacks on connections: too many of them, malformed heads, oversized bodies.
use crate::support::app::TestApp;
use keyward::commands::server::run;
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
};
use tokio::{net::TcpSocket, sync::oneshot, task::JoinHandle};

/// A whole server on a socket.
struct Serving {
    t: TestApp,
    at: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Serving {
    async fn start(more: &str) -> Self {
        let t = TestApp::with(more).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(run(t.app.clone(), listener, async { drop(stopped.await) }));
        Self { t, at, stop, running }
    }

    async fn connect_from(&self, last: u8) -> std::net::TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        let stream = socket.connect(self.at).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    }

    async fn say(&self, request: String) -> String {
        say(self.connect_from(1).await, request).await
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }
}

/// All that comes back until the server hangs up.
async fn say(mut stream: TcpStream, request: String) -> String {
    let said = tokio::task::spawn_blocking(move || {
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    said.await.unwrap()
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn attack_142_connections_that_say_nothing_yield_to_somebody_who_does() {
    let serving = Serving::start("connections = { total = 8, per_source = 8 }").await;
    let mut idle = Vec::new();
    for _ in 0..30 {
        idle.push(serving.connect_from(2).await);
    }
    for last in [1, 3, 4] {
        let answer = say(serving.connect_from(last).await, HEALTH.into()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    serving.stop().await;
}

#[tokio::test]
async fn attack_143_a_request_without_a_host_or_with_two_is_refused_and_so_is_an_endless_head() {
    let serving = Serving::start("").await;
    for (hosts, status) in [("", 400), ("host: auth.example\r\n", 200), ("host: a\r\nhost: b\r\n", 400)] {
        let answer = serving.say(format!("GET /jwks HTTP/1.1\r\n{hosts}connection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{hosts:?}: {answer}");
    }
    let answer = serving.say(format!("GET /jwks HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n", "x".repeat(70_000))).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    serving.stop().await;
}

#[tokio::test]
async fn attack_147_a_body_that_nobody_wants_is_never_asked_for() {
    let serving = Serving::start("").await;
    let expecting = "HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\nexpect: 100-continue\r\ncontent-type:";
    let (text, form) = ("text/plain", "application/x-www-form-urlencoded");
    for (request, kind, status) in [
        ("POST /nothing", text, 404),
        ("PUT /token", text, 405),
        ("POST /token", text, 400),
        ("POST /register", text, 400),
        ("POST /token", form, 413),
        ("POST /register", "application/json", 413),
    ] {
        let answer = serving.say(format!("{request} {expecting} {kind}\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    serving.stop().await;
}

/// Asks for something that is never answered, as whoever this header names.
async fn hold(mut stream: TcpStream, header: &str) -> TcpStream {
    let asking = format!(
        "POST /token HTTP/1.1\r\nhost: x\r\n{header}content-type: application/x-www-form-urlencoded\r\n\
         content-length: 10\r\nexpect: 100-continue\r\n\r\n"
    );
    let held = tokio::task::spawn_blocking(move || {
        stream.write_all(asking.as_bytes()).unwrap();
        // From here on it is being answered.
        stream.read_exact(&mut [0; 25]).unwrap();
        stream
    });
    held.await.unwrap()
}

/// The address that refusals are told of, which is one.
async fn told(serving: &Serving) -> Option<String> {
    let told = loop {
        let trail = keyward::storage::audit_events::recent(&serving.t.db, 100).await.unwrap();
        let told: Vec<_> = trail.into_iter().filter(|event| event.event_type == "rate_limit_exceeded").collect();
        if !told.is_empty() {
            break told;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((told.len(), &told[0].details), (1, &serde_json::json!({"endpoint": "connection"})));
    told[0].ip_address.clone()
}

#[tokio::test]
async fn connections_that_are_refused_are_told_of_once_a_minute() {
    let serving = Serving::start("connections = { total = 4, per_source = 1 }").await;
    let busy = hold(serving.connect_from(2).await, "").await;
    for _ in 0..3 {
        let answer = say(serving.connect_from(2).await, String::new()).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
    }
    assert_eq!(told(&serving).await, Some(IpAddr::from([127, 0, 0, 2]).to_string()));
    drop(busy);
    serving.stop().await;
}

#[tokio::test]
async fn a_stranger_who_holds_answers_behind_a_proxy_leaves_the_others_behind_it_theirs() {
    let settings = "trusted_proxies = ['127.0.0.0/8']\nconnections = { total = 20, per_source = 2 }";
    let serving = Serving::start(settings).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(hold(serving.connect_from(2).await, "x-forwarded-for: 192.0.2.9:4711\r\n").await);
    }
    let health = |from: &str| HEALTH.replace("host: x", &format!("host: x\r\nx-forwarded-for: {from}"));
    for _ in 0..3 {
        let answer = say(serving.connect_from(2).await, health("203.0.113.1, 192.0.2.9")).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5"), "{answer}");
    }
    for other in ["192.0.2.10", "2001:db8::1", "127.0.0.9"] {
        for _ in 0..3 {
            let answer = say(serving.connect_from(2).await, health(other)).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{other}: {answer}");
        }
    }
    assert_eq!(told(&serving).await.as_deref(), Some("192.0.2.9"));
    drop(held);
    serving.stop().await;
}
