//! No credentials, too many, or malformed ones (RFC 6750 §3, RFC 9728 §5.1).
use crate::support::{PRM, TestServer, bearer, call, post, request};
use axum::body::Body;
use serde_json::json;

#[tokio::test]
async fn no_credentials_are_answered_with_where_to_get_some_and_no_error() {
    let t = TestServer::start().await;
    let answer = t.send(post().body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate").unwrap(),
        format!("Bearer realm=\"Keyward demo server\", resource_metadata=\"{PRM}\", scope=\"mcp:read\"")
    );
    let body = answer.json();
    assert_eq!(body["error"], "unauthorized");
    assert_eq!(body["error_description"], body["detail"]);
    assert_eq!(body["request_id"], answer.header("x-request-id").unwrap());
}

#[tokio::test]
async fn another_scheme_or_an_empty_token_counts_as_no_credentials() {
    let t = TestServer::start().await;
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", "DPoP", "Token abc"] {
        let answer = t.send(post().header("authorization", value).body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, 401, "{value}");
        assert_eq!(answer.challenge("error"), None, "{value}");
        assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:read"));
    }
}

#[tokio::test]
async fn every_method_needs_credentials() {
    let t = TestServer::start().await;
    for method in ["GET", "DELETE", "PUT", "HEAD", "OPTIONS"] {
        let answer = t.send(request(method, "/mcp/oauth").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 401, "{method}");
    }
}

#[tokio::test]
async fn the_scheme_is_case_insensitive() {
    let t = TestServer::start().await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let authorization = format!("bEARER {}", t.token("mcp:read"));
    let answer = t.send(post().header("authorization", authorization).body(Body::from(message)).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn two_credentials_are_one_too_many() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let twice = bearer(&token).header("authorization", format!("Bearer {token}"));
    let listed = post().header("authorization", format!("Bearer {token}, Bearer {token}"));
    for request in [twice, listed] {
        let answer = t.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"], "invalid_request");
        assert_eq!(answer.challenge("error").as_deref(), Some("invalid_request"));
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_refused_even_beside_a_good_one() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    let path = format!("/mcp/oauth?access_token={token}");
    let alone = request("POST", &path).header("content-type", "application/json");
    let beside = request("POST", &path).header("authorization", format!("Bearer {token}"));
    for request in [alone, beside] {
        let answer = t.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.challenge("error").as_deref(), Some("invalid_request"));
    }
}

#[tokio::test]
async fn a_token_in_the_body_is_no_credential() {
    let t = TestServer::start().await;
    let form = request("POST", "/mcp/oauth").header("content-type", "application/x-www-form-urlencoded");
    let answer = t.send(form.body(Body::from(format!("access_token={}", t.token("mcp:read")))).unwrap()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenge("error"), None);
}

#[tokio::test]
async fn a_session_or_an_earlier_success_is_no_credential() {
    let t = TestServer::start().await;
    let opened = t.post(&t.token("mcp:read"), &crate::support::initialize("2025-11-25")).await;
    let session = opened.header("mcp-session-id").unwrap();
    let message = call("ping", json!({})).to_string();
    let answer = t.send(post().header("mcp-session-id", session).body(Body::from(message)).unwrap()).await;
    assert_eq!(answer.status, 401);
}
