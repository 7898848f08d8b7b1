//! Everything that strangers can make grow, grown to its bound: how much disk and memory it takes then.
mod driven;

use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, authorize_path},
    bound::TOKEN_URL,
    client_key::{self, ClientKey},
    dpop::DpopKey,
    par::push,
};
use keyward::{
    audit::{Event, telling},
    events::EventType,
    jobs,
    model::ClientId,
    secrets::base64url,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, net::Ipv4Addr, path::Path};
use time::Duration;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table of all that grows, in the documentation.
fn documented() -> String {
    let text = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let section = text.split("\n## What strangers can make grow\n").nth(1).unwrap();
    section.split("\n## ").next().unwrap().to_owned()
}

#[test]
fn every_table_of_the_database_has_its_bound_in_the_documentation() {
    let documented = documented();
    for dialect in ["sqlite", "postgres"] {
        let migrations = fs::read_dir(repository().join("migrations").join(dialect)).unwrap();
        let mut tables = BTreeSet::new();
        for migration in migrations {
            let sql = fs::read_to_string(migration.unwrap().path()).unwrap();
            let names = sql.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_whitespace().next());
            // A new form of a table takes the old one's name.
            tables.extend(names.map(|name| name.trim_start_matches("new_").to_owned()));
        }
        assert!(tables.len() > 20, "{tables:?}");
        let missing: Vec<_> = tables.iter().filter(|table| !documented.contains(&format!("`{table}`"))).collect();
        assert!(missing.is_empty(), "{dialect}: {missing:?}");
    }
}

/// What can hold more the longer we run, or the more ask.
const GROWING: [&str; 9] =
    ["HashMap<", "HashSet<", "VecDeque<", "BTreeMap<", "BTreeSet<", "Rates", "Table<", "Mutex<Vec<", "Semaphore"];
/// Made at the start, or for one request, and never grown by a stranger.
const FIXED: [&str; 9] = [
    "Config",
    "Demo",
    "ExchangeRule",
    "ExchangeSettings",
    "KeyRing",
    "ResourceSettings",
    "Row",
    "TrustedIssuer",
    "Workload",
];

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

#[test]
fn everything_in_memory_that_grows_has_its_bound_in_the_documentation() {
    let (documented, mut texts) = (documented(), vec![]);
    sources(&repository().join("src"), &mut texts);
    sources(&repository().join("oauth/src"), &mut texts);
    let mut growing = BTreeSet::new();
    for declared in texts.iter().flat_map(|text| text.split("struct ").skip(1)) {
        let line = declared.lines().next().unwrap();
        let body = if line.ends_with(';') { line } else { declared.split("\n}").next().unwrap() };
        if GROWING.iter().any(|kind| body.contains(kind)) {
            growing.insert(declared.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        }
    }
    growing.retain(|name| !FIXED.contains(&name.as_str()));
    assert!(growing.len() > 5, "{growing:?}");
    let missing: Vec<_> = growing.iter().filter(|name| !documented.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn attack_186_a_registration_full_of_keys_that_are_none_keeps_only_what_is_used() {
    let t = TestApp::start().await;
    let house = tokio::spawn(jobs::run(t.app.clone()));
    let key = ClientKey::es256("k");
    let mut keys = vec![json!({}); 9_000];
    keys[0] = key.jwk.clone();
    let body = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys},
    });
    assert!(body.to_string().len() < 32 * 1024);
    let registered = t.register(&body).await;
    assert_eq!(registered.json()["jwks"], key.jwks(), "{registered:?}");
    let id = registered.json()["client_id"].as_str().unwrap().to_owned();
    assert!(t.db.number("SELECT CAST(max(length(CAST(metadata AS TEXT))) AS BIGINT) FROM clients").await < 2_000);
    assert_eq!(client_key::revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
    assert!(t.app.clients.bytes() < 20_000, "{}", t.app.clients.bytes());
    // Members that nobody reads go too, and keys beyond those that are tried.
    let mut padded = key.jwk.clone();
    padded["x5c"] = json!(vec!["x"; 100]);
    let body = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": vec![padded; 25], "padding": "x".repeat(1_000)},
    });
    let registered = t.register(&body).await.json();
    assert_eq!(registered["jwks"], json!({"keys": vec![key.jwk; 20]}));
    house.abort();
}

