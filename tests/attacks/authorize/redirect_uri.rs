//! Attacks on the destination of the response: other redirect URIs, repeated parameters, other clients.
use crate::support::{
    app::{Answer, CALLBACK, MCP, OTHER, TestApp, VERIFIER, authorize_path},
    grants::{grants_of, nothing_was_granted, sent_back},
};
use keyward::model::ClientId;
use scraper::Html;

const LOOPBACK: &str = "http://127.0.0.1/cb";
const EVIL: &str = "https://evil.example/cb";

/// Asserts an error page that leads nowhere: no redirect, no link, nothing that moves the browser.
#[track_caller]
fn leads_nowhere(answer: &Answer) {
    answer.page(400);
    for way_out in ["<a ", "http-equiv", "<script", "action="] {
        assert!(!answer.body.contains(way_out), "{way_out} in {answer:?}");
    }
    // What was sent is shown as text, and nothing of it is where a browser would follow it.
    let html = Html::parse_document(&answer.body);
    let mut attributes = html.root_element().descendent_elements().flat_map(|element| element.value().attrs());
    assert!(attributes.all(|(_, value)| !value.contains("evil")), "{answer:?}");
}

/// Asserts that none of these is taken for the registered one, with somebody signed in or nobody.
async fn none_matches(registered: &str, requested: &[&str]) {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[registered]).await;
    let mut alice = t.signed_in("alice").await;
    for uri in requested {
        let path = authorize_path(&client, &[("redirect_uri", uri)]);
        for answer in [t.get(&path).await, alice.get(&path).await] {
            leads_nowhere(&answer);
            assert!(answer.body.contains("not registered for this client"), "{uri}: {answer:?}");
            assert!(!answer.body.contains(&format!("\"{uri}")), "{answer:?}");
        }
    }
    nothing_was_granted(&t).await;
    let exact = alice.approve(&authorize_path(&client, &[("redirect_uri", registered)])).await;
    assert!(exact.location().starts_with(&format!("{registered}?code=")), "{exact:?}");
}

#[tokio::test]
async fn attack_01_a_redirect_uri_that_differs_in_one_character_is_another_one() {
    let others = [
        "https://client.example/cb/",
        "https://client.example/CB",
        "https://client.example/cb?x=1",
        "https://client.example/cb?",
        "https://client.example/cb/../evil",
        "https://client.example/%63b",
        "https://CLIENT.example/cb",
        "HTTPS://client.example/cb",
        "https://client.example:443/cb",
        "https://client.example:8443/cb",
        "https://client.example./cb",
        "https://client.example/c",
        "http://client.example/cb",
        "//client.example/cb",
        "/cb",
    ];
    none_matches(CALLBACK, &others).await;
}

#[tokio::test]
async fn attack_02_another_host_around_the_registered_one_is_refused() {
    let others = [
        "https://client.example@evil.example/cb",
        "https://client.example:x@evil.example/cb",
        "https://client.example.evil.example/cb",
        "https://evil.example/?https://client.example/cb",
        "https://evil.example/https://client.example/cb",
        "https://evil.example\\@client.example/cb",
        "https://evilclient.example/cb",
        "https://sub.client.example/cb",
        "https://client.example/cb\r\nLocation: https://evil.example",
        " https://client.example/cb",
        "javascript:alert(1)//https://client.example/cb",
    ];
    none_matches(CALLBACK, &others).await;
}

#[tokio::test]
async fn attack_03_a_loopback_redirect_goes_to_the_port_that_was_asked_for() {
    let t = TestApp::start().await;
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let client = t.public_client(host, &[&format!("http://{host}/cb")]).await;
        let asked = format!("http://{host}:51004/cb");
        let path = authorize_path(&client, &[("redirect_uri", &asked)]);
        let answer = t.signed_in("alice").await.approve(&path).await;
        assert!(answer.location().starts_with(&format!("{asked}?code=")), "{answer:?}");
        let code = answer.returned("code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", host),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", &asked),
        ];
        assert_eq!(t.post("/token", &form).await.status, 200);
    }
}

#[tokio::test]
async fn attack_04_only_the_port_of_a_loopback_redirect_may_differ() {
    let others = [
        "http://localhost:51004/cb",
        "http://[::1]:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004",
        "http://127.0.0.2:51004/cb",
        "HTTP://127.0.0.1:51004/cb",
    ];
    none_matches(LOOPBACK, &others).await;
    none_matches("http://localhost/cb", &["http://127.0.0.1:51004/cb", "http://LOCALHOST:51004/cb"]).await;
    // What is no loopback address has a fixed port.
    none_matches("https://127.0.0.1/cb", &["https://127.0.0.1:51004/cb"]).await;
}

