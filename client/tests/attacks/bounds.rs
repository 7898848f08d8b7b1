//! Answers without end, by bytes and by numbers.
use super::meet;
use crate::support::{Person, World, line_with};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

/// More time than any of these answers takes, also on a busy machine: only their size may end the run.
const PATIENT: [&str; 3] = ["--timeout", "3600", "--json"];

fn code(verb: &str, number: usize, fault: &str) -> String {
    let run = meet(verb, number, &[fault], &PATIENT).failed();
    run.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("{run:?}")).to_owned()
}

#[test]
fn attack_168_a_head_without_end_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let mut text = "HTTP/1.1 200 OK\r\nx-long: ";
                while stream.write_all(text.as_bytes()).is_ok() {
                    text = "a";
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    for verb in ["discover", "tools", "doctor"] {
        let run = Person::new().run(&[verb, &url, "--timeout", "1", "--json"]).failed();
        assert_eq!(run.json()["error"]["code"], "timeout", "{verb}: {run:?}");
    }
}

#[test]
fn attack_169_pages_without_end_are_no_list() {
    assert_eq!(code("tools", 0, "pages@/mcp"), "protocol");
}

#[test]
fn attack_170_what_is_too_large_is_not_read_to_its_end() {
    for fault in ["floods@/mcp", "one-event@/mcp", "other-events@/mcp"] {
        assert_eq!(code("call", 0, fault), "too_much", "{fault}");
    }
    for (verb, number, fault) in [
        ("token", 0, "floods@/token"),
        ("debug", 0, "floods@/debug/"),
        ("login", 1, "floods@/register"),
        ("login", 3, "floods@/device"),
        ("login", 4, "floods@/token"),
    ] {
        assert_eq!(code(verb, number, fault), "too_much", "{verb} {fault}");
    }
    assert_eq!(code("discover", 0, "floods@/.well-known"), "too_much");
}

#[test]
fn attack_170_a_wait_that_a_server_asks_for_ends_with_the_time_there_is() {
    for (verb, number, fault) in
        [("tools", 1, "waits@/mcp"), ("call", 2, "waits@/mcp"), ("tools", 1, "heartbeats@/mcp")]
    {
        let run = meet(verb, number, &[fault], &["--timeout", "1", "--json"]).failed();
        assert_eq!(run.json()["error"]["code"], "timeout", "{fault}: {run:?}");
    }
}

#[test]
fn attack_171_numbers_at_the_edge_end_no_process() {
    for device in [
        r#"{"expires_in":9223372036854775807,"interval":18446744073709551615}"#,
        r#"{"expires_in":1e300,"interval":1e300}"#,
        r#"{"expires_in":-1e300,"interval":-5}"#,
        r#"{"expires_in":0.5,"interval":0.1}"#,
    ] {
        let run = meet("login", 3, &[&format!("device={device}")], &["--patience", "1", "--json"]);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        assert!(matches!(run.json()["error"]["code"].as_str(), Some("timeout") | None), "{run:?}");
    }
    for lifetime in ["9223372036854775807", "1e300", "-1e300", "9e18"] {
        let (world, person) = (World::with(&[&format!("lifetime={lifetime}")]), Person::new());
        person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
        person.run(&["profile", "list"]).done();
        person.run(&["token", &world.mcp()]);
    }
}

#[test]
fn attack_171_nobody_waits_longer_than_asked_for_whoever_does_not_come() {
    let (world, person) = (World::new(), Person::new());
    let login = ["login", &world.mcp(), "--auth-mode", "auth-code", "--browser", "print", "--patience", "1"];
    let mut child = person.start(&login);
    line_with(&mut child, "/authorize?");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
