//! Killed without warning in the middle of work: what was acknowledged is there afterwards, and audited.
use super::{House, Server};
use crate::{
    support::{TestServer, call},
    surfaces::credential,
};
use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::JoinSet;

const WRITERS: usize = 8;
/// Acknowledged before it is killed.
const ENOUGH: usize = 100;

/// Writes notes until the server is gone; returns those that were acknowledged.
async fn write(t: &TestServer, server: Server, round: usize) -> Vec<String> {
    let (url, count) = (server.url("/mcp/bearer-token"), Arc::new(AtomicUsize::new(0)));
    let server = Arc::new(Mutex::new(server));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (url, count, server, own) = (url.clone(), count.clone(), server.clone(), credential(t, "bearer-token"));
        writers.spawn(async move {
            let http = Client::builder().no_proxy().build().unwrap();
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let key = format!("r{round}-w{writer}-n{number}");
                let message = call("write_note", json!({"key": key, "content": key}));
                let request = http.post(&url).headers(own.clone()).header("x-request-id", &key).json(&message);
                let Ok(answer) = request.send().await else { break };
                let Ok(answer) = answer.json::<Value>().await else { break };
                assert_eq!(answer["result"]["structuredContent"]["stored"], true, "{answer}");
                acknowledged.push(key);
                if count.fetch_add(1, Ordering::Relaxed) + 1 == ENOUGH {
                    server.lock().unwrap().kill();
                }
            }
            acknowledged
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

/// Request ids of the audited calls. Each event is sealed with the one before it.
fn audited(house: &House) -> BTreeSet<String> {
    let store = rusqlite::Connection::open(house.store()).unwrap();
    let mut rows = store.prepare("SELECT event, seal FROM audit_events ORDER BY id").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let (mut before, mut calls) = (String::new(), BTreeSet::new());
    for (event, seal) in rows.map(Result::<(String, String), _>::unwrap) {
        let hash = digest(&SHA256, format!("{before}\n{event}").as_bytes());
        before = hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        assert_eq!(before, seal, "the chain is broken at {event}");
        let event: Value = serde_json::from_str(&event).unwrap();
        calls.extend(event["request_id"].as_str().map(str::to_owned));
    }
    calls
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill_and_is_in_the_unbroken_trail() {
    let t = TestServer::start().await;
    let house = House::new(&t);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        acknowledged.extend(write(&t, house.start("warn,keyward_resource_server=info"), round).await);
    }
    assert!(acknowledged.len() >= 3 * ENOUGH);
    let server = house.start("info");
    let http = Client::builder().no_proxy().build().unwrap();
    for key in &acknowledged {
        let request = http.post(server.url("/mcp/bearer-token")).headers(credential(&t, "bearer-token"));
        let read = request.json(&call("read_note", json!({"key": key}))).send().await.unwrap();
        let read: Value = read.json().await.unwrap();
        assert_eq!(read["result"]["structuredContent"]["content"], **key, "{read}");
    }
    drop(server);
    let audited = audited(&house);
    for key in &acknowledged {
        assert!(audited.contains(key), "{key} was not audited");
    }
}

/// Renews a session again and again until the server is gone; returns what was last brought, answered or not.
async fn renew(server: Server, mut token: Value) -> Value {
    let (url, server) = (server.url("/mcp/session"), Arc::new(Mutex::new(server)));
    let http = Client::builder().no_proxy().build().unwrap();
    for number in 0.. {
        if number == ENOUGH / 10 {
            let server = Arc::clone(&server);
            tokio::task::spawn_blocking(move || server.lock().unwrap().kill());
        }
        let request = http.post(&url).json(&call("refresh_session", json!({"refresh_token": token})));
        let Ok(answer) = request.send().await else { break };
        let Ok(answer) = answer.json::<Value>().await else { break };
        token = answer["result"]["structuredContent"]["refresh_token"].clone();
        assert!(token.is_string(), "{answer}");
    }
    token
}

#[tokio::test]
async fn a_session_outlives_a_kill_in_the_middle_of_its_renewal() {
    let house = House::new(&TestServer::start().await);
    let first = house.start("warn,keyward_resource_server=info");
    let login = call("authenticate_user", json!({"username": "alice", "password": "password123"}));
    let http = Client::builder().no_proxy().build().unwrap();
    let answer = http.post(first.url("/mcp/session")).json(&login).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let mut token = renew(first, answer["result"]["structuredContent"]["refresh_token"].clone()).await;
    for _ in 0..4 {
        token = renew(house.start("warn,keyward_resource_server=info"), token).await;
    }
}
