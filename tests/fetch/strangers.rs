//! Many who fetch at once: who shares a request, and that nobody who is slow holds up another.
use super::URL;
use crate::support::internet::{Internet, json};
use keyward::fetch::{FetchError, Fetcher, Lookup, Network};
use keyward_limits::source::Source;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
};

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

fn stranger(last: u8) -> Source {
    Source::of([192, 0, 2, last].into())
}

/// A host that answers one request for each that it is told to. Counts them.
async fn held_back() -> (Network, Arc<AtomicUsize>, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (seen, may) = (connections.clone(), told.clone());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            seen.fetch_add(1, Ordering::SeqCst);
            may.acquire().await.unwrap().forget();
            let _ = connection.write_all(GOOD).await;
        }
    });
    let internet = Internet::new().await;
    let timeout = Duration::from_mins(1);
    (Network { allows: |_| true, timeout, ..internet.leading_to(move |_| vec![address]) }, connections, told)
}

#[tokio::test]
async fn many_who_ask_for_one_url_at_once_share_one_request() {
    let (network, connections, told) = held_back().await;
    let fetcher = Arc::new(Fetcher::new(network).unwrap());
    let asked = (0..50).map(|_| {
        let fetcher = fetcher.clone();
        async move { fetcher.json(URL).await.is_ok() }
    });
    let all = asked.map(tokio::spawn).collect::<Vec<_>>();
    // Until the request is there, all have had their turn to ask.
    while connections.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    told.add_permits(2);
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert!(fetcher.json(URL).await.is_ok());
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// A host whose first connection is never answered, and all later ones at once. Counts them.
async fn slow_at_first() -> (Network, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = connections.clone();
    tokio::spawn(async move {
        let mut held = vec![];
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                held.push(connection);
                continue;
            }
            let _ = connection.write_all(GOOD).await;
        }
    });
    let internet = Internet::new().await;
    let timeout = Duration::from_mins(1);
    (Network { allows: |_| true, timeout, ..internet.leading_to(move |_| vec![address]) }, connections)
}

#[tokio::test]
async fn a_strangers_slow_fetch_holds_up_nobody_else_who_asks_for_the_same() {
    let (network, connections) = slow_at_first().await;
    let fetcher = Arc::new(Fetcher::new(network).unwrap());
    let ask = |source| {
        let fetcher = fetcher.clone();
        tokio::spawn(async move { fetcher.json_for_stranger(URL, source).await.is_ok() })
    };
    let slow = ask(stranger(1));
    while connections.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    // The same stranger shares what is under way; another, and whoever is known, do not wait for it.
    let shares = ask(stranger(1));
    assert!(ask(stranger(2)).await.unwrap());
    assert!(fetcher.json(URL).await.is_ok());
    assert_eq!(connections.load(Ordering::SeqCst), 3);
    assert!(!slow.is_finished() && !shares.is_finished());
    slow.abort();
    shares.abort();
}

#[test]
fn names_that_strangers_have_looked_up_have_threads_of_their_own() {
    let real = Network::default();
    assert!(!Arc::ptr_eq(&real.lookup, &real.strangers_lookup));
}

#[tokio::test]
async fn attack_90_a_host_sees_few_of_our_requests_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let internet = Internet::new().await;
    let timeout = Duration::from_mins(1);
    let network = Network { allows: |_| true, timeout, ..internet.leading_to(move |_| vec![address]) };
    let fetcher = Arc::new(Fetcher::new(network).unwrap());
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let victim = tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let (open, most) = (open.clone(), most.clone());
            tokio::spawn(async move {
                let _ = connection.read(&mut [0; 1024]).await;
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                // Before the answer, for with the answer the next may come.
                open.fetch_sub(1, Ordering::SeqCst);
                let _ = connection.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
            });
        }
    });
    let asked: Vec<_> = (0..200)
        .map(|number| {
            let fetcher = fetcher.clone();
            tokio::spawn(async move { fetcher.json(&format!("https://victim.example/{number}")).await })
        })
        .collect();
    for one in asked {
        assert!(matches!(one.await.unwrap(), Err(FetchError::Unacceptable(_))));
    }
    victim.abort();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn strangers_whose_names_nobody_finds_hold_up_nobody_who_is_known() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({}))).await;
    let silent: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let network = Network { strangers_lookup: silent, ..internet.network() };
    let fetcher = Arc::new(Fetcher::new(network).unwrap());
    let mut strangers = JoinSet::new();
    for last in 0..40 {
        let fetcher = fetcher.clone();
        // Also at the very same URL.
        let url = if last % 2 == 0 { URL.to_owned() } else { format!("https://app.example/{last}") };
        strangers.spawn(async move { fetcher.json_for_stranger(&url, stranger(last)).await.is_ok() });
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(internet.lookups.load(Ordering::SeqCst), 0, "a stranger's name was looked up among those of others");
    assert!(fetcher.json(URL).await.is_ok());
    assert!(strangers.join_all().await.iter().all(|found| !found));
    assert_eq!(internet.lookups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_stranger_who_fetches_without_end_holds_up_no_other() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({}))).await;
    let at = *internet.server.address();
    let slow: Lookup = Arc::new(move |name| {
        Box::pin(async move { if name == "slow.example" { std::future::pending().await } else { Ok(vec![at]) } })
    });
    let fetcher = Arc::new(Fetcher::new(Network { strangers_lookup: slow, ..internet.network() }).unwrap());
    let mut crowd = JoinSet::new();
    for number in 0..60 {
        let fetcher = fetcher.clone();
        let url = format!("https://slow.example/{number}");
        crowd.spawn(async move { fetcher.json_for_stranger(&url, stranger(1)).await.is_ok() });
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let other = fetcher.json_for_stranger(URL, stranger(2)).await;
    assert!(other.is_ok(), "{other:?}");
}
