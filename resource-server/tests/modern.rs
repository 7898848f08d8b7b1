//! The 2026-07-28 wire: every request stands alone.
use crate::support::{RESOURCE, TestServer, bearer, meta, modern, request};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

async fn ok(t: &TestServer, request: Request<Body>) -> Value {
    let answer = t.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("mcp-session-id"), None);
    answer.json()["result"].clone()
}

async fn refused(t: &TestServer, request: Request<Body>, status: u16, code: i64) -> Value {
    let answer = t.send(request).await;
    assert_eq!(answer.status, status, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["error"]["code"], code, "{body}");
    assert_eq!(body["jsonrpc"], "2.0");
    body["error"].clone()
}

#[tokio::test]
async fn discovery_names_versions_capabilities_and_the_server() {
    let t = TestServer::start().await;
    let result = ok(&t, modern(&t.token("mcp:read"), "server/discover", json!({}))).await;
    assert_eq!(result["resultType"], "complete");
    let versions = json!(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]);
    assert_eq!(result["supportedVersions"], versions);
    assert!(result["capabilities"]["tools"].is_object());
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "keyward-resource-server");
}

#[tokio::test]
async fn the_tool_list_is_private_and_complete_with_schemas() {
    let t = TestServer::start().await;
    let result = ok(&t, modern(&t.token("mcp:admin"), "tools/list", json!({}))).await;
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["cacheScope"], "private");
    assert!(result["ttlMs"].is_u64());
    for tool in result["tools"].as_array().unwrap() {
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{tool}");
            assert_eq!(tool[schema]["additionalProperties"], false, "{tool}");
        }
    }
    assert_eq!(result["tools"][0]["inputSchema"]["required"], json!(["message"]));
}

#[tokio::test]
async fn whoami_tells_what_the_token_says() {
    let t = TestServer::start().await;
    let params = json!({"name": "whoami", "arguments": {"client_id": "someone-else"}});
    let result = ok(&t, modern(&t.token("mcp:read openid"), "tools/call", params)).await;
    let who = &result["structuredContent"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["isError"], false);
    assert_eq!(result["content"][0]["text"], who.to_string());
    assert_eq!(who["subject"], "alice");
    assert_eq!(who["identity"], "alice");
    assert_eq!(who["client_id"], "c1");
    assert_eq!(who["scopes"], json!(["mcp:read", "openid"]));
    assert_eq!(who["audience"], RESOURCE);
    assert_eq!(who["issuer"], t.issuer.uri());
    assert_eq!(
        (&who["surface"], &who["scheme"], &who["authenticated"]),
        (&json!("oauth"), &json!("Bearer"), &json!(true))
    );
    assert!(who["expires_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn each_tool_answers_as_its_schema_says() {
    let t = TestServer::start().await;
    let token = t.token("mcp:write");
    let cases = [
        ("echo", json!({"message": "hi", "count": 3}), json!({"message": "hi", "count": 3, "uppercase": false})),
        ("echo", json!({"message": "hi", "uppercase": true}), json!({"message": "HI", "uppercase": true})),
        ("ping", json!({}), json!({"pong": true})),
        ("greet", json!({"name": "Ada"}), json!({"greeting": "Hello, Ada!"})),
    ];
    for (tool, arguments, expected) in cases {
        let params = json!({"name": tool, "arguments": arguments});
        let result = ok(&t, modern(&token, "tools/call", params)).await;
        assert_eq!(result["structuredContent"], expected, "{tool}");
    }
    let params = json!({"name": "get_secret", "arguments": {"key": "nope"}});
    let result = ok(&t, modern(&token, "tools/call", params)).await;
    assert_eq!(result["isError"], true);
    assert_eq!(result["structuredContent"], json!({"success": false, "error": "Secret not found"}));
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_schema_are_told_to_the_model_and_an_unknown_tool_is_invalid_params() {
    let t = TestServer::start().await;
    let token = t.token("mcp:write");
    let cases = [
        ("echo", json!({})),
        ("echo", json!({"message": 1})),
        ("echo", json!({"message": "a", "count": 1.5})),
        ("echo", json!({"message": "a", "tell-tale": 1})),
        ("ping", json!({"tell-tale": 1})),
        ("greet", json!({"name": null})),
    ];
    for (tool, arguments) in cases {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = t.send(modern(&token, "tools/call", params)).await;
        assert_eq!(answer.status, 200);
        let result = answer.json()["result"].clone();
        assert_eq!((&result["isError"], &result["resultType"]), (&json!(true), &json!("complete")), "{result}");
        let told: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(told, result["structuredContent"]);
        assert!(!result.to_string().contains("tell-tale"), "{result}");
    }
    let params = json!({"name": "no-such-tool", "arguments": {}});
    refused(&t, modern(&token, "tools/call", params), 200, -32602).await;
}

fn with_headers(t: &TestServer, headers: &[(&str, &str)], message: &Value) -> Request<Body> {
    let mut builder = bearer(&t.token("mcp:read"));
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(message.to_string())).unwrap()
}

#[tokio::test]
async fn headers_must_say_what_the_body_says() {
    let t = TestServer::start().await;
    let params = json!({"name": "ping", "arguments": {}, "_meta": meta()});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let version = ("mcp-protocol-version", "2026-07-28");
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "ping"));
    let base64 = ("mcp-name", "=?base64?cGluZw==?=");
    assert_eq!(t.send(with_headers(&t, &[version, method, name], &message)).await.status, 200);
    assert_eq!(t.send(with_headers(&t, &[version, method, base64], &message)).await.status, 200);
    let wrong: [&[(&str, &str)]; 9] = [
        &[method, name],
        &[version, name],
        &[version, method],
        &[version, ("mcp-method", "tools/list"), name],
        &[version, ("mcp-method", "TOOLS/CALL"), name],
        &[version, method, ("mcp-name", "echo")],
        &[version, method, ("mcp-name", "=?base64?!?=")],
        &[("mcp-protocol-version", "2025-11-25"), method, name],
        &[version, version, method, name],
    ];
    for headers in wrong {
        refused(&t, with_headers(&t, headers, &message), 400, -32020).await;
    }
    let noted = json!({"jsonrpc": "2.0", "method": "notifications/noted", "params": {"_meta": meta()}});
    let of_another = [("mcp-protocol-version", "2025-11-25"), ("mcp-method", "notifications/noted")];
    let answer = t.send(with_headers(&t, &of_another, &noted)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32020)));
}

