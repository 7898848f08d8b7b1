//! What a guard remembers of tokens: what they said, and never that they may pass.
use crate::support::{Issuer, RESOURCE, call, send};
use axum::{Router, http::StatusCode, routing::any};
use keyward_guard::{Guard, digest, jwks};
use std::sync::Arc;
use time::Duration;

#[tokio::test]
async fn attack_200_guards_that_share_what_an_issuer_signed_judge_audience_and_scope_each_by_itself() {
    let issuer = Issuer::start().await;
    let shared = Arc::new(jwks::Issuer::new(&issuer.url).unwrap());
    let guarded = |resource: &str, scopes: &str| {
        let guard = Guard::with(resource, Arc::clone(&shared)).unwrap().clock(issuer.clock.clone());
        guard.tool("read_note", scopes).protect(any(async || "{}"))
    };
    let (token, now) = (issuer.token("mcp:tools:read"), issuer.clock.now());
    let is_remembered = || shared.verified(&digest::of(token.as_bytes()), now).is_some();
    let status = async |app: Router| send(&app, call("read_note", Some(&token))).await;

    // Refused, and so not remembered.
    for remembered in [false, true] {
        let (elsewhere, _, body) = status(guarded("http://127.0.0.1:4000/mcp", "mcp:tools:read")).await;
        assert_eq!((elsewhere, is_remembered()), (StatusCode::UNAUTHORIZED, remembered), "{body}");
        assert!(body.contains("audience: "), "{body}");
        assert_eq!(status(guarded(RESOURCE, "mcp:tools:read")).await.0, StatusCode::OK);
        assert!(is_remembered());
    }
    assert_eq!(status(guarded(RESOURCE, "mcp:tools:admin")).await.0, StatusCode::FORBIDDEN);
    issuer.clock.advance(Duration::minutes(10));
    assert_eq!(status(guarded(RESOURCE, "mcp:tools:read")).await.0, StatusCode::UNAUTHORIZED);
}
