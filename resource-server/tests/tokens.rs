//! Which access tokens are accepted (RFC 9068 §4, RFC 8725 §3).
use crate::support::{RESOURCE, Signer, TestServer, bearer};
use axum::{Extension, body::Body, routing};
use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use keyward_resource_server::{Access, Guard};
use serde_json::{Value, json};
use time::Duration;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    format!("{}.{}.", part(header), part(claims))
}

#[tokio::test]
async fn a_token_for_this_resource_is_accepted_under_either_spelling_of_its_type() {
    let t = TestServer::start().await;
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        let header = Header { typ: Some(typ.to_owned()), ..t.signer.header() };
        assert_eq!(t.judge(&t.signer.sign(&header, &t.claims("mcp:read"))).await, Ok(()), "{typ}");
    }
}

#[tokio::test]
async fn a_token_of_another_type_is_not_an_access_token() {
    let t = TestServer::start().await;
    for typ in [None, Some("JWT"), Some("id_token+jwt"), Some("dpop+jwt")] {
        let header = Header { typ: typ.map(str::to_owned), ..t.signer.header() };
        let reason = t.judge(&t.signer.sign(&header, &t.claims("mcp:read"))).await.unwrap_err();
        assert!(reason.starts_with("unknown: ") && reason.contains("at+jwt"), "{reason}");
    }
}

#[tokio::test]
async fn a_token_for_another_resource_is_refused() {
    let t = TestServer::start().await;
    let slash = format!("{RESOURCE}/");
    for aud in [json!("http://127.0.0.1:8990/mcp/other"), json!([]), json!("http://127.0.0.1:8990"), json!(slash)] {
        let reason = t.judge(&t.token_with(json!({"aud": aud}))).await.unwrap_err();
        assert!(reason.starts_with("audience: "), "{reason}");
    }
    assert!(t.judge(&t.token_with(json!({"aud": null}))).await.is_err());
    assert_eq!(t.judge(&t.token_with(json!({"aud": ["https://other.example", RESOURCE]}))).await, Ok(()));
}

#[tokio::test]
async fn a_token_from_another_issuer_is_refused() {
    let t = TestServer::start().await;
    for iss in ["https://evil.example".to_owned(), format!("{}/", t.issuer.uri()), t.issuer.uri().to_uppercase()] {
        let reason = t.judge(&t.token_with(json!({"iss": iss}))).await.unwrap_err();
        assert!(reason.starts_with("issuer: "), "{reason}");
    }
}

#[tokio::test]
async fn a_token_expires_on_the_second() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    t.clock.advance(Duration::seconds(598));
    assert_eq!(t.judge(&token).await, Ok(()));
    t.clock.advance(Duration::seconds(2));
    assert!(t.judge(&token).await.unwrap_err().starts_with("expired: "));
}

#[tokio::test]
async fn a_token_from_the_future_is_refused_beyond_a_small_difference_of_clocks() {
    let t = TestServer::start().await;
    let now = t.clock.now().unix_timestamp();
    for claim in ["nbf", "iat"] {
        assert_eq!(t.judge(&t.token_with(json!({claim: now + 10}))).await, Ok(()), "{claim}");
        assert!(t.judge(&t.token_with(json!({claim: now + 61}))).await.is_err(), "{claim}");
    }
}

#[tokio::test]
async fn every_required_claim_is_required_and_of_its_type() {
    let t = TestServer::start().await;
    for claim in ["iss", "sub", "client_id", "jti", "aud", "exp", "iat"] {
        assert!(t.judge(&t.token_with(json!({claim: null}))).await.is_err(), "without {claim}");
        assert!(t.judge(&t.token_with(json!({claim: {"a": 1}}))).await.is_err(), "malformed {claim}");
    }
    for claim in ["sub", "client_id", "jti"] {
        assert!(t.judge(&t.token_with(json!({claim: ""}))).await.is_err(), "empty {claim}");
    }
    assert!(t.judge(&t.token_with(json!({"exp": "9999999999"}))).await.is_err());
    assert!(t.judge(&t.token_with(json!({"scope": "a\"b"}))).await.is_err());
    assert!(t.judge(&t.token_with(json!({"scope": ["mcp:read"]}))).await.is_err());
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let t = TestServer::start().await;
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": "k1"});
        assert!(t.judge(&unsigned(&header, &t.claims("mcp:read"))).await.is_err(), "{alg}");
    }
    let stripped = t.token("mcp:read");
    let stripped = &stripped[..=stripped.rfind('.').unwrap()];
    assert!(t.judge(stripped).await.is_err());
}

#[tokio::test]
async fn a_public_key_is_not_taken_for_a_shared_secret() {
    let t = TestServer::start().await;
    let header = Header { alg: Algorithm::HS256, ..t.signer.header() };
    for secret in [t.signer.jwk().to_string(), t.signer.jwk()["x"].as_str().unwrap().to_owned()] {
        let key = EncodingKey::from_secret(secret.as_bytes());
        assert!(t.judge(&encode(&header, &t.claims("mcp:read"), &key).unwrap()).await.is_err());
    }
}

