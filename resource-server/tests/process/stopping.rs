//! Asked to stop by a service manager: heard by every way to run it, also as process 1, and nothing under way is lost.
use super::{House, Server};
use crate::{
    support::{TestServer, call},
    surfaces::credential,
};
use reqwest::{Client, header::ACCEPT};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

fn terminate(child: &Child) {
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Whether a handler of its own hears SIGTERM: without one, process 1 hears nothing.
fn hears_term(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

fn stopped(server: &mut Server) -> Option<i32> {
    terminate(&server.child);
    let code = server.child.wait().unwrap().code();
    server.listener.take().into_iter().for_each(|listener| listener.join().unwrap());
    code
}

#[tokio::test]
async fn sigterm_ends_streams_at_once_and_the_server_well() {
    let t = TestServer::start().await;
    let house = House::new(&t);
    let mut server = house.start("info");
    assert!(hears_term(&server.child));
    let (http, own) = (Client::builder().no_proxy().build().unwrap(), credential(&t, "bearer-token"));
    let url = server.url("/mcp/bearer-token");
    let written = call("write_note", json!({"key": "kept", "content": "kept"}));
    let answer: Value = http.post(&url).headers(own.clone()).json(&written).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["structuredContent"]["stored"], true, "{answer}");
    let legacy = server.url("/sse/bearer-token");
    let stream = http.get(&legacy).headers(own).header(ACCEPT, "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), 200, "{stream:?}");
    let rest = tokio::spawn(stream.text());
    let code = tokio::task::spawn_blocking(move || stopped(&mut server)).await.unwrap();
    assert_eq!(code, Some(0));
    assert!(rest.await.unwrap().unwrap().contains("event: endpoint"));
    let store = rusqlite::Connection::open(house.store()).unwrap();
    let newest = "SELECT event FROM audit_events ORDER BY id DESC LIMIT 1";
    let newest: String = store.query_row(newest, [], |row| row.get(0)).unwrap();
    assert!(newest.contains("server_stop"), "{newest}");
    assert!(http.get(&url).send().await.is_err());
    // And it starts again with what it had.
    let server = house.start("info");
    drop(server);
}

/// The program in one of its other ways, until it says one of these words.
fn started(arguments: &[&str], says: &str) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyward-resource-server"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if !says.is_empty() {
        let stderr = BufReader::new(child.stderr.take().unwrap());
        assert!(stderr.lines().map_while(Result::ok).any(|line| line.contains(says)), "it did not start");
    }
    child
}

#[test]
fn the_guard_hears_sigterm() {
    let guard = ["guard", "--upstream", "http://127.0.0.1:9/mcp", "--issuer", "http://127.0.0.1:8999"];
    let mut child = started(&[&guard[..], &["--listen", "127.0.0.1:0", "--grace", "0"]].concat(), "listens");
    assert!(hears_term(&child));
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn standard_input_and_output_hear_sigterm_though_nobody_closes_them() {
    let mut child = started(&["stdio"], "");
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    writeln!(input, "{hello}").unwrap();
    let mut output = BufReader::new(output);
    let mut answer = String::new();
    output.read_line(&mut answer).unwrap();
    assert!(answer.contains("\"id\":1"), "{answer}");
    assert!(hears_term(&child));
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(input);
}
