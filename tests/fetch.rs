//! Requests to addresses that strangers choose.
use crate::support::internet::{Internet, json};
use keyward::fetch::{FetchError, Fetcher, Lookup, MAX_BODY, Network};
use keyward_limits::source::Source;
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use wiremock::ResponseTemplate;

const URL: &str = "https://app.example/client.json";

async fn answered(answer: ResponseTemplate) -> Result<Vec<u8>, FetchError> {
    let internet = Internet::new().await;
    internet.serve(URL, answer).await;
    let fetched = Fetcher::new(internet.network()).unwrap().json(URL).await;
    assert_eq!(internet.requests().await, 1);
    fetched.map(|fetched| fetched.body.clone())
}

#[tokio::test]
async fn a_json_document_is_fetched_with_nothing_of_ours_in_the_request() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({"a": 1}))).await;
    let fetched = Fetcher::new(internet.network()).unwrap().json(URL).await.unwrap();
    assert_eq!((fetched.body.as_slice(), fetched.max_age), (br#"{"a":1}"#.as_slice(), 0));
    let request = &internet.server.received_requests().await.unwrap()[0];
    let mut sent: Vec<_> = request.headers.keys().map(ToString::to_string).collect();
    sent.sort();
    assert_eq!(sent, ["accept", "host", "user-agent"]);
    assert_eq!(request.headers["host"], "app.example");
}

#[tokio::test]
async fn how_long_an_answer_may_be_kept_is_read_from_its_headers() {
    for (said, expected) in [
        (vec!["max-age=600"], 600),
        (vec!["public, Max-Age=\"60\", immutable"], 60),
        (vec!["public", "max-age=7"], 7),
        (vec!["max-age=600, no-store"], 0),
        (vec!["no-cache"], 0),
        (vec!["s-maxage=600"], 0),
        (vec!["max-age=-1"], 0),
        (vec!["max-age=99999999999999999999"], 0),
    ] {
        let internet = Internet::new().await;
        let answer = said.iter().fold(json(&json!({})), |answer, value| answer.append_header("cache-control", *value));
        internet.serve(URL, answer).await;
        let fetched = Fetcher::new(internet.network()).unwrap().json(URL).await.unwrap();
        assert_eq!(fetched.max_age, expected, "{said:?}");
    }
}

#[tokio::test]
async fn attack_87_answers_other_than_a_small_json_document_are_refused() {
    let body = |size: usize| ResponseTemplate::new(200).set_body_raw(vec![b' '; size], "application/json");
    assert_eq!(answered(body(MAX_BODY)).await.unwrap().len(), MAX_BODY);
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/cimd+json"] {
        assert!(answered(ResponseTemplate::new(200).set_body_raw("{}", content_type)).await.is_ok(), "{content_type}");
    }
    let elsewhere = |status| ResponseTemplate::new(status).insert_header("location", "https://app.example/other");
    for answer in [
        elsewhere(301),
        elsewhere(302),
        elsewhere(308),
        ResponseTemplate::new(204),
        ResponseTemplate::new(206).set_body_raw("{}", "application/json"),
        ResponseTemplate::new(404).set_body_raw("{}", "application/json"),
        ResponseTemplate::new(200).set_body_raw("{}", "text/html"),
        ResponseTemplate::new(200).set_body_raw("{}", "application/jsonp"),
        ResponseTemplate::new(200),
        body(MAX_BODY + 1),
        body(6_000_000),
        json(&json!({})).insert_header("content-encoding", "gzip"),
        json(&json!({})).insert_header("x-large", "a".repeat(MAX_BODY).as_str()),
    ] {
        let shown = format!("{answer:?}").chars().take(200).collect::<String>();
        assert!(matches!(answered(answer).await, Err(FetchError::Unacceptable(_))), "{shown}");
    }
    for status in [429, 500, 503] {
        assert!(matches!(answered(ResponseTemplate::new(status)).await, Err(FetchError::Unavailable(_))), "{status}");
    }
}

#[tokio::test]
async fn attack_87_whoever_answers_slowly_or_never_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let internet = Internet::new().await;
    let timeout = Duration::from_millis(200);
    let network = Network { allows: |_| true, timeout, ..internet.leading_to(move |_| vec![address]) };
    let fetcher = Fetcher::new(network).unwrap();
    let accepted = tokio::spawn(async move {
        let (mut connection, _) = silent.accept().await.unwrap();
        // Begins an answer and never ends it; the fetcher hangs up.
        let begun = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        connection.write_all(begun).await.unwrap();
        let mut rest = vec![];
        let _ = connection.read_to_end(&mut rest).await;
    });
    assert!(matches!(fetcher.json(URL).await, Err(FetchError::Unavailable(_))));
    accepted.await.unwrap();
}

