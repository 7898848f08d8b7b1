//! Where requests go: proxies, and addresses that a server names.
use super::{cases, count};
use crate::support::{Person, Run, World, verbs};
use std::{io::Write, process::Stdio};

/// A server that counts as on the internet, because a proxy resolves its name.
const AWAY: &str = "http://mcp.example/mcp";

/// Runs the program with this world as its proxy, by every variable for proxies.
fn run(person: &Person, proxy: &World, arguments: &[&str], input: &str) -> Run {
    let mut command = person.command(&[arguments, &["--insecure-http", "--patience", "1"]].concat());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &proxy.origin);
    }
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// The case of a verb, after a login where it needs one.
fn case(person: &Person, proxy: &World, verb: &str, number: usize, url: &str) -> (Vec<String>, &'static str) {
    let mut id = String::new();
    if cases(verb, person, url, "").swap_remove(number).signed_in {
        run(person, proxy, &["login", url, "--auth-mode", "auth-code", "--scope", "read"], "").done();
        person.file()["profiles"][0]["profile_id"].as_str().unwrap().clone_into(&mut id);
    }
    let case = cases(verb, person, url, &id).swap_remove(number);
    (case.arguments, case.input)
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn attack_172_nothing_for_this_machine_goes_to_a_proxy_whatever_the_verb() {
    let proxy = World::new();
    for verb in verbs() {
        for number in 0..count(&verb) {
            let (world, person) = (World::new(), Person::new());
            for url in [world.mcp(), world.mcp().replace("127.0.0.1", "localhost")] {
                world.turn(&[&format!("called={}", url.trim_end_matches("/mcp"))]);
                let (arguments, input) = case(&person, &proxy, &verb, number, &url);
                run(&person, &proxy, &words(&arguments), input);
            }
        }
    }
    assert_eq!(proxy.seen().requests, 0);
}

#[test]
fn attack_174_a_server_on_the_internet_sends_no_verb_to_this_machine() {
    let here = World::new();
    let port = here.origin.rsplit(':').next().unwrap();
    let called = "called=http://mcp.example";
    let evils = [
        format!("issuer={}", here.origin),
        format!("issuer=http://localhost:{port}"),
        format!("issuer=http://[::ffff:127.0.0.1]:{port}"),
        format!("issuer=http://0:{port}"),
        format!("endpoints={}/*", here.origin),
        format!("redirects={}", here.origin),
    ];
    for verb in verbs() {
        for number in 0..count(&verb) {
            for evil in &evils {
                let (away, person) = (World::with(&[called]), Person::new());
                let (arguments, input) = case(&person, &away, &verb, number, AWAY);
                away.turn(&[called, evil]);
                run(&person, &away, &words(&arguments), input);
                assert_eq!(here.seen().requests, 0, "{arguments:?} {evil}");
            }
        }
    }
    // The person may name what the server may not.
    let (away, person) = (World::with(&[called, &evils[0]]), Person::new());
    let refused = run(&person, &away, &["login", AWAY, "--auth-mode", "auth-code", "--json"], "").failed();
    assert_eq!(refused.json()["error"]["code"], "private_address");
    let named = ["login", AWAY, "--auth-mode", "auth-code", "--authorization-server", &here.origin];
    run(&person, &away, &named, "").done();
    person.expire();
    run(&person, &away, &["token", AWAY], "").done();
    assert_eq!(here.seen().refreshes, 1);
}
