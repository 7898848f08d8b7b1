//! How recently and how well people must have signed in (RFC 9470).
use crate::support::{Answer, PRM, RESOURCE, TestServer, bearer, call, request};
use axum::body::Body;
use keyward_resource_server::Guard;
use serde_json::{Value, json};
use time::Duration;

const PHR: &str = "phr";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// What came back for a sign-in of this class so many seconds ago.
async fn visit(t: &TestServer, scope: &str, acr: &Value, seconds_ago: i64, message: &Value) -> Answer {
    let auth_time = t.clock.now().unix_timestamp() - seconds_ago;
    t.post(&t.token_with(json!({"scope": scope, "acr": acr, "auth_time": auth_time})), message).await
}

fn ping() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})
}

#[track_caller]
fn sent_to_sign_in(answer: &Answer, scope: &str, acr_values: Option<&str>, max_age: Option<&str>) {
    assert_eq!(answer.status, 401, "{answer:?}");
    let error = "insufficient_user_authentication";
    assert_eq!(answer.challenge("error").as_deref(), Some(error));
    assert_eq!(answer.challenge("resource_metadata").as_deref(), Some(PRM));
    assert_eq!(answer.challenge("scope").as_deref(), Some(scope));
    assert_eq!(answer.challenge("acr_values").as_deref(), acr_values);
    assert_eq!(answer.challenge("max_age").as_deref(), max_age);
    let told = answer.json();
    assert_eq!(told["error"], error);
    assert_eq!(answer.challenge("error_description").as_deref(), told["error_description"].as_str());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_sign_in_that_is_too_long_ago_is_told_how_recent_it_has_to_be() {
    let t = TestServer::guarded(|guard| guard.max_age(300)).await;
    for recent in [0, 299, -5] {
        assert_eq!(visit(&t, "mcp:read", &json!(null), recent, &ping()).await.status, 200, "{recent}");
    }
    let answer = visit(&t, "mcp:read", &json!(null), 302, &ping()).await;
    sent_to_sign_in(&answer, "mcp:read", None, Some("300"));
    // The token itself stays good for as long as it lives; the sign-in behind it ages.
    let token = t.token_with(json!({"auth_time": t.clock.now().unix_timestamp()}));
    assert_eq!(t.post(&token, &ping()).await.status, 200);
    t.clock.advance(Duration::seconds(302));
    sent_to_sign_in(&t.post(&token, &ping()).await, "mcp:read", None, Some("300"));
}

#[tokio::test]
async fn one_of_the_classes_is_enough_and_all_are_told() {
    let t = TestServer::guarded(|guard| guard.acr(&format!("{PHR} {PASSWORD}")).unwrap()).await;
    for enough in [PHR, PASSWORD] {
        assert_eq!(visit(&t, "mcp:read", &json!(enough), 9_999, &ping()).await.status, 200, "{enough}");
    }
    for other in [json!("0"), json!(null), json!("PHR")] {
        let answer = visit(&t, "mcp:read", &other, 0, &ping()).await;
        sent_to_sign_in(&answer, "mcp:read", Some(&format!("{PHR} {PASSWORD}")), None);
    }
}

#[tokio::test]
async fn a_client_that_nobody_signed_in_for_is_refused_by_either_demand() {
    let client = json!({"sub": "c1"});
    let t = TestServer::guarded(|guard| guard.max_age(u32::MAX)).await;
    sent_to_sign_in(&t.post(&t.token_with(client.clone()), &ping()).await, "mcp:read", None, Some("4294967295"));
    let t = TestServer::guarded(|guard| guard.acr(PASSWORD).unwrap()).await;
    sent_to_sign_in(&t.post(&t.token_with(client), &ping()).await, "mcp:read", Some(PASSWORD), None);
}

#[tokio::test]
async fn a_tool_demands_more_and_the_new_token_is_to_keep_the_old_scopes_beside_those_of_the_tool() {
    let t = TestServer::guarded(|guard| {
        let guard = guard.acr(&format!("{PASSWORD} {PHR}")).unwrap().tool("wipe", "mcp:tools:admin");
        guard.tool_max_age("wipe", 60).tool_acr("wipe", PHR).unwrap()
    })
    .await;
    let (password, phr) = (json!(PASSWORD), json!(PHR));
    let wipe = call("wipe", json!({}));
    assert_eq!(visit(&t, "mcp:read openid", &password, 600, &call("greet", json!({}))).await.status, 403);
    assert_eq!(visit(&t, "mcp:write", &password, 600, &call("greet", json!({}))).await.status, 200);

    for (acr, seconds_ago) in [(&password, 0), (&phr, 61), (&password, 61)] {
        let answer = visit(&t, "mcp:read openid", acr, seconds_ago, &wipe).await;
        sent_to_sign_in(&answer, "mcp:tools:admin mcp:read", Some(PHR), Some("60"));
    }
    let fresh = visit(&t, "mcp:read", &phr, 0, &wipe).await;
    assert_eq!((fresh.status.as_u16(), fresh.challenge("error").as_deref()), (403, Some("insufficient_scope")));
    assert_eq!(visit(&t, "mcp:read mcp:tools:admin", &phr, 59, &wipe).await.status, 200);
}

#[tokio::test]
async fn streams_demand_it_too_and_a_bad_token_is_bad_first() {
    let t = TestServer::guarded(|guard| guard.max_age(60)).await;
    let stale = t.token_with(json!({"auth_time": t.clock.now().unix_timestamp() - 61}));
    for method in ["GET", "DELETE"] {
        let request = request(method, "/mcp/oauth").header("authorization", format!("Bearer {stale}"));
        sent_to_sign_in(&t.send(request.body(Body::empty()).unwrap()).await, "mcp:read", None, Some("60"));
    }
    let other = t.token_with(json!({"aud": "https://other.example", "auth_time": 0}));
    assert!(t.judge(&other).await.unwrap_err().starts_with("audience: "));
    for malformed in [json!("yesterday"), json!(i64::MAX), json!(1.5)] {
        assert!(t.judge(&t.token_with(json!({"auth_time": malformed}))).await.unwrap_err().contains("malformed"));
    }
    let body = t.send(bearer(&stale).body(Body::from("no JSON")).unwrap()).await;
    assert_eq!(body.status, 400);
}

#[test]
fn classes_that_do_not_fit_in_a_header_are_refused() {
    let guard = || Guard::new(RESOURCE, "https://as.example").unwrap();
    for values in ["", " ", "a  b", "a\"b", "a\\b", "a\nb", "\u{e4}"] {
        assert!(guard().acr(values).is_err(), "{values:?}");
        assert!(guard().tool_acr("wipe", values).is_err(), "{values:?}");
    }
}
