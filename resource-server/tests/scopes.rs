//! Scopes per method and tool, the hierarchy, and step-up (RFC 6750 §3.1, MCP authorization).
use crate::support::{PRM, TestServer, call, modern};
use serde_json::{Value, json};

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
}

async fn tools(t: &TestServer, scope: &str) -> Vec<String> {
    let answer = t.post(&t.token(scope), &list()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let tools = answer.json()["result"]["tools"].as_array().unwrap().clone();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_shows_only_tools_the_token_may_use() {
    let t = TestServer::start().await;
    assert_eq!(tools(&t, "mcp:tools:list").await, Vec::<String>::new());
    assert_eq!(tools(&t, "mcp:tools:echo").await, ["echo", "ping"]);
    assert_eq!(tools(&t, "mcp:tools:read").await, ["whoami", "read_note", "greet"]);
    assert_eq!(tools(&t, "mcp:read").await, ["echo", "ping", "whoami", "read_note", "greet"]);
    let administers = ["whoami", "read_note", "write_note", "dangerous_delete", "greet", "get_secret"];
    assert_eq!(tools(&t, "mcp:tools:admin").await, administers);
    for writes in ["mcp:write", "openid mcp:read mcp:tools:write"] {
        let usable = ["echo", "ping", "whoami", "read_note", "write_note", "greet", "get_secret"];
        assert_eq!(tools(&t, writes).await, usable, "{writes}");
    }
    assert_eq!(tools(&t, "mcp:admin").await.len(), 8);
}

#[tokio::test]
async fn a_call_beyond_the_token_is_refused_naming_the_scope_it_needs() {
    let t = TestServer::start().await;
    let params = json!({"name": "get_secret", "arguments": {"key": "api_key"}});
    let answer = t.send(modern(&t.token("mcp:read"), "tools/call", params)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.challenge("error").as_deref(), Some("insufficient_scope"));
    assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:tools:write"));
    assert_eq!(answer.challenge("resource_metadata").as_deref(), Some(PRM));
    assert!(answer.challenge("error_description").is_some());
    assert_eq!(
        answer.json(),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "Insufficient scope", "data": {
            "required_scope": "mcp:tools:write", "token_scope": "mcp:read",
            "tool": "get_secret", "method": "tools/call",
        }}})
    );
}

#[tokio::test]
async fn a_legacy_client_is_asked_for_what_it_needs_and_what_it_already_has() {
    let t = TestServer::start().await;
    let answer = t.post(&t.token("openid offline_access mcp:read"), &call("get_secret", json!({"key": "x"}))).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:tools:write mcp:read"));
    assert_eq!(answer.json()["id"], 7);
}

#[tokio::test]
async fn stepping_up_opens_the_tool() {
    let t = TestServer::start().await;
    let secret = call("get_secret", json!({"key": "api_key"}));
    assert_eq!(t.post(&t.token("mcp:read"), &secret).await.status, 403);
    let answer = t.post(&t.token("mcp:read mcp:tools:write"), &secret).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["result"]["structuredContent"]["value"].as_str().unwrap().contains("not-a-real"));
}

#[tokio::test]
async fn a_broader_scope_satisfies_a_narrower_need() {
    let t = TestServer::start().await;
    for scope in ["mcp:tools:read", "mcp:tools:write", "mcp:tools:admin", "mcp:read", "mcp:write", "mcp:admin"] {
        assert_eq!(t.post(&t.token(scope), &call("whoami", json!({}))).await.status, 200, "{scope}");
    }
    for scope in ["", "mcp:tools:list", "mcp:tools:echo", "mcp:tools:call", "mcp:tools", "MCP:READ", "openid"] {
        assert_eq!(t.post(&t.token(scope), &call("whoami", json!({}))).await.status, 403, "{scope}");
    }
}

#[tokio::test]
async fn a_token_without_scopes_may_greet_but_not_list() {
    let t = TestServer::start().await;
    let token = t.token_with(json!({"scope": null}));
    assert_eq!(t.judge(&token).await, Ok(()));
    assert_eq!(t.post(&token, &crate::support::initialize("2025-11-25")).await.status, 200);
    assert_eq!(t.send(modern(&token, "server/discover", json!({}))).await.status, 200);
    let answer = t.post(&token, &list()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.challenge("scope").as_deref(), Some("mcp:tools:list"));
}

#[tokio::test]
async fn a_member_given_twice_cannot_show_one_tool_to_the_guard_and_another_to_the_server() {
    let t = TestServer::start().await;
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":
        {"name":"get_secret","name":"ping","arguments":{"key":"api_key"}},"params":{"name":"ping"}}"#;
    let request = crate::support::bearer(&t.token("mcp:read")).body(axum::body::Body::from(twice)).unwrap();
    let answer = t.send(request).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("not-a-real"), "{answer:?}");
}

#[tokio::test]
async fn a_notification_that_calls_a_tool_needs_its_scope_too() {
    let t = TestServer::start().await;
    let mut message = call("get_secret", json!({"key": "api_key"}));
    message.as_object_mut().unwrap().remove("id");
    assert_eq!(t.post(&t.token("mcp:read"), &message).await.status, 403);
}
