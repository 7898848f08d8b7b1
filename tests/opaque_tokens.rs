//! Opaque access tokens: what introspection answers about them, to whom, and until when.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, MCP, OTHER, TestApp, VERIFIER, operator},
    bound::bound,
    client_credentials, device,
    dpop::DpopKey,
    guarded::{Guarded, call_through},
    node::Node,
    tokens::{INACTIVE, access_token, family_with, is_active, userinfo},
};
use keyward::{
    config::Config,
    jobs::{self},
    model::GrantId,
    operations::keys,
    secrets::Digest,
    storage::{access_tokens, grants},
};
use serde_json::{Value, json};
use time::Duration;

const MAIN: &str = "resources.main.access_token_format = 'opaque'";
const ALL: &str = "tokens.access_token_format = 'opaque'";

/// What is on record of it.
async fn claims(t: &TestApp, token: &str) -> Option<Value> {
    access_tokens::find(&t.db, &Digest::of(token)).await.unwrap().map(|stored| stored.claims)
}

async fn grant_of(t: &TestApp, token: &str) -> GrantId {
    claims(t, token).await.unwrap()["grant_id"].as_str().unwrap().parse().unwrap()
}

fn members(value: &Value) -> Vec<String> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

async fn revoke(t: &TestApp, client: &str, token: &str) -> Answer {
    t.post("/revoke", &[("client_id", client), ("token", token)]).await
}

#[tokio::test]
async fn a_token_says_nothing_and_its_record_says_what_a_jwt_would() {
    let (t, with_jwt) = (TestApp::with(MAIN).await, TestApp::start().await);
    let asked = [("scope", "openid mcp:read"), ("nonce", "n")];
    let ((_, tokens), (_, jwt)) = (family_with(&t, "c", &asked).await, family_with(&with_jwt, "c", &asked).await);
    assert_eq!(members(&tokens), members(&jwt));
    for same in ["token_type", "expires_in", "scope"] {
        assert_eq!(tokens[same], jwt[same], "{same}");
    }
    let token = access_token(&tokens);
    assert!(token.starts_with("kwa_") && token.len() == 52 && !token.contains('.'), "{token}");
    let stored = access_tokens::find(&t.db, &Digest::of(token)).await.unwrap().unwrap();
    let claimed = TestApp::claims(&jwt["access_token"]);
    assert_eq!(members(&stored.claims), members(&claimed));
    for same in ["iss", "aud", "client_id", "scope", "preferred_username"] {
        assert_eq!(stored.claims[same], claimed[same], "{same}");
    }
    assert_eq!(stored.claims["exp"], stored.expires_at.unix_timestamp());
    assert!(!stored.claims.to_string().contains(&token[4..]), "of the token itself only the digest is kept");
    let id_token = TestApp::claims(&tokens["id_token"]);
    assert_eq!(id_token["at_hash"], keyward::secrets::base64url(&Digest::of(token).as_bytes()[..16]));
}

#[tokio::test]
async fn introspection_answers_as_for_a_jwt_and_only_whom_the_token_is_meant_for() {
    let (t, with_jwt) = (TestApp::with(MAIN).await, TestApp::start().await);
    let ((_, tokens), (_, jwt)) = (family_with(&t, "c", &[]).await, family_with(&with_jwt, "c", &[]).await);
    let token = access_token(&tokens);
    let (answer, expected) = (t.introspect(token).await, with_jwt.introspect(access_token(&jwt)).await);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (answer, expected) = (answer.json(), expected.json());
    assert_eq!(members(&answer), members(&expected));
    for same in ["active", "iss", "aud", "client_id", "scope", "token_type", "username"] {
        assert_eq!(answer[same], expected[same], "{same}");
    }
    assert_eq!(answer["sub"], t.user_named("alice").await.id.to_string());
    assert_eq!(t.introspect_as("other-server", "other-server-secret", token).await.body, INACTIVE);
    t.introspect_as("notes-server", "wrong", token).await.refused(401, "invalid_client");
    // One letter off, or cut short, it is nobody's.
    for text in [format!("{token}A"), token[..51].to_owned(), token.replace("kwa_", "kwa-")] {
        assert_eq!(t.introspect(&text).await.body, INACTIVE, "{text}");
    }
}

