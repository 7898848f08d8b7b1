//! What a request has to look like, and who still gets an answer to it.
use super::{
    super::Bounds,
    server::{Server, rest, settle, some, status},
};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, time::advance};

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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