#[tokio::test]
async fn clients_are_remembered_up_to_so_many_bytes_whoever_asks_for_how_many() {
    let t = TestApp::start().await;
    let house = tokio::spawn(jobs::run(t.app.clone()));
    while !t.app.changes.are_heard() {
        tokio::task::yield_now().await;
    }
    let mut most = 0;
    for n in 0..300 {
        let uris: Vec<_> = (0..12).map(|m| format!("https://client.example/{n}/{m}/{}", "x".repeat(900))).collect();
        let registered = t.register(&json!({"redirect_uris": uris, "token_endpoint_auth_method": "none"})).await.json();
        let id = registered["client_id"].as_str().unwrap_or_else(|| panic!("{registered}"));
        assert!(t.app.clients.find(id).await.unwrap().is_some());
        most = most.max(t.app.clients.bytes());
    }
    assert!((1_000_000..=16 * 1024 * 1024).contains(&most), "{most}");
    house.abort();
}

#[tokio::test]
async fn attack_189_wrong_passwords_fill_no_disk_however_many_come_from_wherever() {
    let t = TestApp::start().await;
    let before = t.db.number("SELECT count(*) FROM audit_events").await;
    let rows = async || t.db.number("SELECT count(*) FROM audit_events").await - before;
    let wrong = async |account: &str, source: u32| {
        let event = Event::new(EventType::LoginFailure).failed();
        event.tally(&t.app.audit, account, Ipv4Addr::from_bits(source).into()).await;
    };
    // One account from one place, many from one place.
    for _ in 0..1_000 {
        wrong("user alice", 1).await;
    }
    assert_eq!(rows().await, 1);
    for account in 0..1_000 {
        wrong(&format!("user {account}"), 1).await;
    }
    assert_eq!(rows().await, 11);
    for source in 2..1_000 {
        wrong("user alice", source).await;
    }
    let first = rows().await;
    assert!((200..=201).contains(&first), "{first}");
    t.app.clock.advance(Duration::MINUTE);
    telling::tell(&t.app.audit).await;
    let all = rows().await;
    assert!(all <= first + 12, "{all}");
    // None is lost.
    let told: i64 = keyward::storage::audit_events::recent(&t.db, 1_000)
        .await
        .unwrap()
        .iter()
        .filter(|event| event.event_type == "login_failure")
        .map(|event| event.details["more"].as_i64().unwrap_or(1))
        .sum();
    assert_eq!(told, 1_000 + 1_000 + 998);
    // And the next minute begins anew.
    wrong("user alice", 1).await;
    assert_eq!(rows().await, all + 1);
}

#[tokio::test]
async fn attack_190_a_proof_that_counted_for_nothing_leaves_no_row() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let proofs = async || t.db.number("SELECT count(*) FROM dpop_proofs").await;
    let (key, now) = (DpopKey::es256(), t.app.clock.now());
    let code = t.code(&client, &[]).await;
    for form in [
        &[("grant_type", "refresh_token"), ("refresh_token", "x")][..],
        &[("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", "x")],
        &[("grant_type", "authorization_code"), ("code", &code), ("code_verifier", "x")],
        &[("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", "x")],
        &[("grant_type", "client_credentials")],
        &[("grant_type", "none")],
    ] {
        let form = [&[("client_id", "c")], form].concat();
        let refused = t.post_with("/token", &form, &[("dpop", &key.proof("POST", TOKEN_URL, now))]).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let par = format!("{}/par", crate::support::app::ISSUER);
    let form = [("client_id", "c"), ("response_type", "token")];
    let refused = t.post_with("/par", &form, &[("dpop", &key.proof("POST", &par, now))]).await;
    assert_eq!((refused.status.as_u16(), proofs().await), (400, 0), "{refused:?}");
    // What counts is used up, before anything else is.
    let tokens = t.tokens(&client, &[]).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", token)];
    let proof = key.proof("POST", TOKEN_URL, now);
    let answer = t.post_with("/token", &form, &[("dpop", &proof)]).await;
    assert_eq!((answer.status.as_u16(), proofs().await), (200, 1), "{answer:?}");
    let next = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", &*next)];
    t.post_with("/token", &form, &[("dpop", &proof)]).await.refused(400, "invalid_dpop_proof");
    let again = t.post_with("/token", &form, &[("dpop", &key.proof("POST", TOKEN_URL, now))]).await;
    assert_eq!(again.status, 200, "a refused proof cost its owner the token: {again:?}");
}

