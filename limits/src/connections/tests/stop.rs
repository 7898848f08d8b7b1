//! What becomes of connections when the server is asked to stop.
use super::{
    super::Bounds,
    server::{Server, rest, settle, some, status},
};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::advance};

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
