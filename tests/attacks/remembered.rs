//! Attacks with tokens whose signature was verified a moment ago, and is not verified again.
use crate::support::{
    app::{CALLBACK, TestApp, encode, operator},
    bound::{USERINFO_URL, bound},
    dpop::DpopKey,
    tokens::{family, family_with, is_active, text, userinfo},
};
use keyward::{
    model::ClientId,
    operations::{clients, keys, users},
    secrets::{base64url, from_base64url},
};
use serde_json::json;
use std::sync::Arc;
use time::Duration;

/// A token of alice's that this server has just found good, of the client `c`.
async fn remembered(t: &TestApp) -> (ClientId, String) {
    let (client, tokens) = family(t, "c").await;
    let token = text(&tokens, "access_token").to_owned();
    assert!(is_active(t, &token).await && is_active(t, &token).await);
    (client, token)
}

#[tokio::test]
async fn a_signature_that_was_verified_a_moment_ago_is_not_verified_again() {
    let t = TestApp::start().await;
    let (_, tokens) = family(&t, "c").await;
    let token = text(&tokens, "access_token");
    let said = async || t.app.keys.access_token(token).await.unwrap().unwrap();
    let first = said().await;
    assert!(Arc::ptr_eq(&first, &said().await));
    // What has expired is not remembered, though its signature is good.
    t.app.clock.advance(Duration::minutes(10));
    let expired = said().await;
    assert!(!Arc::ptr_eq(&first, &expired) && !Arc::ptr_eq(&expired, &said().await));
}

#[tokio::test]
async fn attack_200_a_token_like_one_that_is_remembered_is_worth_nothing() {
    let t = TestApp::start().await;
    let (_, token) = remembered(&t).await;
    let parts: Vec<_> = token.split('.').collect();
    let mut forged: Vec<_> = (0..token.len())
        .step_by(13)
        .chain([token.len() - 1])
        .map(|at| {
            let mut edited = token.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(edited).unwrap()
        })
        .filter(|edited| *edited != token)
        .collect();
    // The same claims with another signature, with none, and under another algorithm.
    let signature = base64url([1; 64]);
    let mut header: serde_json::Value = serde_json::from_slice(&from_base64url(parts[0]).unwrap()).unwrap();
    forged.extend([[parts[0], parts[1], &signature].join("."), [parts[0], parts[1], ""].join(".")]);
    for algorithm in ["none", "HS256", "EdDSA", "RS256"] {
        header["alg"] = json!(algorithm);
        let header = base64url(header.to_string());
        forged.extend([[&*header, parts[1], parts[2]].join("."), [&*header, parts[1], ""].join(".")]);
    }
    forged.extend([format!("{token}."), format!("{token}="), format!(".{token}"), token.to_uppercase()]);
    for forged in forged {
        assert!(!is_active(&t, &forged).await, "{forged}");
        assert!(t.app.keys.access_token(&forged).await.unwrap().is_none(), "{forged}");
    }
    assert!(is_active(&t, &token).await);
    // Nor is it a token of another type.
    assert!(t.app.keys.verify::<serde_json::Value>(&token, "jwt").await.unwrap().is_none());
}

#[tokio::test]
async fn attack_200_a_remembered_token_ends_when_it_expires_or_is_revoked() {
    let t = TestApp::start().await;
    let (client, token) = remembered(&t).await;
    t.app.clock.advance(Duration::seconds(599));
    assert!(is_active(&t, &token).await);
    t.app.clock.advance(Duration::seconds(1));
    assert!(!is_active(&t, &token).await);

    let tokens = t.tokens(&client, &[]).await;
    let token = text(&tokens, "access_token");
    assert!(is_active(&t, token).await);
    let form = [("token", token), ("client_id", client.as_str())];
    assert_eq!(t.post("/revoke", &form).await.status, 200, "{}", encode(&form));
    assert!(!is_active(&t, token).await);

    let tokens = t.tokens(&client, &[]).await;
    let token = text(&tokens, "access_token");
    assert!(is_active(&t, token).await);
    let form = [("token", text(&tokens, "refresh_token")), ("client_id", client.as_str())];
    assert_eq!(t.post("/revoke", &form).await.status, 200);
    assert!(!is_active(&t, token).await);
}

#[tokio::test]
async fn attack_200_a_remembered_token_ends_with_its_key_its_client_and_its_user() {
    let t = TestApp::start().await;
    let (client, token) = remembered(&t).await;
    clients::disable(&t.app, &operator(), &client).await.unwrap();
    assert!(!is_active(&t, &token).await);
    clients::enable(&t.app, &operator(), &client).await.unwrap();
    assert!(is_active(&t, &token).await);
    keys::replace_all(&t.app, &operator()).await.unwrap();
    assert!(!is_active(&t, &token).await);
    assert!(t.app.keys.access_token(&token).await.unwrap().is_none());

    let tokens = t.tokens(&client, &[]).await;
    let token = text(&tokens, "access_token");
    assert!(is_active(&t, token).await);
    let alice = users::find(&t.app, "alice").await.unwrap().id;
    users::disable(&t.app, &operator(), alice).await.unwrap();
    assert!(!is_active(&t, token).await);
}

#[tokio::test]
async fn attack_200_a_remembered_token_still_needs_its_audience_its_scope_and_a_proof_of_its_own_key() {
    let t = TestApp::start().await;
    let client = t.public_client("bound", &[CALLBACK]).await;
    let (key, stranger) = (DpopKey::es256(), DpopKey::es256());
    let tokens = bound(&t, &client, &key, &[("scope", "openid")]).await;
    let token = text(&tokens, "access_token");
    let authorization = format!("DPoP {token}");
    let proof = |key: &DpopKey| key.proof_for(token, "GET", USERINFO_URL, t.app.clock.now());
    let first = proof(&key);
    assert_eq!(userinfo(&t, &[("authorization", &authorization), ("dpop", &first)]).await.status, 200);
    for (scheme, proof) in [("DPoP", Some(proof(&stranger))), ("DPoP", Some(first)), ("DPoP", None), ("Bearer", None)] {
        let authorization = format!("{scheme} {token}");
        let proof = proof.as_deref().map(|proof| ("dpop", proof));
        let headers: Vec<_> = [("authorization", &*authorization)].into_iter().chain(proof).collect();
        assert_eq!(userinfo(&t, &headers).await.status, 401, "{headers:?}");
    }
    assert_eq!(userinfo(&t, &[("authorization", &authorization), ("dpop", &proof(&key))]).await.status, 200);

    // For a resource, and so not for the server itself.
    let (_, tokens) = family_with(&t, "c", &[]).await;
    let token = text(&tokens, "access_token");
    assert!(is_active(&t, token).await);
    assert_eq!(userinfo(&t, &[("authorization", &format!("Bearer {token}"))]).await.status, 401);
}
