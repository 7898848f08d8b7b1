//! Attacks on a node's clock: how wrong it may be, and what remains true.
use crate::support::{
    app::{CALLBACK, TestApp, VERIFIER, authorize_path},
    bound::TOKEN_URL,
    browser::{borrowed, hidden},
    client_key::{ClientKey, Party, proof, register_keys, revoke_nothing, with},
    dpop::DpopKey,
    internet::{Internet, json},
    node::Node,
    par::{push, short},
    tokens::refresh_token,
};
use keyward::{
    jobs,
    model::AuthMethod,
    storage::{audit_events, clients},
};
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn attack_95_a_clock_two_minutes_off_stretches_no_limit_by_more_than_that() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = ClientKey::es256("k");
    let keyed = t.public_client("keyed", &[CALLBACK]).await;
    let mut stored = clients::find(&t.db, &keyed).await.unwrap().unwrap();
    stored.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    stored.metadata.jwks = Some(key.jwks());
    clients::put_seed(&t.db, &stored).await.unwrap();
    t.app.clients.forget(&keyed);
    let (ahead, behind) =
        (Node::off_by(&t, Duration::seconds(120)).await, Node::off_by(&t, Duration::seconds(-120)).await);

    // Two minutes from now the code is too old. Who came too early for that does not burn it.
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", &code), ("code_verifier", VERIFIER)];
    ahead.post("/token", &form).await.refused(400, "invalid_grant");
    let tokens = t.redeem(&client, &code).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    // What was signed just now is of the future there, by more than clocks may differ.
    let now = t.app.clock.now();
    let refresh = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", "x")];
    let with_proof = async |node: &Node, seconds: i64| {
        let proof = DpopKey::es256().proof("POST", TOKEN_URL, now + Duration::seconds(seconds));
        node.post_with("/token", &refresh, &[("dpop", &proof)]).await
    };
    with_proof(&behind, 0).await.refused(400, "invalid_dpop_proof");
    with_proof(&behind, -115).await.refused(400, "invalid_grant");
    with_proof(&ahead, 0).await.refused(400, "invalid_grant");
    with_proof(&ahead, -181).await.refused(400, "invalid_dpop_proof");
    let asserted = async |node: &Node, changes: serde_json::Value| {
        let claims = with(crate::support::client_key::claims(&t, "keyed"), &changes);
        let assertion = key.sign(&key.header(), &claims);
        node.post("/revoke", &[&[("token", "x")], &proof(&assertion)[..]].concat()).await
    };
    asserted(&behind, json!({})).await.refused(401, "invalid_client");
    asserted(&ahead, json!({})).await.refused(401, "invalid_client");
    let long = json!({"exp": now.unix_timestamp() + 300});
    assert_eq!(asserted(&ahead, long).await.status, 200);
    let early = json!({"iat": now.unix_timestamp() - 100});
    assert_eq!(asserted(&behind, early).await.status, 200);

    // A token issued there says how long it lives, and lives no longer here.
    let refresh_token = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
    let issued = ahead.refresh(&client, &refresh_token).await.json();
    let claims = TestApp::claims(&issued["access_token"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    t.app.clock.advance(Duration::seconds(725));
    let introspected = t.introspect(issued["access_token"].as_str().unwrap()).await;
    assert_eq!(introspected.json(), json!({"active": false}));
}

/// Sets the clock, which a server notices by itself.
async fn set(t: &TestApp, by: Duration) {
    let before = t.app.clock.moment();
    t.app.clock.set(by);
    jobs::heed_clock(&t.app, before).await.unwrap();
}

#[tokio::test]
async fn attack_182_a_clock_set_an_hour_back_or_forward_gives_nothing_more_time() {
    for by in [Duration::hours(-1), Duration::hours(1)] {
        // How long before the step it all began: with a few seconds left, and over for so long that the dates are
        // within their time again.
        for (code_age, window_age) in [(50, 50), (3_610, 3_610)] {
            let t = TestApp::with("sessions.lifetime = 7200").await;
            let client = t.public_client("c", &[CALLBACK]).await;
            let code = t.code(&client, &[]).await;
            let first = t.tokens(&client, &[]).await;
            let first = first["refresh_token"].as_str().unwrap();
            let second = refresh_token(&t.refresh(&client, first).await);
            let mut browser = t.signed_in("alice").await;
            t.app.clock.advance(Duration::seconds(code_age));
            let pushed = short("c", &push(&t, &client, &[]).await);
            set(&t, by).await;
            t.app.clock.advance(Duration::seconds(window_age.min(11)));
            t.redeem(&client, &code).await.refused(400, "invalid_grant");
            // Nor is what was rotated an hour ago a lost answer.
            t.refresh(&client, first).await.refused(400, "invalid_grant");
            t.refresh(&client, &second).await.refused(400, "invalid_grant");
            t.app.clock.advance(Duration::seconds(600));
            browser.get(&pushed).await.page(400);
            t.app.clock.advance(Duration::seconds(7_200 - 611 - code_age));
            let page = browser.get(&authorize_path(&client, &[])).await;
            assert!(page.location().starts_with("/login"), "{by}: {page:?}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_is_told_and_what_begins_after_has_all_its_time() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    t.app.clock.set(Duration::hours(1));
    set(&t, Duration::hours(-1)).await;
    let [event] = &audit_events::recent(&t.db, 1).await.unwrap()[..] else { panic!("no event") };
    assert_eq!((event.event_type.as_str(), event.level.as_str()), ("clock_set_back", "warning"));
    assert!((3_599..=3_600).contains(&event.details["seconds"].as_i64().unwrap()), "{event:?}");
    let code = t.code(&client, &[]).await;
    t.app.clock.advance(Duration::seconds(50));
    let first = refresh_token(&t.redeem(&client, &code).await);
    let second = refresh_token(&t.refresh(&client, &first).await);
    t.app.clock.advance(Duration::seconds(50));
    assert_eq!(refresh_token(&t.refresh(&client, &first).await), second);
    // Less than that is no step.
    let before = t.app.clock.moment();
    t.app.clock.set(Duration::seconds(-1));
    jobs::heed_clock(&t.app, before).await.unwrap();
    let steps = audit_events::recent(&t.db, 100).await.unwrap();
    assert_eq!(steps.iter().filter(|event| event.event_type == "clock_set_back").count(), 1);
}

#[tokio::test]
async fn a_page_and_a_sign_in_are_no_younger_for_a_clock_that_was_set_back() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let (path, recently) = (authorize_path(&client, &[]), authorize_path(&client, &[("max_age", "300")]));
    alice.get(&recently).await.page(200);
    let mut yes = hidden(&alice.get(&path).await, "/consent");
    yes.push(("decision".into(), "allow".into()));
    set(&t, Duration::hours(-1)).await;
    // How old they are nobody knows any more.
    alice.post("/consent", &borrowed(&yes)).await.page(409);
    assert_eq!(t.db.number("SELECT count(*) FROM grants").await, 0);
    assert!(alice.get(&recently).await.location().starts_with("/login"));
    // What is shown from then on is as good as ever.
    assert!(alice.approve(&path).await.returned("code").is_some());
}

#[tokio::test]
async fn what_was_rotated_before_the_clock_was_set_back_is_no_lost_answer_even_before_that_was_noticed() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let second = refresh_token(&t.refresh(&client, first).await);
    t.app.clock.set(Duration::hours(-1));
    t.refresh(&client, first).await.refused(400, "invalid_grant");
    t.refresh(&client, &second).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn attack_183_a_clock_that_goes_an_hour_ahead_and_comes_back_forgets_nothing_that_counts_once() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    let revoked = t.post("/revoke", &[("client_id", "c"), ("token", token)]).await;
    assert_eq!(revoked.status, 200);
    let (assertion, dpop) = (key.assertion(&t, &id), DpopKey::es256().proof("POST", TOKEN_URL, t.app.clock.now()));
    assert_eq!(revoke_nothing(&t, &assertion).await.status, 200);
    let bound = t.tokens(&client, &[]).await;
    let bound = bound["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", bound)];
    assert_eq!(t.post_with("/token", &form, &[("dpop", &dpop)]).await.status, 200);
    set(&t, Duration::hours(1)).await;
    jobs::sweep(&t.app).await.unwrap();
    t.app.clock.set(Duration::hours(-1));
    assert_eq!(t.introspect(token).await.json(), json!({"active": false}));
    revoke_nothing(&t, &assertion).await.refused(401, "invalid_client");
    t.post_with("/token", &form, &[("dpop", &dpop)]).await.refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn keys_that_were_fetched_are_no_fresher_for_a_clock_that_was_set_back() {
    const JWKS: &str = "https://client.example/jwks.json";
    let internet = Internet::new().await;
    let Party { t, .. } = Party::over(&internet, ClientKey::es256("other")).await;
    let key = ClientKey::es256("k");
    let id = register_keys(&t, &json!({"jwks_uri": JWKS})).await;
    internet.serve(JWKS, json(&key.jwks())).await;
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
    set(&t, Duration::hours(-1)).await;
    t.app.clock.advance(Duration::minutes(4));
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
    assert_eq!(internet.requests().await, 1);
    t.app.clock.advance(Duration::minutes(1));
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
    assert_eq!(internet.requests().await, 2);
}
