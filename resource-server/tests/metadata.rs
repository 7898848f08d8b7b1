//! Protected resource metadata (RFC 9728), where clients look for it.
use crate::support::{PRM, RESOURCE, TestServer, request};
use axum::body::Body;
use serde_json::json;

const INSERTED: &str = "/.well-known/oauth-protected-resource/mcp/oauth";
const ROOT: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn the_document_says_which_resource_whose_tokens_and_which_scopes() {
    let t = TestServer::start().await;
    let answer = t.get(INSERTED).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({
            "resource": RESOURCE,
            "authorization_servers": [t.issuer.uri()],
            "scopes_supported": ["mcp:read", "mcp:write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Keyward demo server",
            "resource_documentation": "http://127.0.0.1:8990/",
            "dpop_signing_alg_values_supported": ["ES256", "RS256", "EdDSA", "Ed25519"],
        })
    );
}

#[tokio::test]
async fn the_root_place_and_the_named_resource_give_the_same_document() {
    let t = TestServer::start().await;
    let document = t.get(INSERTED).await.json();
    assert_eq!(t.get(ROOT).await.json(), document);
    let named = format!("{ROOT}?resource=http%3A%2F%2F127.0.0.1%3A8990%2Fmcp%2Foauth");
    assert_eq!(t.get(&named).await.json(), document);
}

#[tokio::test]
async fn an_unknown_resource_is_a_json_404() {
    let t = TestServer::start().await;
    let inserted = format!("{ROOT}/mcp/other");
    let named = format!("{ROOT}?resource=https://other.example/mcp");
    for path in [inserted.as_str(), named.as_str(), "/.well-known/oauth-authorization-server"] {
        let answer = t.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"], "not_found");
    }
}

#[tokio::test]
async fn the_challenge_points_at_the_document() {
    let t = TestServer::start().await;
    let answer = t.get("/mcp/oauth").await;
    assert_eq!(answer.challenge("resource_metadata").as_deref(), Some(PRM));
    assert!(PRM.ends_with(INSERTED));
}

#[tokio::test]
async fn identifiers_come_from_configuration_and_never_from_the_host() {
    let t = TestServer::start().await;
    let request = axum::http::Request::builder().uri(INSERTED).header("host", "localhost:1");
    let answer = t.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["resource"], RESOURCE);
}

#[tokio::test]
async fn every_web_page_may_read_it_even_with_a_version_header() {
    let t = TestServer::start().await;
    for path in [INSERTED, ROOT] {
        let preflight = request("OPTIONS", path)
            .header("origin", "https://anywhere.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "mcp-protocol-version");
        let answer = t.send(preflight.body(Body::empty()).unwrap()).await;
        assert!(answer.status.is_success());
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("mcp-protocol-version"));
        let get = request("GET", path).header("origin", "https://anywhere.example");
        let answer = t.send(get.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, Some("*")));
    }
}

#[tokio::test]
async fn writing_to_it_is_not_allowed() {
    let t = TestServer::start().await;
    let answer = t.send(request("POST", INSERTED).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").unwrap().contains("GET"));
    assert_eq!(answer.json()["error"], "method_not_allowed");
}
