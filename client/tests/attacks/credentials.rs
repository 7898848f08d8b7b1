//! Credentials given by hand, and MCP servers that name another authorization server since.
use crate::support::{Person, Run, World};
use std::path::PathBuf;

const SECRET: &str = "s3cret-of-robot";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n\
    OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n\
    1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n\
    -----END PRIVATE KEY-----\n";

fn file(person: &Person, name: &str, text: &str) -> PathBuf {
    let path = person.home().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Every way to give a credential that an authorization server sees.
fn ways(person: &Person) -> Vec<Vec<String>> {
    let path = |name: &str, text: &str| file(person, name, text).to_str().unwrap().to_owned();
    let (secret, key, assertion) = (path("secret", SECRET), path("key", KEY), path("assertion", "a.b.c"));
    let lines: [&[&str]; 7] = [
        &["--client-id", "robot", "--client-secret", SECRET],
        &["--client-id", "robot", "--client-secret-file", &secret],
        &["--client-id", "robot", "--client-secret-env", "ROBOT"],
        &["--client-id", "robot", "--private-key", &key],
        &["--client-id", "robot", "--client-secret", SECRET, "--auth-mode", "auth-code"],
        &["--client-id", "robot", "--client-secret", SECRET, "--auth-mode", "device"],
        &["--auth-mode", "jwt-bearer", "--assertion-file", &assertion],
    ];
    lines.into_iter().map(|line| line.iter().map(|word| (*word).to_owned()).collect()).collect()
}

fn login(person: &Person, url: &str, way: &[String], more: &[&str]) -> Run {
    let words = ["login", url].into_iter().chain(way.iter().map(String::as_str)).chain(more.iter().copied());
    let words: Vec<_> = words.collect();
    person.command(&words).env("ROBOT", SECRET).output().unwrap().into()
}

/// Whether the server was asked for nothing but its metadata.
fn untouched(world: &World) -> bool {
    let seen = world.seen();
    seen.token_requests.is_empty() && seen.registrations.is_empty() && seen.authorizations.is_empty()
}

#[test]
fn attack_162_a_second_run_of_the_same_command_sends_nothing_to_another_authorization_server() {
    for number in 0..7 {
        let (world, evil, person) = (World::new(), World::new(), Person::new());
        let way = &ways(&person)[number];
        login(&person, &world.mcp(), way, &[]).done();
        world.turn(&[&format!("issuer={}", evil.origin)]);
        let refused = login(&person, &world.mcp(), way, &["--json"]).failed();
        assert_eq!(refused.json()["error"]["code"], "issuer_changed", "{way:?}");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        for part in [&*world.origin, &evil.origin, &format!("--authorization-server {}", evil.origin)] {
            assert!(message.contains(part), "{message}");
        }
        assert!(untouched(&evil), "{way:?}");
        // The command of the message works, and both issuers are known then.
        login(&person, &world.mcp(), way, &["--authorization-server", &evil.origin]).done();
        login(&person, &world.mcp(), way, &[]).done();
    }
}

#[test]
fn attack_163_what_is_kept_of_a_login_goes_to_its_own_issuer_only() {
    for number in 0..7 {
        let (world, evil, person) = (World::new(), World::new(), Person::new());
        login(&person, &world.mcp(), &ways(&person)[number], &[]).done();
        world.turn(&[&format!("issuer={}", evil.origin)]);
        person.expire();
        let url = world.mcp();
        for arguments in [&["tools", &url][..], &["token", &url], &["call", &url, "no/such"], &["logout", &url]] {
            person.run(arguments);
        }
        assert!(untouched(&evil) && evil.seen().revoked.is_empty());
        login(&person, &world.mcp(), &ways(&person)[number], &[]).failed();
        // A person may well sign in there, as somebody who is known there.
        person.run(&["login", &url]);
        let seen = evil.seen();
        for secret in [SECRET, "a.b.c"] {
            assert!(!seen.token_requests.iter().flat_map(|form| form.values()).any(|value| value.contains(secret)));
        }
        assert!(seen.token_headers.iter().all(|headers| !headers.contains_key("authorization")));
    }
}

#[test]
fn attack_163_a_profile_that_says_another_issuer_is_believed() {
    let (world, person) = (World::new(), Person::new());
    for way in ways(&person) {
        login(&person, &world.mcp(), &way, &[]).done();
        person.edit(|file| {
            for profile in file["profiles"].as_array_mut().unwrap() {
                profile["issuer"] = "https://before.example".into();
            }
        });
        let before = world.seen().token_requests.len();
        let refused = login(&person, &world.mcp(), &way, &["--json"]).failed();
        assert_eq!(refused.json()["error"]["code"], "issuer_changed");
        assert_eq!(world.seen().token_requests.len(), before);
        std::fs::remove_file(person.home().join("profiles.json")).unwrap();
    }
}

#[test]
fn attack_164_neither_a_logout_nor_a_failure_nor_another_mcp_server_loosens_a_credential() {
    for number in 0..7 {
        let (world, evil, person) = (World::new(), World::new(), Person::new());
        let way = &ways(&person)[number];
        let refused = |person: &Person| {
            let refused = login(person, &evil.mcp(), way, &["--json"]).failed();
            assert_eq!(refused.json()["error"]["code"], "issuer_changed", "{way:?}");
            assert!(untouched(&evil), "{way:?}");
        };
        login(&person, &world.mcp(), way, &[]).done();
        refused(&person);
        person.run(&["logout", &world.mcp()]).done();
        refused(&person);
        if let Some(file) = way.iter().find(|word| word.ends_with("/assertion")) {
            let other = file.replace("/assertion", "/./assertion");
            let again = login(&person, &evil.mcp(), &["--assertion-file".to_owned(), other], &["--json"]).failed();
            assert_eq!(again.json()["error"]["code"], "issuer_changed");
        }
        // The first one that saw it was away for a moment.
        let unlucky = Person::new();
        let way = &ways(&unlucky)[number];
        world.turn(&["babbles@/token"]);
        login(&unlucky, &world.mcp(), way, &[]).failed();
        let refused = login(&unlucky, &evil.mcp(), way, &["--json"]).failed();
        assert_eq!(refused.json()["error"]["code"], "issuer_changed", "{way:?}");
        assert!(untouched(&evil), "{way:?}");
    }
}
