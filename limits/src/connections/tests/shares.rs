//! How the places are shared among sources, and among those behind a proxy.
use super::{
    super::Bounds,
    server::{Server, rest, some, status, until},
};
use std::{net::IpAddr, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::advance};

#[tokio::test(start_paused = true)]
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
    // The next bytes of the stream find out that its client has left.
    advance(Duration::from_secs(15)).await;
    until(|| server.connections.count() <= 3).await;
    assert_eq!(status(&ask(&mut shared, "/", "2001:db8::f").await), "200");
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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