#[tokio::test]
async fn attack_191_a_grant_whose_code_nobody_redeems_is_gone_within_the_hour() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let grants = async || t.db.number("SELECT count(*) FROM grants").await;
    for _ in 0..50 {
        assert!(alice.approve(&authorize_path(&client, &[])).await.returned("code").is_some());
    }
    let kept = t.tokens(&client, &[]).await;
    assert_eq!(grants().await, 51);
    t.app.clock.advance(Duration::minutes(30));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(grants().await, 51, "its form could be sent again");
    t.app.clock.advance(Duration::minutes(12));
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(grants().await, 1);
    assert_eq!(t.refresh(&client, kept["refresh_token"].as_str().unwrap()).await.status, 200);
    // What was allowed is still remembered.
    assert!(t.db.number("SELECT count(*) FROM consents").await > 0);
}

#[tokio::test]
async fn attack_161_keys_that_are_dear_to_verify_with_are_nobodys() {
    let t = TestApp::start().await;
    let rsa = |bytes: usize| {
        let mut modulus = vec![0xFF; bytes];
        modulus[bytes - 1] = 0x01;
        json!({"kty": "RSA", "e": "AQAB", "n": base64url(modulus)})
    };
    let register = async |keys: Vec<Value>| {
        let body = json!({
            "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys},
        });
        t.register(&body).await
    };
    for bytes in [513, 768, 1_024] {
        register(vec![rsa(bytes)]).await.refused(400, "invalid_client_metadata");
    }
    for bytes in [256, 384, 512] {
        assert_eq!(register(vec![rsa(bytes)]).await.status, 201, "{bytes}");
    }
    let good = ClientKey::es256("k");
    let registered = register(vec![rsa(1_024), good.jwk.clone(), rsa(1_024)]).await.json();
    assert_eq!(registered["jwks"], good.jwks());
    // One that signs and its successor are tried, and no more.
    let keys: Vec<_> = (0..3).map(|_| ClientKey::es256("k")).collect();
    let unnamed = |key: &ClientKey| {
        let mut jwk = key.jwk.clone();
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    let registered = register(keys.iter().map(unnamed).collect()).await.json();
    let id = registered["client_id"].as_str().unwrap();
    for (key, let_in) in keys.iter().zip([true, true, false]) {
        let answer = client_key::revoke_nothing(&t, &key.assertion(&t, id)).await;
        assert_eq!(answer.status == 200, let_in, "{answer:?}");
    }
}

#[tokio::test]
async fn attack_106_a_session_is_small_whatever_it_was_begun_for() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let states: Vec<_> = (0..3).map(|n| (format!("x{n}"), "x".repeat(8_000))).collect();
    let more: Vec<_> = states.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = authorize_path(&client, &[&[("prompt", "login")], &more[..]].concat());
    assert!(path.len() > 24_000);
    let mut browser = t.browser();
    browser.sign_in("alice", PASSWORD, &path).await;
    assert!(t.db.number("SELECT CAST(max(length(CAST(data AS TEXT))) AS BIGINT) FROM sessions").await < 500);
    // It is known again, for this once.
    assert_eq!(browser.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_source_that_pushes_for_ever_is_told_to_wait() {
    let t = TestApp::start().await;
    let client: ClientId = t.public_client("a", &[CALLBACK]).await;
    let more = [("x", &*"x".repeat(8_000))];
    let mut pushed = 0;
    let refused = loop {
        let answer = push(&t, &client, &more).await;
        if answer.status != 201 {
            break answer;
        }
        pushed += 1;
    };
    assert!((200..=260).contains(&pushed), "{pushed}: {refused:?}");
    refused.refused(429, "too_many_requests");
    assert!(!refused.header("retry-after").is_empty());
    // What was refused for want of room has used up nothing.
    let (par, now) = (format!("{}/par", crate::support::app::ISSUER), t.app.clock.now());
    let proof = DpopKey::es256().proof("POST", &par, now);
    let form = [("client_id", "a"), ("response_type", "code"), ("code_challenge", crate::support::app::CHALLENGE)];
    let form = [&form[..], &[("code_challenge_method", "S256")], &more].concat();
    t.post_with("/par", &form, &[("dpop", &proof)]).await.refused(429, "too_many_requests");
    assert_eq!(t.db.number("SELECT count(*) FROM dpop_proofs").await, 0);
    assert!(t.db.number("SELECT CAST(sum(length(query)) AS BIGINT) FROM pushed_requests").await <= 2 * 1024 * 1024);
    t.app.clock.advance(Duration::minutes(10));
    assert_eq!(push(&t, &client, &more).await.status, 201);
}