#[tokio::test]
async fn request_metadata_is_required() {
    let t = TestServer::start().await;
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    for missing in ["io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"] {
        let mut meta = meta();
        meta.as_object_mut().unwrap().remove(missing);
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
        refused(&t, with_headers(&t, &headers, &message), 400, -32602).await;
    }
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    refused(&t, with_headers(&t, &headers, &bare), 400, -32602).await;
    let mut meta = meta();
    meta.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
    assert_eq!(t.send(with_headers(&t, &headers, &message)).await.status, 200);
}

#[tokio::test]
async fn an_unsupported_version_learns_the_supported_ones() {
    let t = TestServer::start().await;
    let mut meta = meta();
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
    let headers = [("mcp-protocol-version", "2099-01-01"), ("mcp-method", "tools/list")];
    let error = refused(&t, with_headers(&t, &headers, &message), 400, -32022).await;
    assert_eq!(error["data"]["requested"], "2099-01-01");
    assert_eq!(error["data"]["supported"][4], "2026-07-28");
    let legacy = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    refused(&t, with_headers(&t, &headers[..1], &legacy), 400, -32022).await;
}

#[tokio::test]
async fn unknown_and_removed_methods_are_not_found() {
    let t = TestServer::start().await;
    let token = t.token("mcp:admin");
    for method in ["no/such", "ping", "initialize", "logging/setLevel", "tasks/list"] {
        let error = refused(&t, modern(&token, method, json!({"level": "info"})), 404, -32601).await;
        assert!(error["message"].as_str().unwrap().starts_with("Method not found"), "{error}");
        assert!(!error["message"].as_str().unwrap().contains("no/such"), "{error}");
    }
    // rmcp answers these itself, with the method's name.
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        refused(&t, modern(&token, method, json!({"uri": "a:b"})), 404, -32601).await;
    }
}

#[tokio::test]
async fn what_the_server_does_not_declare_is_not_found() {
    let t = TestServer::start().await;
    let token = t.token("mcp:admin");
    let about = json!({"ref": {"type": "ref/prompt", "name": "a"}, "argument": {"name": "b", "value": "c"}});
    for (method, params) in [("prompts/list", json!({})), ("completion/complete", about.clone())] {
        let error = refused(&t, modern(&token, method, params), 404, -32601).await;
        assert_eq!(error["message"], "Method not found", "{method}");
    }
    let prompt = json!({"name": "a"});
    for (method, params) in [("prompts/list", json!({})), ("prompts/get", prompt), ("completion/complete", about)] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let error = t.post(&token, &message).await.json()["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32601), &json!("Method not found")), "{method}");
    }
}

#[tokio::test]
async fn headers_are_judged_before_scopes() {
    let t = TestServer::start().await;
    let params = json!({"name": "get_secret", "arguments": {}, "_meta": meta()});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "ping")];
    refused(&t, with_headers(&t, &headers, &message), 400, -32020).await;
}

#[tokio::test]
async fn credentials_are_judged_before_headers() {
    let t = TestServer::start().await;
    let request = request("POST", "/mcp/oauth").header("mcp-protocol-version", "2099-01-01");
    assert_eq!(t.send(request.body(Body::from("[")).unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_notification_is_accepted_without_a_word() {
    let t = TestServer::start().await;
    let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "notifications/cancelled")];
    let answer = t.send(with_headers(&t, &headers, &message)).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (202, 0));
}

#[tokio::test]
async fn there_is_neither_get_nor_delete_and_session_ids_are_ignored() {
    let t = TestServer::start().await;
    for method in ["GET", "DELETE"] {
        let request = request(method, "/mcp/oauth")
            .header("authorization", format!("Bearer {}", t.token("mcp:read")))
            .header("accept", "text/event-stream")
            .header("mcp-protocol-version", "2026-07-28");
        let answer = t.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"));
        assert_eq!(answer.json()["error"], "method_not_allowed");
    }
    let mut request = modern(&t.token("mcp:read"), "tools/list", json!({}));
    request.headers_mut().insert("mcp-session-id", "made-up".parse().unwrap());
    request.headers_mut().insert("last-event-id", "made-up".parse().unwrap());
    ok(&t, request).await;
}

#[tokio::test]
async fn a_client_that_only_reads_streams_gets_one() {
    let t = TestServer::start().await;
    let mut request = modern(&t.token("mcp:read"), "tools/call", json!({"name": "ping", "arguments": {}}));
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let answer = t.send(request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/event-stream"));
    assert!(String::from_utf8_lossy(&answer.body).contains("\"pong\":true"));
}
