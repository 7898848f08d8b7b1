//! Malformed requests, which only a raw connection can send.
use crate::support::app::TestApp;
use keyward_limits::connections::{Bounds, Connections};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

/// Sends bytes, says that there will be no more or waits, and reads until the server hangs up.
async fn exchange(at: SocketAddr, bytes: impl Into<Vec<u8>>, no_more: bool) -> String {
    let bytes = bytes.into();
    let exchanged = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(at).unwrap();
        // Who refuses early may hang up before it has heard everything.
        let _ = stream.write_all(&bytes);
        if no_more {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    exchanged.await.unwrap()
}

#[tokio::test]
async fn requests_that_are_no_requests_are_refused_and_the_next_one_is_served() {
    let t = TestApp::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = keyward::http::router(t.app.clone());
    let connections = Connections::new(Bounds::default(), Arc::default(), |_| ());
    let server = tokio::spawn(async move { connections.serve(listener, router, std::future::pending()).await });

    let headers = (0..120).map(|n| format!("x-{n}: 1\r\n")).collect::<Vec<_>>().concat();
    let form = "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    for (sent, status) in [
        (format!("GET /jwks HTTP/1.1\r\nhost: x\r\n{headers}\r\n"), "431"),
        (format!("GET /jwks?{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000)), "431"),
        ("nonsense\r\n\r\n".into(), "400"),
        ("GET /jwks HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n".into(), "400"),
        (format!("{form}content-length: 1\r\ncontent-length: 2\r\n\r\nab"), "400"),
        (format!("{form}content-length: x\r\n\r\n"), "400"),
        (format!("{form}connection: close\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "400"),
        (format!("{form}connection: close\r\ncontent-length: 0\r\n\r\n"), "401"),
    ] {
        let answer = exchange(at, sent.clone(), false).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", &sent[..sent.len().min(60)]);
    }
    // Bodies that end before they should: refused, or the connection is simply over.
    for unfinished in ["content-length: 100\r\n\r\nclient_id=", "transfer-encoding: chunked\r\n\r\n5\r\nab"] {
        let answer = exchange(at, format!("{form}{unfinished}"), true).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let answer = exchange(at, "GET /jwks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", false).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("]}"), "{answer}");
    assert!(!answer.to_lowercase().contains("\r\nserver:"));
    server.abort();
}

/// Sends a body and another request on the same connection, whatever is answered: all that came back.
async fn in_two_parts(at: SocketAddr, head: &str) -> String {
    let head = format!("{head} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-type: text/plain\r\n\r\n");
    let next = "a=bGET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    exchange(at, format!("{head}{next}"), false).await
}

#[tokio::test]
async fn a_refusal_waits_for_the_body_and_leaves_the_connection_usable() {
    let t = TestApp::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = keyward::http::router(t.app.clone());
    let connections = Connections::new(Bounds::default(), Arc::default(), |_| ());
    let server = tokio::spawn(async move { connections.serve(listener, router, std::future::pending()).await });
    for request in ["POST /token", "PUT /token", "POST /nothing", "POST /jwks", "POST /login", "POST /consent"] {
        let answers = in_two_parts(at, request).await;
        assert!(answers.starts_with("HTTP/1.1 4"), "{request}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 OK"), "{request}: {answers}");
    }
    server.abort();
}
