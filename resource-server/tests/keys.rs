//! The issuer's keys: found, kept, fetched anew, and never too often (RFC 8414 §3, RFC 7517 §5).
use crate::support::{ORIGIN, Signer, TestServer};
use keyward_resource_server::{Settings, router};
use serde_json::json;
use time::Duration;

fn signed(t: &TestServer, signer: &Signer) -> String {
    signer.sign(&signer.header(), &t.claims("mcp:read"))
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_requests_at_once() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let at_once = tokio::join!(t.judge(&token), t.judge(&token), t.judge(&token), t.judge(&token));
    assert_eq!(at_once, (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn a_rotation_at_the_issuer_fails_no_request() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    let next = Signer::es256("k2");
    t.publish(&[&t.signer, &next]).await;
    t.clock.advance(Duration::minutes(2));
    assert_eq!(t.judge(&signed(&t, &next)).await, Ok(()));
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn unknown_key_ids_cause_at_most_one_fetch_a_minute() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.clock.advance(Duration::minutes(1));
    for number in 0..20 {
        let stranger = Signer::eddsa(&format!("unknown-{number}"));
        assert!(t.judge(&signed(&t, &stranger)).await.is_err());
    }
    assert_eq!(t.fetches().await, 2);
    t.clock.advance(Duration::minutes(1));
    assert!(t.judge(&signed(&t, &Signer::eddsa("unknown"))).await.is_err());
    assert_eq!(t.fetches().await, 3);
}

#[tokio::test]
async fn keys_survive_an_outage_of_the_issuer_for_a_day() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.issuer.reset().await;
    t.clock.advance(Duration::hours(23));
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    assert!(t.judge(&signed(&t, &Signer::es256("k9"))).await.is_err());
    t.clock.advance(Duration::hours(2));
    let answer = t.post(&t.token("mcp:read"), &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
    assert_eq!(answer.status, 503, "{answer:?}");
}

#[tokio::test]
async fn without_keys_nobody_is_judged_and_the_client_may_try_again() {
    let t = TestServer::without_keys().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let answer = t.post(&t.token("mcp:read"), &ping).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some());
    t.publish(&[&t.signer]).await;
    t.clock.advance(Duration::seconds(2));
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_believed() {
    let t = TestServer::without_keys().await;
    let uri = t.issuer.uri();
    let metadata = json!({"issuer": format!("{uri}/"), "jwks_uri": format!("{uri}/jwks")});
    t.answer("/.well-known/oauth-authorization-server", metadata).await;
    t.answer("/jwks", json!({"keys": [t.signer.jwk()]})).await;
    let answer = t.post(&t.token("mcp:read"), &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
    assert_eq!(answer.status, 503);
    assert_eq!(t.fetches().await, 0);
}

#[tokio::test]
async fn an_openid_provider_without_oauth_metadata_will_do() {
    let t = TestServer::without_keys().await;
    let uri = t.issuer.uri();
    t.answer("/.well-known/openid-configuration", json!({"issuer": uri, "jwks_uri": format!("{uri}/keys")})).await;
    let unusable = [json!({"kty": "oct", "k": "AAAA"}), json!({"kty": "new"}), json!(7)];
    let keys: Vec<_> = unusable.into_iter().chain([t.signer.jwk()]).collect();
    t.answer("/keys", json!({"keys": keys})).await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
}

#[tokio::test]
async fn a_key_meant_for_encryption_verifies_nothing() {
    let t = TestServer::without_keys().await;
    t.publish(&[]).await;
    let mut jwk = t.signer.jwk();
    jwk["use"] = json!("enc");
    t.issuer.reset().await;
    let uri = t.issuer.uri();
    let metadata = json!({"issuer": uri, "jwks_uri": format!("{uri}/jwks")});
    t.answer("/.well-known/oauth-authorization-server", metadata).await;
    t.answer("/jwks", json!({"keys": [jwk, Signer::es256("other").jwk()]})).await;
    assert!(t.judge(&t.token("mcp:read")).await.is_err());
}

#[tokio::test]
async fn a_token_without_key_id_needs_a_single_key_of_its_algorithm() {
    let t = TestServer::start().await;
    let header = jsonwebtoken::Header { kid: None, ..t.signer.header() };
    let token = t.signer.sign(&header, &t.claims("mcp:read"));
    assert_eq!(t.judge(&token).await, Ok(()));
    let other = Signer::es256("k2");
    t.publish(&[&t.signer, &other]).await;
    t.clock.advance(Duration::minutes(2));
    assert_eq!(t.judge(&signed(&t, &other)).await, Ok(()));
    assert!(t.judge(&token).await.is_err());
}

#[tokio::test]
async fn a_key_the_issuer_withdrew_stops_working_without_holding_anyone_up() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.publish(&[&Signer::es256("k2")]).await;
    t.clock.advance(Duration::minutes(11));
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()), "served while keys are fetched aside");
    let mut judged = Ok(());
    for _ in 0..20_000 {
        judged = t.judge(&t.token("mcp:read")).await;
        if judged.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(judged.is_err());
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_behind_a_neighbours_document() {
    let t = TestServer::start().await;
    let issuer = format!("{}/t1", t.issuer.uri());
    let neighbour = json!({"issuer": t.issuer.uri(), "jwks_uri": format!("{}/other", t.issuer.uri())});
    t.answer("/.well-known/oauth-authorization-server/t1", neighbour).await;
    let own = json!({"issuer": issuer, "jwks_uri": format!("{}/jwks", t.issuer.uri())});
    t.answer("/t1/.well-known/openid-configuration", own).await;
    let settings = Settings { clock: t.clock.clone(), ..Settings::demo(ORIGIN, &issuer).unwrap() };
    let t = TestServer { router: router(&settings).unwrap(), ..t };
    assert_eq!(t.judge(&t.token_with(json!({"iss": issuer}))).await, Ok(()));
}