#[tokio::test]
async fn a_key_serves_only_the_algorithm_it_is_for() {
    let t = TestServer::without_keys().await;
    let (es, ed, rs) = (Signer::es256("es"), Signer::eddsa("ed"), Signer::rs256("rs"));
    t.publish(&[&es, &ed, &rs]).await;
    for signer in [&es, &ed, &rs] {
        let token = signer.sign(&signer.header(), &t.claims("mcp:read"));
        assert_eq!(t.judge(&token).await, Ok(()), "{:?}", signer.algorithm);
    }
    let header = Header { kid: Some("ed".to_owned()), ..es.header() };
    assert!(t.judge(&es.sign(&header, &t.claims("mcp:read"))).await.is_err());
    let header = Header { alg: Algorithm::RS512, ..rs.header() };
    assert!(t.judge(&rs.sign(&header, &t.claims("mcp:read"))).await.is_err());
    let header = Header { alg: Algorithm::PS256, ..rs.header() };
    assert!(t.judge(&rs.sign(&header, &t.claims("mcp:read"))).await.is_err());
}

#[tokio::test]
async fn a_token_signed_by_a_stranger_under_a_known_kid_is_refused() {
    let t = TestServer::start().await;
    let stranger = Signer::es256("k1");
    assert!(t.judge(&stranger.sign(&stranger.header(), &t.claims("mcp:admin"))).await.is_err());
    let header = Header { jwk: serde_json::from_value(stranger.jwk()).unwrap(), ..stranger.header() };
    assert!(t.judge(&stranger.sign(&header, &t.claims("mcp:admin"))).await.is_err());
}

#[tokio::test]
async fn a_tampered_token_is_refused() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let parts: Vec<_> = token.split('.').collect();
    let claims = Base64UrlUnpadded::encode_string(t.claims("mcp:admin").to_string().as_bytes());
    assert!(t.judge(&[parts[0], &claims, parts[2]].join(".")).await.is_err());
}

#[tokio::test]
async fn a_critical_header_parameter_is_refused() {
    let t = TestServer::start().await;
    for crit in [json!(["b64"]), json!(["exp"]), json!([])] {
        let header = Header { crit: serde_json::from_value(crit).unwrap(), ..t.signer.header() };
        let reason = t.judge(&t.signer.sign(&header, &t.claims("mcp:read"))).await.unwrap_err();
        assert!(reason.contains("critical"), "{reason}");
    }
}

#[tokio::test]
async fn a_token_bound_to_a_key_is_no_bearer_token() {
    let t = TestServer::start().await;
    let reason = t.judge(&t.token_with(json!({"cnf": {"jkt": "x"}}))).await.unwrap_err();
    assert!(reason.contains("sender-constrained"), "{reason}");
}

#[tokio::test]
async fn nonsense_is_an_invalid_token_and_never_an_error_of_ours() {
    let t = TestServer::start().await;
    let long = "a".repeat(20_000);
    for token in ["abc", "a.b.c", "....", "kwr_0", "eyJhbGciOiJFUzI1NiJ9.e30.x", "=", &long, "a.b.c.d.e"] {
        assert!(t.judge(token).await.unwrap_err().starts_with("unknown: "));
    }
}

#[tokio::test]
async fn a_bad_token_learns_where_to_get_a_good_one() {
    let t = TestServer::start().await;
    let answer = t.post("abc", &json!({})).await;
    assert_eq!(answer.challenge("resource_metadata").as_deref(), Some(crate::support::PRM));
    assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:read"));
    assert_eq!(answer.challenge("realm").as_deref(), Some("Keyward demo server"));
    assert_eq!(answer.json()["error_description"], answer.challenge("error_description").unwrap());
}

#[tokio::test]
async fn after_an_exchange_the_outermost_actor_is_told_and_an_actor_without_a_name_is_refused() {
    let mut t = TestServer::start().await;
    let server = routing::post(|Extension(access): Extension<Access>| async move { access.actor.unwrap_or_default() });
    t.router = Guard::new(RESOURCE, &t.issuer.uri()).unwrap().clock(t.clock.clone()).protect(server);
    for (act, told) in [
        (json!(null), ""),
        (json!({"sub": "notes-server"}), "notes-server"),
        (json!({"sub": "calendar", "act": {"sub": "notes-server"}}), "calendar"),
    ] {
        let request = bearer(&t.token_with(json!({"act": act}))).body(Body::from(PING)).unwrap();
        assert_eq!(t.send(request).await.body, told, "{act}");
    }
    for act in [json!({}), json!("notes-server"), json!({"sub": 7})] {
        assert!(t.judge(&t.token_with(json!({"act": act}))).await.unwrap_err().contains("malformed"), "{act}");
    }
}