#[tokio::test]
async fn every_grant_brings_tokens_in_the_form_of_their_resource() {
    let settings = format!("{MAIN}\n{}", client_credentials::SETTINGS);
    let t = TestApp::with(&settings).await;
    keyward::clients::configured::write(&t.app).await.unwrap();
    let (client, tokens) =
        family_with(&t, "c", &[("resource", MCP), ("resource", OTHER), ("scope", "mcp:read other:read openid")]).await;
    assert!(is_active(&t, access_token(&tokens)).await);
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let other = t.refresh_with(&client, refresh_token, &[("resource", OTHER)]).await.json();
    assert_eq!(TestApp::claims(&other["access_token"])["aud"], OTHER);
    let refreshed = t.refresh(&client, other["refresh_token"].as_str().unwrap()).await.json();
    assert!(is_active(&t, access_token(&refreshed)).await && is_active(&t, access_token(&tokens)).await);
    assert_ne!(access_token(&refreshed), access_token(&tokens));

    let own = client_credentials::ask(&t, "worker", "w", &[]).await.json();
    let about = t.introspect(access_token(&own)).await.json();
    assert_eq!((&about["sub"], about.get("username")), (&json!("worker"), None));

    let gadget = device::device_client(&t, "Television").await;
    let waiting = device::begin(&t, &gadget, &[]).await;
    let mut alice = t.signed_in("alice").await;
    assert_eq!(device::decide(&mut alice, &waiting, "allow").await.status, 200);
    let tokens = device::poll_later(&t, &gadget, &waiting).await.json();
    assert_eq!(t.introspect(access_token(&tokens)).await.json()["username"], "alice");
}

#[tokio::test]
async fn it_ends_at_once_with_whatever_it_hangs_from() {
    let t = TestApp::with(MAIN).await;
    let (client, tokens) = family_with(&t, "c", &[]).await;
    let (token, alice, now) = (access_token(&tokens), t.user_named("alice").await.id, t.app.clock.now());
    let other = Node::beside(&t).await;
    let auth = [("client_id", "notes-server"), ("client_secret", "notes-server-secret"), ("token", token)];
    let everywhere = async || {
        let (here, there) = (t.introspect(token).await.body, other.post("/introspect", &auth).await.body);
        assert_eq!(here == INACTIVE, there == INACTIVE);
        here != INACTIVE
    };
    assert!(everywhere().await);
    t.db.set_user_disabled(alice, Some(now)).await;
    assert!(!everywhere().await);
    t.db.set_user_disabled(alice, None).await;
    assert!(everywhere().await);
    t.db.set_client_disabled(&client, Some(now)).await;
    t.app.clients.forget(&client);
    other.app.clients.forget(&client);
    assert!(!everywhere().await);
    t.db.set_client_disabled(&client, None).await;
    t.app.clients.forget(&client);
    other.app.clients.forget(&client);
    assert!(everywhere().await);
    assert!(grants::revoke(&t.db, grant_of(&t, token).await, now).await.unwrap());
    assert!(!everywhere().await);
}

#[tokio::test]
async fn revoked_by_its_client_it_is_gone_and_its_siblings_are_not() {
    let t = TestApp::with(MAIN).await;
    let (client, first) = family_with(&t, "c", &[]).await;
    let second = t.refresh(&client, first["refresh_token"].as_str().unwrap()).await.json();
    let (first, second, refresh) =
        (access_token(&first), access_token(&second), second["refresh_token"].as_str().unwrap());
    t.public_client("stranger", &[CALLBACK]).await;
    revoke(&t, "stranger", first).await.refused(400, "invalid_request");
    assert!(is_active(&t, first).await);
    for _ in 0..2 {
        let answer = revoke(&t, "c", first).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""), "{answer:?}");
    }
    assert_eq!(claims(&t, first).await, None);
    assert!(!is_active(&t, first).await && is_active(&t, second).await);
    assert_eq!(revoke(&t, "c", refresh).await.status, 200);
    assert!(!is_active(&t, second).await);
    let events = keyward::storage::audit_events::recent(&t.db, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.event_type == "token_revoked").count(), 2);
}

#[tokio::test]
async fn it_expires_on_the_second_and_its_record_is_swept() {
    let t = TestApp::with("resources.main = { access_token_format = 'opaque', access_token_lifetime = 120 }").await;
    let (_, tokens) = family_with(&t, "c", &[]).await;
    assert_eq!(tokens["expires_in"], 120);
    let token = access_token(&tokens);
    let expires_at = claims(&t, token).await.unwrap()["exp"].as_i64().unwrap();
    let left = || Duration::seconds(expires_at - t.app.clock.now().unix_timestamp());
    t.app.clock.advance(left() - Duration::seconds(20));
    assert!(is_active(&t, token).await);
    jobs::sweep(&t.app).await.unwrap();
    assert!(claims(&t, token).await.is_some());
    t.app.clock.advance(left());
    assert!(!is_active(&t, token).await);
    assert!(claims(&t, token).await.is_some());
    jobs::sweep(&t.app).await.unwrap();
    assert_eq!(claims(&t, token).await, None);
}

