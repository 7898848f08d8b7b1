//! Requests to addresses that strangers choose.
mod strangers;

use crate::support::internet::{Internet, json};
use keyward::fetch::{FetchError, Fetcher, MAX_BODY, Network};
use serde_json::json;
use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
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
    let timeout = Duration::from_mins(1);
    let network = Network { allows: |_| true, timeout, ..internet.leading_to(move |_| vec![address]) };
    let fetcher = Fetcher::new(network).unwrap();
    let given_up = tokio::spawn(async move { fetcher.json(URL).await });
    let (mut connection, _) = silent.accept().await.unwrap();
    // Begins an answer and never ends it; the fetcher hangs up.
    let begun = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    connection.write_all(begun).await.unwrap();
    let _ = connection.read(&mut [0; 1024]).await;
    tokio::time::pause();
    tokio::time::advance(timeout).await;
    assert!(matches!(given_up.await.unwrap(), Err(FetchError::Unavailable(_))));
    let _ = connection.read_to_end(&mut vec![]).await;
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
