//! How long a connection may take for each of its steps, and who has left.
use super::{
    super::{ASK_AFTER, ASK_TIMES, Bounds, prepare},
    server::{Server, rest, settle, some, status, until},
};
use rustix::net::sockopt;
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::advance,
};

#[tokio::test(start_paused = true)]
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
    until(|| server.unanswered() == 3).await;
    // As the kernel finds out once it has asked.
    streams[0].set_zero_linger().unwrap();
    drop(streams.remove(0));
    streams[0].shutdown().await.unwrap();
    until(|| server.unanswered() == 2).await;
    for _ in 0..60 {
        settle().await;
        assert_eq!(server.unanswered(), 2);
        advance(Duration::from_mins(1)).await;
    }
    assert_eq!(server.connections.count(), 2);
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
    until(|| server.connections.count() == 0).await;
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
    until(|| server.connections.count() == 1).await;
}
