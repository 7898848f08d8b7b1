//! The examples, run as they stand: who calls with a token is let in, and who calls without is told where to get one.
#[allow(dead_code)] // their `main`
#[path = "../examples/axum.rs"]
mod axum_example;
#[allow(dead_code)]
#[path = "../examples/rmcp.rs"]
mod rmcp_example;

use crate::support::{Issuer, METADATA, RESOURCE, call, send};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};

async fn lets_in_who_may_and_tells_others_how(app: Router, issuer: &Issuer) {
    let (status, challenge, _) = send(&app, call("read_note", None)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge.contains(&format!("resource_metadata=\"{METADATA}\"")), "{challenge}");

    let metadata = Request::get(METADATA).header(header::HOST, "127.0.0.1:3000").body(Body::empty()).unwrap();
    let (status, _, body) = send(&app, metadata).await;
    let metadata: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &metadata["resource"]), (StatusCode::OK, &json!(RESOURCE)));
    assert_eq!(metadata["authorization_servers"], json!([issuer.url]));

    let token = issuer.token("mcp:read");
    let (status, _, body) = send(&app, call("read_note", Some(&token))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains("alice"), "{body}");

    let (status, challenge, body) = send(&app, call("delete_note", Some(&token))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.contains("scope=\"mcp:tools:admin\""), "{challenge}");
    assert!(!body.contains("deleted"), "{body}");
}

#[tokio::test]
async fn the_axum_example_lets_in_who_may_and_tells_others_how() {
    let issuer = Issuer::start().await;
    lets_in_who_may_and_tells_others_how(axum_example::protected(RESOURCE, &issuer.url).unwrap(), &issuer).await;
}

#[tokio::test]
async fn the_rmcp_example_lets_in_who_may_and_tells_others_how() {
    let issuer = Issuer::start().await;
    lets_in_who_may_and_tells_others_how(rmcp_example::protected(RESOURCE, &issuer.url).unwrap(), &issuer).await;
}
