//! OpenID Connect: who has to sign in again, and the content of ID tokens and userinfo (Core §2, §3.1.2, §5.3).
use crate::support::{
    app::{CALLBACK, CHALLENGE, ISSUER, MCP, OTHER, PASSWORD, TestApp, authorize_path, encode},
    tokens::{text, userinfo},
};
use aws_lc_rs::digest::{SHA512, digest};
use keyward::{model::ClientId, secrets::base64url};
use serde_json::{Value, json};
use time::Duration;

fn header_of(token: &Value) -> Value {
    let header = token.as_str().unwrap().split('.').next().unwrap();
    serde_json::from_slice(&keyward::secrets::from_base64url(header).unwrap()).unwrap()
}

#[tokio::test]
async fn prompt_login_wants_a_new_sign_in_once_for_each_request() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("prompt", "login")]);
    assert!(browser.get(&path).await.location().starts_with("/login?"));
    t.app.clock.advance(Duration::minutes(5));
    let earliest = t.app.clock.now().unix_timestamp();
    assert_eq!(browser.sign_in("alice", PASSWORD, &path).await.location(), path);
    let code = browser.approve(&path).await.returned("code").unwrap();
    let tokens = t.redeem(&client, &code).await.json();
    let auth_time = TestApp::claims(&tokens["access_token"])["auth_time"].as_i64().unwrap();
    assert!(auth_time >= earliest, "not the fresh one");
    // The same URL again is a new demand.
    assert!(browser.get(&path).await.location().starts_with("/login?"));
}

#[tokio::test]
async fn max_age_wants_a_new_sign_in_only_when_the_last_is_older() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("max_age", "60")]);
    t.app.clock.advance(Duration::seconds(30));
    assert_eq!(browser.get(&path).await.status, 200);
    t.app.clock.advance(Duration::seconds(31));
    assert!(browser.get(&path).await.location().starts_with("/login?"));
    let zero = authorize_path(&client, &[("max_age", "0")]);
    t.app.clock.advance(Duration::seconds(1));
    assert!(browser.get(&zero).await.location().starts_with("/login?"));
    browser.sign_in("alice", PASSWORD, &zero).await;
    t.app.clock.advance(Duration::seconds(1));
    assert_eq!(browser.get(&zero).await.status, 200, "signed in for this very request");
}

#[tokio::test]
async fn prompt_none_shows_nothing_and_says_what_is_missing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[("prompt", "none")]);
    let nobody = t.browser().get(&path).await;
    assert_eq!(nobody.returned("error").as_deref(), Some("login_required"));
    let mut browser = t.signed_in("alice").await;
    assert_eq!(browser.get(&path).await.returned("error").as_deref(), Some("consent_required"));
    browser.approve(&authorize_path(&client, &[])).await.returned("code").unwrap();
    let answer = browser.get(&path).await;
    assert!(answer.returned("code").is_some() && answer.returned("iss").as_deref() == Some(ISSUER));
    let both = authorize_path(&client, &[("prompt", "none login")]);
    assert_eq!(browser.get(&both).await.returned("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn an_id_token_hint_of_somebody_else_asks_for_that_person() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid")]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let path = authorize_path(&client, &[("id_token_hint", hint), ("prompt", "none"), ("scope", "openid")]);
    assert!(t.signed_in("alice").await.get(&path).await.returned("code").is_some());
    assert_eq!(t.signed_in("bob").await.get(&path).await.returned("error").as_deref(), Some("login_required"));
    // An access token is no ID token, and nor is one issued to another client.
    let wrong = authorize_path(&client, &[("id_token_hint", tokens["access_token"].as_str().unwrap())]);
    let answer = t.signed_in("alice").await.get(&wrong).await;
    assert_eq!(answer.returned("error").as_deref(), Some("invalid_request"));
    let other = t.public_client("other", &[CALLBACK]).await;
    let foreign = authorize_path(&other, &[("id_token_hint", hint)]);
    let answer = t.signed_in("alice").await.get(&foreign).await;
    assert_eq!(answer.returned("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn an_authorization_request_may_be_posted_from_anywhere() {
    let t = TestApp::start().await;
    let form = [("response_type", "code"), ("client_id", "c"), ("code_challenge", CHALLENGE), ("state", "a b&c")];
    let answer = t.post_with("/authorize", &form, &[("origin", "https://client.example")]).await;
    assert_eq!(answer.location(), format!("/authorize?{}", encode(&form)));
}

#[tokio::test]
async fn id_tokens_are_rs256_unless_the_client_registered_another_algorithm() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read")]).await;
    assert_eq!(header_of(&tokens["id_token"])["alg"], "RS256");
    assert_eq!(header_of(&tokens["access_token"])["alg"], "ES256");
    let asked = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "id_token_signed_response_alg": "EdDSA"});
    let registered = t.register(&asked).await.json();
    let client = ClientId::from(registered["client_id"].as_str().unwrap());
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read")]).await;
    assert_eq!(header_of(&tokens["id_token"])["alg"], "EdDSA");
    // Half of the digest that Ed25519 takes (OpenID Connect Core §3.1.3.6).
    let digest = digest(&SHA512, tokens["access_token"].as_str().unwrap().as_bytes());
    assert_eq!(TestApp::claims(&tokens["id_token"])["at_hash"], base64url(&digest.as_ref()[..32]));
}

#[tokio::test]
async fn a_resource_may_have_its_tokens_signed_with_rs256() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("resource", OTHER)]).await;
    let header = header_of(&tokens["access_token"]);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("at+jwt")));
    let jwks = t.get("/jwks").await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"] && key["kty"] == "RSA"));
    assert_eq!(
        t.introspect_as("other-server", "other-server-secret", tokens["access_token"].as_str().unwrap()).await.json()["aud"],
        OTHER
    );
}

#[tokio::test]
async fn a_refresh_renews_the_id_token_without_nonce_and_with_the_first_auth_time() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let first = t.tokens(&client, &[("scope", "openid"), ("nonce", "n")]).await;
    t.app.clock.advance(Duration::hours(1));
    let second = t.refresh(&client, first["refresh_token"].as_str().unwrap()).await.json();
    let (before, after) = (TestApp::claims(&first["id_token"]), TestApp::claims(&second["id_token"]));
    assert_eq!((&before["nonce"], &after["nonce"]), (&json!("n"), &Value::Null));
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
}

#[tokio::test]
async fn a_token_for_a_resource_can_be_traded_for_one_that_userinfo_takes() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid profile mcp:read"), ("resource", MCP)]).await;
    assert!(TestApp::claims(&tokens["access_token"])["aud"] == MCP);
    let bearer = |tokens: &Value| format!("Bearer {}", text(tokens, "access_token"));
    userinfo(&t, &[("authorization", &bearer(&tokens))]).await.refused(401, "invalid_token");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let own = t.refresh_with(&client, refresh_token, &[("resource", ISSUER)]).await.json();
    assert_eq!(own["scope"], "openid profile");
    assert_eq!(userinfo(&t, &[("authorization", &bearer(&own))]).await.json()["preferred_username"], "alice");
}
