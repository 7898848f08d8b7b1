//! The rotation drill: two rotations on schedule, checked by verifiers with the oldest keys they may have cached.
use super::{kid, published, with_status};
use crate::support::{
    app::{CALLBACK, MCP, TestApp, operator},
    guarded::Guarded,
    node::Node,
    tokens::text,
};
use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use keyward::{
    jobs::rotation,
    model::{ClientId, KeyStatus},
    operations::keys,
    storage::audit_events,
};
use std::collections::{BTreeSet, VecDeque};
use time::Duration;

const SETTINGS: &str = "keys = { rotate_after = 3600, publish_before = 600 }\ntokens.refresh_idle = 864000";
/// Half of what caches may keep the keys.
const STEP: Duration = Duration::seconds(150);

/// What a verifier does that fetched the keys one max-age ago.
fn verifies(jwks: &JwkSet, token: &str, audience: &str) -> bool {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let Some(jwk) = jwks.find(&header.kid.unwrap()) else { return false };
    let mut validation = Validation::new(header.alg);
    // The clock of this verifier is the test's: which tokens still live is decided there.
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    jsonwebtoken::decode::<serde_json::Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation).is_ok()
}

/// Steps that a token has left, by its kind.
struct Live {
    token: String,
    audience: &'static str,
    left: i64,
}

async fn issue(node: &Node, client: &ClientId, refresh_token: &mut String) -> [Live; 2] {
    let answer = node.refresh(client, refresh_token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    text(&tokens, "refresh_token").clone_into(refresh_token);
    let live = |member: &str, audience, seconds: i64| Live {
        token: text(&tokens, member).to_owned(),
        audience,
        left: seconds / STEP.whole_seconds(),
    };
    [live("access_token", MCP, 600), live("id_token", "c", 3600)]
}

#[tokio::test]
async fn attack_92_a_verifier_with_keys_one_max_age_old_verifies_every_live_token_through_two_rotations() {
    let t = TestApp::with(SETTINGS).await;
    let (one, other) = (Node::itself(&t), Node::beside(&t).await);
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read")]).await;
    let mut refresh_token = text(&tokens, "refresh_token").to_owned();
    let max_age = t.get("/jwks").await.header("cache-control").strip_prefix("public, max-age=").unwrap().to_owned();
    assert_eq!(max_age.parse::<i64>().unwrap(), 2 * STEP.whole_seconds());
    let keys = async || serde_json::from_str::<JwkSet>(&t.get("/jwks").await.body).unwrap();
    let mut caches = VecDeque::from([keys().await, keys().await]);
    let (mut live, mut signed_with) = (Vec::new(), BTreeSet::new());
    for step in 0..60 {
        t.app.clock.advance(STEP);
        // Both do the housekeeping at once; who issues does not wait for the other to hear of it.
        let (first, second) = if step % 2 == 0 { (&one, &other) } else { (&other, &one) };
        if step % 3 == 0 {
            let (a, b) = tokio::join!(rotation::turn(&one.app), rotation::turn(&other.app));
            a.and(b).unwrap();
        } else {
            rotation::turn(&first.app).await.unwrap();
        }
        live.extend(issue(first, &client, &mut refresh_token).await);
        let oldest = caches.pop_front().unwrap();
        for Live { token, audience, .. } in &live {
            assert!(verifies(&oldest, token, audience), "step {step}");
            signed_with.insert(kid(token));
        }
        for Live { token, .. } in live.iter().filter(|live| live.audience == MCP) {
            for node in [second, first] {
                let auth = [("client_id", "notes-server"), ("client_secret", "notes-server-secret"), ("token", token)];
                let answer = node.post("/introspect", &auth).await;
                assert_eq!(answer.json()["active"], true, "step {step}");
            }
        }
        caches.push_back(keys().await);
        for token in &mut live {
            token.left -= 1;
        }
        live.retain(|token| token.left > 0);
    }
    assert!(signed_with.len() >= 6, "ES256 and RS256 keys rotated twice: {signed_with:?}");
    one.app.keys.reload().await.unwrap();
    other.app.keys.reload().await.unwrap();
    assert_eq!(one.app.keys.ring().all(), other.app.keys.ring().all());
    assert_eq!(with_status(&t.app, KeyStatus::Current).len(), 3);
    assert!(!signed_with.is_subset(&published(&t).await), "old keys are withdrawn in the end");
    let events = audit_events::recent(&t.db, 1000).await.unwrap();
    let count = |name: &str| events.iter().filter(|event| event.event_type == name).count();
    assert_eq!(count("signing_key_rotated"), 6, "each step is one node's");
    assert!(count("signing_key_published") >= 6 && count("signing_keys_withdrawn") > 0);
}

#[tokio::test]
async fn a_guard_learns_of_each_key_before_it_signs() {
    let guarded = Guarded::start("tokens.refresh_idle = 864000").await;
    let app = &guarded.t.app;
    let (client, tokens) = guarded.tokens("c").await;
    let mut refresh_token = text(&tokens, "refresh_token").to_owned();
    let mut signed_with = BTreeSet::new();
    assert_eq!(guarded.call(text(&tokens, "access_token")).await.body, "reached");
    for rotation in 0..2 {
        keys::rotate(app, &operator()).await.unwrap();
        for minute in 0..70 {
            guarded.advance(Duration::minutes(1));
            rotation::turn(app).await.unwrap();
            let answer = guarded.t.refresh(&client, &refresh_token).await.json();
            text(&answer, "refresh_token").clone_into(&mut refresh_token);
            let token = text(&answer, "access_token");
            assert_eq!(guarded.call(token).await.body, "reached", "rotation {rotation}, minute {minute}");
            signed_with.insert(kid(token));
            fetched_if_stale(&guarded).await;
        }
    }
    assert_eq!(signed_with.len(), 3);
    // A fetch for the sake of an unknown key would have come earlier than the keys' age demands.
    let fetched_at = guarded.fetched_at.lock().unwrap().clone();
    let early = fetched_at.windows(2).find(|pair| pair[1] - pair[0] < Duration::minutes(10));
    assert!(early.is_none() && fetched_at.len() > 10, "{fetched_at:?}");
}

/// The guard fetches beside the request that found its keys old: let it finish.
async fn fetched_if_stale(guarded: &Guarded) {
    let fetched = || *guarded.fetched_at.lock().unwrap().last().unwrap();
    let stale = || guarded.t.app.clock.now() - fetched() >= Duration::minutes(10);
    for _ in 0..1_000_000 {
        if !stale() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the guard does not fetch keys anew");
}