#[tokio::test]
async fn userinfo_takes_those_that_are_meant_for_it() {
    let t = TestApp::with(ALL).await;
    let (client, tokens) = family_with(&t, "c", &[("scope", "openid profile mcp:read"), ("resource", MCP)]).await;
    let ask = async |tokens: &Value| {
        let bearer = format!("Bearer {}", access_token(tokens));
        userinfo(&t, &[("authorization", &bearer)]).await
    };
    ask(&tokens).await.refused(401, "invalid_token");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let own = t.refresh_with(&client, refresh_token, &[("resource", ISSUER)]).await.json();
    assert!(access_token(&own).starts_with("kwa_"));
    assert_eq!(ask(&own).await.json()["preferred_username"], "alice");
    assert_eq!(t.introspect(access_token(&own)).await.body, INACTIVE, "it is not meant for a resource server");
    revoke(&t, "c", access_token(&own)).await;
    ask(&own).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn bound_to_a_key_it_says_so_and_is_no_bearer_token() {
    let t = TestApp::with(ALL).await;
    let (client, key) = (t.public_client("c", &[CALLBACK]).await, DpopKey::es256());
    let tokens = bound(&t, &client, &key, &[("scope", "mcp:read")]).await;
    assert_eq!(tokens["token_type"], "DPoP");
    let about = t.introspect(access_token(&tokens)).await.json();
    assert_eq!((&about["token_type"], &about["cnf"]), (&json!("DPoP"), &json!({"jkt": key.thumbprint()})));
    let own = bound(&t, &client, &key, &[("scope", "openid"), ("resource", ISSUER)]).await;
    let token = access_token(&own);
    userinfo(&t, &[("authorization", &format!("Bearer {token}"))]).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn new_signing_keys_and_new_settings_leave_tokens_as_they_were() {
    let t = TestApp::with(MAIN).await;
    let (client, tokens) = family_with(&t, "c", &[]).await;
    keys::replace_all(&t.app, &operator()).await.unwrap();
    assert!(is_active(&t, access_token(&tokens)).await, "no key of ours signed it");
    let t = TestApp::on(t.db, "resources.main.access_token_format = 'jwt'").await;
    assert!(is_active(&t, access_token(&tokens)).await);
    let jwt = t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(TestApp::claims(&jwt["access_token"])["aud"], MCP);
}

#[tokio::test]
async fn a_database_that_is_away_is_no_verdict() {
    let t = TestApp::with(MAIN).await;
    let (client, tokens) = family_with(&t, "c", &[]).await;
    let code = t.code(&client, &[]).await;
    t.db.close().await.unwrap();
    let answer = t.introspect(access_token(&tokens)).await;
    answer.refused(503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    revoke(&t, "c", access_token(&tokens)).await.refused(503, "temporarily_unavailable");
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", &*code)];
    let answer = t.post("/token", &[&form[..], &[("code_verifier", VERIFIER)]].concat()).await;
    answer.refused(503, "temporarily_unavailable");
    // What cannot be one of ours is no question to the database.
    assert_eq!(t.introspect("kwa_AAAA").await.body, INACTIVE);
}

#[tokio::test]
async fn a_guard_that_asks_lets_it_in_until_thirty_seconds_after_it_was_revoked() {
    let guarded = Guarded::start(MAIN).await;
    let (_, tokens) = guarded.tokens("c").await;
    let token = access_token(&tokens);
    guarded.call(token).await.refused(401, "invalid_token");
    let asking = guarded.another(|guard| guard.introspect("notes-server", "notes-server-secret").unwrap());
    let always =
        guarded.another(|guard| guard.introspect("notes-server", "notes-server-secret").unwrap().keep_answers(0));
    for guard in [&asking, &always] {
        assert_eq!(call_through(guard, token).await.body, "reached");
    }
    assert_eq!(revoke(&guarded.t, "c", token).await.status, 200);
    call_through(&always, token).await.refused(401, "invalid_token");
    assert_eq!(call_through(&asking, token).await.body, "reached");
    guarded.advance(Duration::seconds(30));
    call_through(&asking, token).await.refused(401, "invalid_token");
    let stranger = guarded.another(|guard| guard.introspect("notes-server", "wrong, but long enough").unwrap());
    let answer = call_through(&stranger, token).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"), "{answer:?}");
}

#[test]
fn tokens_that_nobody_could_ask_about_are_refused_at_start() {
    let load = |more: &str| {
        let settings = format!("issuer = 'https://auth.example'\nresources.a.identifier = 'https://a.example'\n{more}");
        Config::load(&settings, None, [].into()).map_err(|error| format!("{error:#}"))
    };
    let credentials = "resources.a.introspection = { id = 'a', secret = 'a secret of sixteen' }";
    for format in ["resources.a.access_token_format = 'opaque'", ALL] {
        let error = load(format).unwrap_err();
        assert!(error.contains("resources.a") && error.contains("introspection.id"), "{error}");
        load(&format!("{credentials}\n{format}")).unwrap();
    }
    load(&format!("{ALL}\nresources.a.access_token_format = 'jwt'")).unwrap();
    assert!(load("tokens.access_token_format = 'paseto'").is_err());
}