#[tokio::test]
async fn attack_05_what_only_looks_like_loopback_is_refused() {
    let others = [
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1.evil.example:1/cb",
        "http://127.1:9/cb",
        "http://127.0.0.1.:9/cb",
        "http://0x7f.0.0.1/cb",
        "http://0177.0.0.1/cb",
        "http://2130706433/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http:\\\\127.0.0.1\\cb",
        "http://127.0.0.1\\cb",
        "http:127.0.0.1/cb",
        "http://127.0.0.1\t:9/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:-1/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:8 0/cb",
    ];
    none_matches(LOOPBACK, &others).await;
}

#[tokio::test]
async fn attack_06_a_fragment_in_the_redirect_uri_is_refused() {
    let others = ["https://client.example/cb#", "https://client.example/cb#frag", "https://client.example#/cb"];
    none_matches(CALLBACK, &others).await;
    none_matches(LOOPBACK, &["http://127.0.0.1:9/cb#", "http://127.0.0.1:9#/cb"]).await;
}

#[tokio::test]
async fn attack_07_what_decides_where_the_answer_goes_must_not_occur_twice() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    t.public_client("other", &[EVIL]).await;
    let mut alice = t.signed_in("alice").await;
    let good = authorize_path(&client, &[("redirect_uri", CALLBACK), ("scope", "mcp:read")]);
    for more in [
        "redirect_uri=https%3A%2F%2Fevil.example%2Fcb",
        "redirect_uri=https%3A%2F%2Fclient.example%2Fcb",
        "redirect_uri=",
        "client_id=other",
        "client_id=c",
        "state=other",
        "state=",
        // The same name, written otherwise.
        "redirect%5Furi=https%3A%2F%2Fevil.example%2Fcb",
    ] {
        for twice in [format!("{good}&{more}"), good.replace('?', &format!("?{more}&"))] {
            leads_nowhere(&t.get(&twice).await);
            leads_nowhere(&alice.get(&twice).await);
        }
    }
    sent_back(&alice.get(&format!("{good}&scope=mcp:write")).await, CALLBACK, "invalid_request");
    sent_back(&alice.get(&format!("{good}&unknown=1&unknown=1")).await, CALLBACK, "invalid_request");
    nothing_was_granted(&t).await;

    let both = authorize_path(&client, &[("resource", MCP), ("resource", OTHER)]);
    assert!(alice.approve(&both).await.returned("code").is_some());
    assert_eq!(grants_of(&t, "alice").await[0].resources, [MCP, OTHER]);
}

#[tokio::test]
async fn attack_08_without_a_redirect_uri_only_a_client_with_exactly_one_is_served() {
    let t = TestApp::start().await;
    let mut alice = t.signed_in("alice").await;
    let two = t.public_client("two", &[CALLBACK, "https://client.example/2"]).await;
    for path in [authorize_path(&two, &[]), format!("{}&redirect_uri=", authorize_path(&two, &[]))] {
        leads_nowhere(&t.get(&path).await);
        leads_nowhere(&alice.get(&path).await);
    }
    nothing_was_granted(&t).await;
    let one = t.public_client("one", &[CALLBACK]).await;
    let answer = alice.approve(&authorize_path(&one, &[])).await;
    assert!(answer.location().starts_with(&format!("{CALLBACK}?code=")), "{answer:?}");
}

#[tokio::test]
async fn attack_09_an_unknown_client_brings_nobody_anywhere() {
    let t = TestApp::start().await;
    let known = t.public_client("known", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    for id in ["unknown", "Known", "known ", "known\r\n", "' OR 1=1 --", "http://client.example/cb"] {
        for redirect_uri in [CALLBACK, EVIL] {
            let path = authorize_path(&ClientId::from(id), &[("redirect_uri", redirect_uri)]);
            for answer in [t.get(&path).await, alice.get(&path).await] {
                leads_nowhere(&answer);
                assert!(!answer.body.contains("evil"), "{answer:?}");
            }
        }
    }
    leads_nowhere(&alice.get(&authorize_path(&known, &[("client_id", ""), ("redirect_uri", CALLBACK)])).await);
    nothing_was_granted(&t).await;
    assert!(alice.approve(&authorize_path(&known, &[])).await.returned("code").is_some());
}
