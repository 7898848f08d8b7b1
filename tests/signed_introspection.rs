//! Signed introspection responses (RFC 9701): who gets them, and what they cannot be mistaken for.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, TestApp, authorize_path, basic},
    guarded::Guarded,
};
use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

const SIGNED: &str = "application/token-introspection+jwt";

async fn ask(t: &TestApp, (id, secret): (&str, &str), token: &str, accept: &str) -> Answer {
    let headers = [("authorization", &*basic(id, secret)), ("accept", accept)];
    t.post_with("/introspect", &[("token", token)], &headers).await
}

const NOTES: (&str, &str) = ("notes-server", "notes-server-secret");
const OTHER: (&str, &str) = ("other-server", "other-server-secret");

/// The claims, if everything around them is right.
async fn verified(t: &TestApp, answer: &Answer, algorithm: &str, audience: &str) -> Value {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, SIGNED), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let header = jsonwebtoken::decode_header(&answer.body).unwrap();
    assert_eq!(header.typ.as_deref(), Some("token-introspection+jwt"));
    assert_eq!(format!("{:?}", header.alg), algorithm);
    let set: JwkSet = serde_json::from_str(&t.get("/jwks").await.body).unwrap();
    let key = DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.set_audience(&[audience]);
    let claims = jsonwebtoken::decode::<Value>(&answer.body, &key, &validation).unwrap().claims;
    let members: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["aud", "iat", "iss", "token_introspection"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(t.app.config.issuer), &json!(audience)));
    claims
}

async fn access_token(t: &TestApp) -> String {
    let client = t.public_client("c", &[CALLBACK]).await;
    t.tokens(&client, &[("scope", "openid mcp:read")]).await["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_resource_server_gets_what_it_would_get_in_json_signed_for_itself() {
    let t = TestApp::start().await;
    let token = access_token(&t).await;
    let plain = ask(&t, NOTES, &token, "application/json").await.json();
    assert_eq!(plain["active"], true);
    let claims = verified(&t, &ask(&t, NOTES, &token, SIGNED).await, "RS256", "notes-server").await;
    assert_eq!(claims["token_introspection"], plain);
    assert_eq!(claims["iat"], t.app.clock.now().unix_timestamp());
    let more = "resources.other.introspection.signed_response_alg = 'EdDSA'";
    let t = TestApp::with(more).await;
    verified(&t, &ask(&t, OTHER, "x", SIGNED).await, "EdDSA", "other-server").await;
}

#[tokio::test]
async fn whoever_a_token_is_not_meant_for_learns_nothing_not_even_its_client() {
    let t = TestApp::start().await;
    let token = access_token(&t).await;
    let own = t.confidential_client("own", "own-secret").await;
    let code = t.code(&own, &[]).await;
    let form =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::support::app::VERIFIER)];
    let tokens = t.post_with("/token", &form, &[("authorization", &basic("own", "own-secret"))]).await.json();
    let own_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(ask(&t, ("own", "own-secret"), own_token, "*/*").await.json()["active"], true);
    let inactive = json!({"active": false});
    for (caller, token) in [(OTHER, &*token), (NOTES, "x"), (("own", "own-secret"), own_token)] {
        let answer = ask(&t, caller, token, SIGNED).await;
        assert_eq!(verified(&t, &answer, "RS256", caller.0).await["token_introspection"], inactive);
    }
    ask(&t, ("notes-server", "wrong"), &token, SIGNED).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn the_form_of_the_answer_is_what_the_caller_prefers() {
    let t = TestApp::start().await;
    for accept in ["*/*", "application/json", "application/*", "", "application/jwt", "text/html"] {
        assert_eq!(ask(&t, NOTES, "x", accept).await.header("content-type"), "application/json", "{accept}");
    }
    let ranked = [
        (format!("{SIGNED}, application/json;q=0.9"), SIGNED),
        (format!("application/json, {SIGNED}"), SIGNED),
        ("Application/Token-Introspection+JWT".to_owned(), SIGNED),
        (format!("application/json, {SIGNED};q=0.5"), "application/json"),
        (format!("{SIGNED};q=0"), "application/json"),
        (format!("{SIGNED};q=x"), "application/json"),
    ];
    for (accept, form) in ranked {
        assert_eq!(ask(&t, NOTES, "x", &accept).await.header("content-type"), form, "{accept}");
    }
}

#[tokio::test]
async fn switched_off_it_is_neither_given_nor_advertised() {
    const MEMBER: &str = "introspection_signing_alg_values_supported";
    let metadata = async |t: &TestApp| t.get("/.well-known/oauth-authorization-server").await.json();
    let t = TestApp::start().await;
    assert_eq!(metadata(&t).await[MEMBER], json!(["ES256", "RS256", "EdDSA"]));
    let t = TestApp::with("introspection.signed_responses = false").await;
    assert!(metadata(&t).await.get(MEMBER).is_none());
    assert_eq!(ask(&t, NOTES, "x", SIGNED).await.header("content-type"), "application/json");
}

#[tokio::test]
async fn attack_80_a_signed_answer_is_taken_for_no_token() {
    let guarded = Guarded::start("resources.main.introspection.signed_response_alg = 'ES256'").await;
    let t = &guarded.t;
    let (_, tokens) = guarded.tokens("c").await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(guarded.call(token).await.body, "reached");
    let answer = ask(t, NOTES, token, SIGNED).await;
    verified(t, &answer, "ES256", "notes-server").await;
    guarded.call(&answer.body).await.refused(401, "invalid_token");
    let bearer = format!("Bearer {}", answer.body);
    t.post_with("/userinfo", &[], &[("authorization", &bearer)]).await.refused(401, "invalid_token");
    assert_eq!(ask(t, NOTES, &answer.body, "*/*").await.json(), json!({"active": false}));
}

#[tokio::test]
async fn attack_80_a_signed_answer_hints_at_nobody() {
    let t = TestApp::start().await;
    assert_eq!(t.app.config.issuer, ISSUER);
    let answer = ask(&t, NOTES, &access_token(&t).await, SIGNED).await;
    let client = t.public_client("notes-server", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let answer = browser.get(&authorize_path(&client, &[("scope", "openid"), ("id_token_hint", &answer.body)])).await;
    assert_eq!(answer.returned("error").as_deref(), Some("invalid_request"));
}
