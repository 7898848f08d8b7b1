//! Attacks through published keys: floods of unknown keys do not block clients with a valid one.
use crate::support::{
    app::{Answer, TestApp},
    client_key::{ClientKey, JWKS, claims, proof, register_keys, revoke_nothing, with},
    internet::{Internet, json},
    peers::post_from,
    platform::{PLATFORM, RULES},
};
use keyward::{clients::configured, model::grant_type::JWT_BEARER};
use serde_json::json as object;
use time::Duration;

const STRANGER: [u8; 4] = [198, 51, 100, 1];
const HONEST: [u8; 4] = [192, 0, 2, 1];

async fn start(internet: &Internet, settings: &str) -> TestApp {
    let t = TestApp::reaching(internet.network(), settings).await;
    configured::write(&t.app).await.unwrap();
    t
}

async fn revoke_from(t: &TestApp, address: [u8; 4], assertion: &str) -> Answer {
    post_from(t, address, "/revoke", &[&[("token", "nothing")], &proof(assertion)[..]].concat()).await
}

/// Nobody can tell yet, and says when to try again.
fn not_yet(answer: &Answer, at_most: u64) {
    answer.refused(503, "temporarily_unavailable");
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=at_most).contains(&seconds), "{answer:?}");
}

async fn used(t: &TestApp) -> i64 {
    t.db.number("SELECT count(*) FROM used_assertions").await
}

#[tokio::test]
async fn attack_193_a_made_up_kid_costs_no_good_assertion_of_a_new_key_more_than_a_moment() {
    let internet = Internet::new().await;
    let t = start(&internet, "").await;
    let [first, second] = ["first", "second"].map(ClientKey::es256);
    let id = register_keys(&t, &object!({"jwks_uri": JWKS})).await;
    internet.serve(JWKS, json(&first.jwks())).await;
    assert_eq!(revoke_from(&t, HONEST, &first.assertion(&t, &id)).await.status, 200);
    t.app.clock.advance(Duration::minutes(2));
    // What is wrong anyway has nobody look, whatever key it names.
    let made_up = ClientKey::es256("made up");
    for wrong in [
        object!({"aud": "https://other.example"}),
        object!({"exp": 1}),
        object!({"exp": t.app.clock.now().unix_timestamp() + 9_999}),
        object!({"jti": null}),
        object!({"sub": "somebody"}),
    ] {
        let assertion = made_up.sign(&made_up.header(), &with(claims(&t, &id), &wrong));
        revoke_from(&t, STRANGER, &assertion).await.refused(401, "invalid_client");
    }
    assert_eq!(internet.requests().await, 1);
    // Nor does a key that is there, whoever signed.
    let forged = made_up.sign(&first.header(), &claims(&t, &id));
    revoke_from(&t, STRANGER, &forged).await.refused(401, "invalid_client");
    assert_eq!(internet.requests().await, 1);
    // The look finds that there is no such key.
    revoke_from(&t, STRANGER, &made_up.assertion(&t, &id)).await.refused(401, "invalid_client");
    assert_eq!(internet.requests().await, 2);

    internet.serve(JWKS, json(&second.jwks())).await;
    let (good, before) = (second.assertion(&t, &id), used(&t).await);
    not_yet(&revoke_from(&t, HONEST, &good).await, 5);
    assert_eq!((used(&t).await, internet.requests().await), (before, 0));
    for _ in 0..50 {
        not_yet(&revoke_from(&t, STRANGER, &made_up.assertion(&t, &id)).await, 60);
    }
    assert_eq!(internet.requests().await, 0);
    t.app.clock.advance(Duration::seconds(5));
    not_yet(&revoke_from(&t, STRANGER, &made_up.assertion(&t, &id)).await, 60);
    assert_eq!(internet.requests().await, 0, "one source has one look a minute");
    // The same that was not judged before: nothing of it was used up.
    assert_eq!(revoke_from(&t, HONEST, &good).await.status, 200);
    assert_eq!((used(&t).await, internet.requests().await), (before + 1, 1));
    revoke_from(&t, HONEST, &good).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn attack_193_however_many_strangers_look_the_host_is_asked_every_few_seconds_only() {
    let internet = Internet::new().await;
    let t = start(&internet, "").await;
    let (key, made_up) = (ClientKey::es256("k"), ClientKey::es256("made up"));
    let id = register_keys(&t, &object!({"jwks_uri": JWKS})).await;
    internet.serve(JWKS, json(&key.jwks())).await;
    assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, &id)).await.status, 200);
    let begun = t.app.clock.now();
    for source in 1..=200 {
        if source % 20 == 0 {
            t.app.clock.advance(Duration::seconds(5));
        }
        revoke_from(&t, [198, 51, 100, source], &made_up.assertion(&t, &id)).await;
        assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, &id)).await.status, 200);
    }
    let passed = usize::try_from((t.app.clock.now() - begun).whole_seconds()).unwrap();
    let requests = internet.requests().await;
    assert!((11..=2 + passed / 5).contains(&requests), "{requests} in {passed} s");
}

