//! The issuer's keys: found, kept, fetched anew, and never too often (RFC 8414 §3, RFC 7517 §5).
use crate::support::{ORIGIN, Signer, TestServer};
use keyward_resource_server::Settings;
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

/// Status, error and `Retry-After`.
async fn answered(t: &TestServer, token: &str) -> (u16, Option<String>, Option<String>) {
    let answer = t.post(token, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
    let error = (answer.status != 200).then(|| answer.json()["error"].as_str().unwrap().to_owned());
    (answer.status.as_u16(), error, answer.header("retry-after").map(str::to_owned))
}

fn unavailable() -> (u16, Option<String>, Option<String>) {
    (503, Some("temporarily_unavailable".to_owned()), Some("5".to_owned()))
}

#[tokio::test]
async fn attack_151_made_up_key_ids_cost_the_issuer_a_fetch_in_five_seconds_and_no_new_key_its_tokens() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.clock.advance(Duration::seconds(5));
    let made_up = |number: i32| signed(&t, &Signer::eddsa(&format!("unknown-{number}")));
    assert!(t.judge(&made_up(0)).await.is_err());
    let next = Signer::es256("k2");
    t.publish(&[&t.signer, &next]).await;
    for number in 1..20 {
        assert_eq!(answered(&t, &made_up(number)).await, unavailable());
    }
    assert_eq!(answered(&t, &signed(&t, &next)).await, unavailable());
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    assert_eq!(t.fetches().await, 0);
    t.clock.advance(Duration::seconds(5));
    assert!(t.judge(&made_up(20)).await.is_err());
    assert_eq!(t.judge(&signed(&t, &next)).await, Ok(()));
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn what_no_key_could_save_causes_no_fetch() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.clock.advance(Duration::minutes(5));
    let stranger = Signer::es256("unknown");
    let now = t.clock.now().unix_timestamp();
    let hopeless = [
        json!({"exp": now}),
        json!({"aud": "https://other.example/mcp"}),
        json!({"iat": now + 31}),
        json!({"sub": null}),
        json!({"scope": "a  b"}),
        json!({"cnf": {"jkt": "x"}}),
        // The keys are younger by a minute.
        json!({"iat": now - 360}),
        json!({"iat": i64::MIN}),
    ];
    for changes in hopeless {
        let token = stranger.sign(&stranger.header(), &t.changed(&changes));
        assert!(t.judge(&token).await.is_err(), "{changes}");
    }
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_prolongs_no_pause() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.clock.advance(-Duration::hours(1));
    let next = Signer::es256("k2");
    t.publish(&[&t.signer, &next]).await;
    assert_eq!(t.judge(&signed(&t, &next)).await, Ok(()));
    assert_eq!(t.fetches().await, 1);
}

#[tokio::test]
async fn keys_survive_an_outage_of_the_issuer_for_a_day() {
    let t = TestServer::start().await;
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    t.issuer.reset().await;
    t.clock.advance(Duration::hours(23));
    assert_eq!(t.judge(&t.token("mcp:read")).await, Ok(()));
    assert_eq!(answered(&t, &signed(&t, &Signer::es256("k9"))).await, unavailable());
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
    for _ in 0..20_000 {
        if t.fetches().await == 1 && answered(&t, &t.token("mcp:read")).await.0 != 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    t.clock.advance(Duration::seconds(5));
    assert!(t.judge(&t.token("mcp:read")).await.is_err());
    assert_eq!(t.fetches().await, 2);
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_behind_a_neighbours_document() {
    let t = TestServer::start().await;
    let issuer = format!("{}/t1", t.issuer.uri());
    let neighbour = json!({"issuer": t.issuer.uri(), "jwks_uri": format!("{}/other", t.issuer.uri())});
    t.answer("/.well-known/oauth-authorization-server/t1", neighbour).await;
    let own = json!({"issuer": issuer, "jwks_uri": format!("{}/jwks", t.issuer.uri())});
    t.answer("/t1/.well-known/openid-configuration", own).await;
    let t = t.with(Settings::demo(ORIGIN, &issuer).unwrap());
    assert_eq!(t.judge(&t.token_with(json!({"iss": issuer}))).await, Ok(()));
}
