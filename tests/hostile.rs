//! Malicious hosts and documents: requested once, read no longer than necessary, never stored, and refused for a reason
//! that only the operator can see.
mod answers;
mod documents;
mod host;

use crate::support::app::{self, CALLBACK, PASSWORD, TestApp, authorize_path};
use host::{Answer, Host};
use keyward::{
    fetch::{self, Network},
    model::{AuditEvent, ClientId},
    storage::{audit_events, clients},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Longer than any host needs that answers, and shorter than a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes that a host may get rid of before we hang up: what we read, and what the system keeps for us meanwhile.
const MOST: usize = 8 * 1024 * 1024;

pub struct Hostile {
    what: &'static str,
    /// Words of what the operator is told.
    reason: &'static str,
    /// What the host answers at the URL of its document.
    answer: Box<dyn Fn(&str) -> Answer>,
}

impl Hostile {
    fn new(what: &'static str, reason: &'static str, answer: impl Fn(&str) -> Answer + 'static) -> Self {
        Self { what, reason, answer: Box::new(answer) }
    }
}

/// With which everything would be well.
fn good(url: &str) -> Value {
    json!({"client_id": url, "client_name": "App", "redirect_uris": [CALLBACK]})
}

fn url(number: usize) -> String {
    format!("https://host{number}.hostile.example/client.json")
}

/// A server for which the host with each number is at those addresses.
async fn start(found: Vec<Vec<SocketAddr>>, allows: fn(IpAddr) -> bool) -> Arc<TestApp> {
    let names = found.into_iter().enumerate().map(|(number, found)| (format!("host{number}.hostile.example"), found));
    let names: Arc<HashMap<_, _>> = Arc::new(names.collect());
    let lookup: fetch::Lookup = Arc::new(move |name| {
        let found = names[&name].clone();
        Box::pin(async move { Ok(found) })
    });
    let strangers_lookup = lookup.clone();
    let network = Network { lookup, strangers_lookup, allows, tls: false, timeout: TIMEOUT, ..Network::default() };
    Arc::new(TestApp::reaching(network, "").await)
}

/// What each of so many answered to people who signed in, all at once; for those that never do, the time runs out.
async fn asked(t: &Arc<TestApp>, count: usize, silent: &[&Host]) -> Vec<app::Answer> {
    let mut people = vec![];
    for name in ["alice", "bob", "root"] {
        let mut browser = t.browser();
        assert_eq!(browser.sign_in(name, PASSWORD, "/").await.location(), "/");
        people.push(browser.cookies);
    }
    let asking = (0..count).map(|number| {
        let (t, cookies) = (t.clone(), people[number % people.len()].clone());
        tokio::spawn(async move {
            let mut browser = t.browser();
            browser.cookies = cookies;
            browser.get(&authorize_path(&ClientId::from(&*url(number)), &[("redirect_uri", CALLBACK)])).await
        })
    });
    let (asking, mut answers) = (asking.collect::<Vec<_>>(), vec![]);
    let unfinished = || asking.iter().filter(|one| !one.is_finished()).count();
    let is_asked = |host: &&Host| host.seen.connections.load(Ordering::SeqCst) > 0;
    while unfinished() > silent.len() || !silent.iter().all(is_asked) {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(TIMEOUT).await;
    tokio::time::resume();
    for one in asking {
        answers.push(one.await.unwrap());
    }
    answers
}

/// Asserts that a refusal is like all others but for its reference, that nothing was kept, and the reason. A document
/// that speaks for its URL is told what is wrong with it: whoever named it has known before that it is there.
async fn refused(t: &TestApp, answers: &[app::Answer], expected: &[(String, &str)]) {
    let events = audit_events::recent(&t.db, 1000).await.unwrap();
    let tells = |answer: &app::Answer| answer.body.contains("invalid_client_metadata");
    let silent = answers.iter().find(|answer| !tells(answer)).map(page);
    for (number, (what, reason)) in expected.iter().enumerate() {
        if tells(&answers[number]) {
            let speaks =
                !["client_id", "JSON", "twice", "deeper", "something after"].iter().any(|one| reason.contains(one));
            assert!(speaks && page(&answers[number]).contains(&escaped(reason)), "{number}, {what}");
        } else {
            assert_eq!(Some(page(&answers[number])), silent, "{number}, {what}");
        }
        let id = ClientId::from(&*url(number));
        let about: Vec<_> = events.iter().filter(|event| event.client_id.as_ref() == Some(&id)).collect();
        let [AuditEvent { success: false, event_type, details, request_id, .. }] = &*about else {
            panic!("{number}, {what}: {about:?}");
        };
        assert!(event_type.starts_with("cimd_"), "{number}, {what}: {event_type}");
        assert!(details["rule"].as_str().unwrap().contains(reason), "{number}, {what}: {details}");
        assert_eq!(request_id.as_deref(), Some(answers[number].header("x-request-id")), "{number}, {what}");
        assert!(clients::find(&t.db, &id).await.unwrap().is_none(), "{number}, {what}: was kept");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('\'', "&#39;").replace('<', "&#60;").replace('>', "&#62;")
}

/// All that can be seen of it, but for the reference by which the operator finds the reason.
fn page(answer: &app::Answer) -> String {
    answer.page(400);
    let reference = answer.header("x-request-id");
    assert!(answer.body.contains(reference));
    let mut headers: Vec<_> = answer.headers.iter().map(|header| format!("{header:?}")).collect();
    headers.sort();
    format!("{headers:?}{}", answer.body).replace(reference, "")
}

async fn refused_after_one_request(hostile: Vec<Hostile>) {
    let mut hosts = vec![];
    for (number, one) in hostile.iter().enumerate() {
        hosts.push(Host::start((one.answer)(&url(number))).await);
    }
    let t = start(hosts.iter().map(|host| vec![host.address]).collect(), |address| address.is_loopback()).await;
    let silent = hostile.iter().zip(&hosts).filter(|(one, _)| one.reason == answers::TIME);
    let answers = asked(&t, hostile.len(), &silent.map(|(_, host)| host).collect::<Vec<_>>()).await;
    let expected: Vec<_> = hostile.iter().map(|one| (one.what.to_owned(), one.reason)).collect();
    refused(&t, &answers, &expected).await;
    for (one, host) in hostile.iter().zip(hosts) {
        assert_eq!(host.seen.connections.load(Ordering::SeqCst), 1, "{}", one.what);
        assert!(
            host.seen.bytes.load(Ordering::SeqCst) < MOST,
            "{} {}",
            one.what,
            host.seen.bytes.load(Ordering::SeqCst)
        );
    }
}

#[tokio::test]
async fn attack_87_hosts_that_answer_wrongly_are_asked_once_and_all_look_the_same() {
    refused_after_one_request(answers::all()).await;
}

#[tokio::test]
async fn attack_87_documents_that_break_a_rule_are_asked_for_once_and_tell_it_only_of_themselves() {
    refused_after_one_request(documents::all()).await;
}

#[tokio::test]
async fn attack_88_no_name_leads_to_an_address_of_any_special_class_and_all_look_the_same() {
    let host = Host::start(Answer::Whole(vec![])).await;
    let special = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    let at = |address: &str| SocketAddr::new(address.parse().unwrap(), host.address.port());
    let alone = special.iter().map(|address| vec![at(address)]);
    let behind_a_public_one = ["127.0.0.1", "::1"].iter().map(|address| vec![at("8.8.8.8"), at(address)]);
    let found: Vec<_> = alone.chain(behind_a_public_one).collect();
    let expected: Vec<_> = found.iter().map(|found| (format!("{found:?}"), "not on the public internet")).collect();
    let t = start(found, fetch::is_public).await;
    let answers = asked(&t, expected.len(), &[]).await;
    refused(&t, &answers, &expected).await;
    assert_eq!(host.seen.connections.load(Ordering::SeqCst), 0);
}