#[tokio::test]
async fn attack_193_keys_without_a_name_are_tried_before_anybody_looks_for_the_one_that_is_named() {
    let internet = Internet::new().await;
    let t = start(&internet, "").await;
    let key = ClientKey::es256("k");
    let mut unnamed = key.jwk.clone();
    unnamed.as_object_mut().unwrap().remove("kid");
    let id = register_keys(&t, &object!({"jwks_uri": JWKS})).await;
    internet.serve(JWKS, json(&object!({"keys": [unnamed]}))).await;
    for _ in 0..5 {
        assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, &id)).await.status, 200);
    }
    let nameless = key.sign(&object!({"alg": "ES256"}), &claims(&t, &id));
    assert_eq!(revoke_from(&t, HONEST, &nameless).await.status, 200);
    let forged = ClientKey::es256("k").sign(&object!({"alg": "ES256"}), &claims(&t, &id));
    revoke_from(&t, STRANGER, &forged).await.refused(401, "invalid_client");
    assert_eq!(internet.requests().await, 1);
}

#[tokio::test]
async fn attack_194_a_workload_with_a_new_key_is_not_refused_for_a_strangers_made_up_kid() {
    const KEYS: &str = "https://ci.example/keys";
    let internet = Internet::new().await;
    let settings = format!("[trusted_issuers.ci]\nissuer = '{PLATFORM}'\njwks_uri = '{KEYS}'\n{RULES}");
    let t = start(&internet, &settings).await;
    let [first, second, made_up] = ["first", "second", "made up"].map(ClientKey::es256);
    let now = t.app.clock.now().unix_timestamp();
    let claims = |changes: &serde_json::Value| {
        let good = object!({
            "iss": PLATFORM, "sub": "job", "aud": crate::support::app::ISSUER, "repository": "acme/app",
            "ref": "refs/heads/main", "jti": keyward::secrets::random(), "iat": now, "exp": now + 3_600,
        });
        with(good, changes)
    };
    let ask = async |address, key: &ClientKey, changes: &serde_json::Value| {
        let token = key.sign(&key.header(), &claims(changes));
        post_from(&t, address, "/token", &[("grant_type", JWT_BEARER), ("assertion", &token)]).await
    };
    let none = object!({});
    internet.serve(KEYS, json(&first.jwks())).await;
    assert_eq!(ask(HONEST, &first, &none).await.status, 200);
    t.app.clock.advance(Duration::seconds(10));
    // No workload of ours, or one for too long: nobody looks, and nothing is told.
    for wrong in [object!({"repository": "other/app"}), object!({"exp": now + 99_999_999}), object!({"aud": "x"})] {
        ask(STRANGER, &made_up, &wrong).await.refused(400, "invalid_grant");
    }
    assert_eq!(internet.requests().await, 1);
    ask(STRANGER, &made_up, &none).await.refused(400, "invalid_grant");
    assert_eq!(internet.requests().await, 2);
    internet.serve(KEYS, json(&second.jwks())).await;
    not_yet(&ask(HONEST, &second, &none).await, 5);
    t.app.clock.advance(Duration::seconds(5));
    not_yet(&ask(STRANGER, &made_up, &none).await, 60);
    assert_eq!(ask(HONEST, &second, &none).await.status, 200);
    assert_eq!(internet.requests().await, 1);
}

/// A set of this key and as many bytes as a set may have.
fn padded(key: &ClientKey) -> serde_json::Value {
    object!({"keys": [key.jwk], "padding": "x".repeat(15_000)})
}

#[tokio::test]
async fn attack_195_strangers_key_sets_push_out_none_of_the_operators_and_of_strangers_the_greediest() {
    const SEED: &str = "https://seed.example/keys";
    const OTHER: &str = "https://other.example/keys";
    let internet = Internet::new().await;
    let settings = format!(
        "registration.burst = 10000\n[clients.seed]\nredirect_uris = ['https://seed.example/cb']\njwks_uri = '{SEED}'\n"
    );
    let t = start(&internet, &settings).await;
    let key = ClientKey::es256("k");
    internet.serve(SEED, json(&key.jwks()).insert_header("cache-control", "max-age=86400")).await;
    internet.serve_too(OTHER, json(&key.jwks()).insert_header("cache-control", "max-age=86400")).await;
    let other = register_keys(&t, &object!({"jwks_uri": OTHER})).await;
    assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, "seed")).await.status, 200);
    assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, &other)).await.status, 200);
    let mut most = 0;
    for n in 0..120 {
        let uri = format!("https://strange{}.example/{n}", n / 10);
        internet.serve_too(&uri, json(&padded(&key)).insert_header("cache-control", "max-age=86400")).await;
        let id = register_keys(&t, &object!({"jwks_uri": uri})).await;
        let source = [198, 51, 100, u8::try_from(n / 20).unwrap()];
        assert_eq!(revoke_from(&t, source, &key.assertion(&t, &id)).await.status, 200, "{n}");
        let (strangers, _) = t.app.fetch.keys.bytes();
        // It never begins anew: what has to go is one set at a time.
        assert!(strangers + 300_000 >= most, "{strangers} after {most}");
        most = most.max(strangers);
    }
    assert!((6_000_000..=8 * 1024 * 1024).contains(&most), "{most}");
    let before = internet.requests().await;
    assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, "seed")).await.status, 200);
    assert_eq!(revoke_from(&t, HONEST, &key.assertion(&t, &other)).await.status, 200);
    assert_eq!(internet.requests().await, before);
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, "seed")).await.status, 200);
}