#[tokio::test]
async fn what_a_url_alone_tells_is_refused_without_a_question_to_anybody() {
    let internet = Internet::new().await;
    let fetcher = Fetcher::new(internet.network()).unwrap();
    for url in [
        "http://app.example/c",
        "ftp://app.example/c",
        "file:///etc/passwd",
        "https://127.0.0.1/c",
        "https://127.1/c",
        "https://0x7f000001/c",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/c",
        "https://[::ffff:10.0.0.1]/c",
        "https://8.8.8.8/c",
        "https://user@app.example/c",
        "https://:pw@app.example/c",
        "https://app.example:22/c",
        "https://app.example:8443/c",
        "https://",
        "c",
    ] {
        assert!(matches!(fetcher.json(url).await, Err(FetchError::Forbidden(_))), "{url}");
    }
    assert_eq!((internet.requests().await, internet.lookups.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn attack_88_one_address_that_is_not_public_condemns_the_name() {
    for found in [
        vec!["127.0.0.1"],
        vec!["10.0.0.1"],
        vec!["169.254.169.254"],
        vec!["::1"],
        vec!["::ffff:127.0.0.1"],
        vec!["::ffff:10.0.0.1"],
        vec!["64:ff9b::7f00:1"],
        vec!["2002:7f00:1::"],
        vec!["fd00::1"],
        vec!["8.8.8.8", "127.0.0.1"],
        vec!["127.0.0.1", "2606:4700::1111"],
    ] {
        let internet = Internet::new().await;
        let addresses: Vec<SocketAddr> = found.iter().map(|address| internet.at(address)).collect();
        let fetcher = Fetcher::new(internet.leading_to(move |_| addresses.clone())).unwrap();
        let refused = fetcher.json(URL).await.unwrap_err();
        assert!(matches!(refused, FetchError::Forbidden(_)), "{found:?}: {refused}");
        assert_eq!((internet.requests().await, internet.lookups.load(Ordering::SeqCst)), (0, 1), "{found:?}");
    }
}

#[tokio::test]
async fn attack_88_a_name_is_looked_up_once_so_that_no_second_answer_can_differ() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({}))).await;
    let (good, bad) = (internet.at("127.0.0.1"), internet.at("127.0.0.2"));
    let rebinding = internet.leading_to(move |nth| if nth == 0 { vec![good] } else { vec![bad] });
    let network = Network { allows: |address| address.to_string() == "127.0.0.1", ..rebinding };
    let fetcher = Fetcher::new(network).unwrap();
    assert!(fetcher.json(URL).await.is_ok());
    assert_eq!(internet.lookups.load(Ordering::SeqCst), 1);
    // Nor is the connection kept, past which the new answer would not be noticed.
    assert!(matches!(fetcher.json(URL).await, Err(FetchError::Forbidden(_))));
    assert_eq!((internet.requests().await, internet.lookups.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn without_tls_on_the_other_side_nothing_is_fetched() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({}))).await;
    let fetcher = Fetcher::new(Network { tls: true, ..internet.network() }).unwrap();
    assert!(matches!(fetcher.json(URL).await, Err(FetchError::Unavailable(_))));
    assert_eq!(internet.requests().await, 0);
}

#[tokio::test]
async fn many_who_ask_for_one_url_at_once_share_one_request() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({})).set_delay(Duration::from_millis(50))).await;
    let fetcher = Arc::new(Fetcher::new(internet.network()).unwrap());
    let asked = (0..50).map(|_| {
        let fetcher = fetcher.clone();
        async move { fetcher.json(URL).await.is_ok() }
    });
    let all = asked.map(tokio::spawn).collect::<Vec<_>>();
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(internet.requests().await, 1);
    assert!(fetcher.json(URL).await.is_ok());
    assert_eq!(internet.requests().await, 2);
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
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
            let _ = connection.write_all(answer).await;
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

fn stranger(last: u8) -> Source {
    Source::of([192, 0, 2, last].into())
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

#[tokio::test]
async fn attack_160_nothing_is_fetched_from_a_network_that_the_operator_denied_however_its_addresses_are_written() {
    let internet = Internet::new().await;
    internet.serve(URL, json(&json!({}))).await;
    for (denied, address, reached) in [
        ("192.0.2.0/24", "127.0.0.1", true),
        ("127.0.0.0/8", "127.0.0.1", false),
        ("127.0.0.1/32", "::ffff:127.0.0.1", false),
        ("127.0.0.1/32", "64:ff9b::7f00:1", false),
        ("2001:db8:64::/96", "2001:db8:64::7f00:1", false),
        ("::ffff:0:0/96", "::ffff:127.0.0.1", false),
        ("0.0.0.0/0", "127.0.0.1", false),
    ] {
        let address = internet.at(address);
        let denied = vec![denied.parse().unwrap()];
        let network = Network { allows: |_| true, denied, ..internet.leading_to(move |_| vec![address]) };
        let before = internet.requests().await;
        let outcome = Fetcher::new(network).unwrap().json(URL).await;
        assert_eq!(outcome.is_ok(), reached, "{address}: {outcome:?}");
        assert_eq!(matches!(outcome, Err(FetchError::Forbidden(_))), !reached, "{address}: {outcome:?}");
        assert_eq!(internet.requests().await - before, usize::from(reached));
    }
}
