//! What the guard keeps from the server behind, what it keeps from clients, and settings that it does not take.
use super::{RULES, answering, guard, list, saying};
use crate::support::{Answer, TestServer, call};
use axum::{
    Json,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keyward_resource_server::{InFront, Settings, router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// 502, which is no reason for a client to throw its token away.
fn assert_bad_gateway(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.header("location"), None);
    let body = answer.json();
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!(7), &json!(-32603)));
    let data = &body["error"]["data"];
    assert_eq!(data["error"], "bad_gateway");
    assert!(data["detail"].as_str().unwrap().contains(reason), "{data}");
    assert_eq!(data["error_description"], data["detail"]);
    assert_eq!(data["request_id"], answer.header("x-request-id").unwrap());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_bad_gateway() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let t = guard(&format!("http://{closed}/mcp"), "").await;
    assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, "cannot be reached");
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = t.post(&t.token("mcp:read"), &notification).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (502, &json!("bad_gateway")));
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id").unwrap());
    assert_eq!(t.post("bad", &call("any", json!({}))).await.status, 401, "the credential comes first");
}

type Says = fn() -> Response;

#[tokio::test]
async fn answers_that_would_confuse_clients_are_bad_gateways() {
    let challenge = [("www-authenticate", "Bearer resource_metadata=\"https://elsewhere.example\"")];
    let cases: [(Says, &str); 7] = [
        (|| StatusCode::UNAUTHORIZED.into_response(), "credentials of its own"),
        (|| (StatusCode::FORBIDDEN, [("www-authenticate", "Basic")]).into_response(), "credentials of its own"),
        (|| (StatusCode::TEMPORARY_REDIRECT, [("location", "http://a.example/")]).into_response(), "elsewhere"),
        (|| (StatusCode::OK, [("content-type", "text/html")], "<p>").into_response(), "did not answer as one"),
        (|| (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(), "did not answer as one"),
        (|| ([("content-encoding", "gzip")], Json(json!({}))).into_response(), "encoded answer"),
        (
            || ([("content-type", "text/event-stream"), ("content-encoding", "br")], "").into_response(),
            "encoded answer",
        ),
    ];
    for (answer, reason) in cases {
        let t = guard(&saying(answer).await, "").await;
        assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, reason);
    }
    let url = saying(move || (StatusCode::UNAUTHORIZED, challenge).into_response()).await;
    let t = guard(&url, "").await;
    assert_bad_gateway(&t.post(&t.token("mcp:read"), &call("any", json!({}))).await, "credentials of its own");
    let url = saying(|| (StatusCode::BAD_REQUEST, Json(json!({"a": 1}))).into_response()).await;
    let t = guard(&url, "").await;
    let answer = t.post(&t.token("mcp:read"), &call("any", json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (400, json!({"a": 1})));
}

#[tokio::test]
async fn scopes_and_rules_are_judged_before_the_server_behind_is_asked() {
    let (url, seen) = answering().await;
    let t = guard(&url, RULES).await;
    let token = t.token("mcp:read");
    let refused = t.post(&token, &call("delete", json!({}))).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (403, &json!(-32001)));
    assert_eq!(refused.challenge("scope").as_deref(), Some("mcp:tools:admin mcp:read"));
    let denied = t.post(&token, &call("write_note", json!({"key": "A"}))).await;
    assert_eq!(denied.json()["error"]["code"], -32002);
    let narrow = t.token("mcp:tools:echo");
    for method in ["tools/call", "resources/read", "prompts/get"] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "a", "uri": "a"}});
        assert_eq!(t.post(&narrow, &message).await.status, 403, "{method}");
    }
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(t.post(&token, &call("write_note", json!({"key": "a", "content": "rm -rf"}))).await.status, 200);
    assert_eq!(t.post(&t.token("mcp:admin"), &call("delete", json!({}))).await.status, 200);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn tools_that_the_token_may_not_call_are_not_listed() {
    let tools = || json!({"jsonrpc": "2.0", "id": 5, "result": {"tools": [{"name": "read"}, {"name": "delete"}]}});
    let as_json = saying(move || Json(tools()).into_response()).await;
    let as_stream = saying(move || {
        let body = format!(": hello\n\nid: 1\ndata: {}\n\n", tools());
        ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
    })
    .await;
    // Servers of 2025-03-26 may send several at once.
    let batch = move || json!([{"jsonrpc": "2.0", "method": "notifications/noted"}, tools()]);
    let as_batch = saying(move || Json(batch()).into_response()).await;
    let as_event =
        saying(move || ([("content-type", "text/event-stream")], format!("data: {}\n\n", batch())).into_response())
            .await;
    for (url, start) in [(as_json, ""), (as_stream, ": hello\n\nid: 1\ndata: "), (as_batch, ""), (as_event, "data: ")] {
        let t = guard(&url, RULES).await;
        for (scope, method, names) in [
            ("mcp:read", "tools/list", vec!["read"]),
            ("mcp:read", "Tools/List", vec!["read"]),
            ("mcp:admin", "tools/list", vec!["read", "delete"]),
        ] {
            let answer = t.post(&t.token(scope), &json!({"jsonrpc": "2.0", "id": 5, "method": method})).await;
            assert_eq!(answer.status, 200);
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let message: Value = serde_json::from_str(body.strip_prefix(start).unwrap().trim()).unwrap();
            let message = message.get(1).unwrap_or(&message);
            let listed =
                message["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap());
            assert_eq!(listed.collect::<Vec<_>>(), names);
        }
    }
}

#[tokio::test]
async fn a_list_over_several_lines_of_an_event_or_behind_a_byte_order_mark_is_shortened_too() {
    let tools = "{\"jsonrpc\":\"2.0\",\"id\":5,\n\"result\":{\"tools\":[{\"name\":\"delete\"},\n{\"name\":\"read\"}]}}";
    let event = format!("\u{FEFF}id: 1\ndata: {}\n\n", tools.replace('\n', "\ndata: "));
    let url = saying(move || ([("content-type", "text/event-stream")], event.clone()).into_response()).await;
    let t = guard(&url, RULES).await;
    let answer = t.post(&t.token("mcp:read"), &list()).await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let lines: Vec<_> = body.strip_suffix("\n\n").unwrap().lines().collect();
    assert_eq!(lines[0], "id: 1");
    let data: Vec<_> = lines[1..].iter().map(|line| line.strip_prefix("data: ").unwrap()).collect();
    let message: Value = serde_json::from_str(&data.join("\n")).unwrap();
    assert_eq!(message["result"]["tools"], json!([{"name": "read"}]), "{body}");
}

#[tokio::test]
async fn no_file_is_needed() {
    let (url, seen) = answering().await;
    let t = TestServer::start().await;
    let in_front = |resource: Option<&str>| InFront {
        upstream: url.clone(),
        issuer: t.issuer.uri(),
        resource: resource.map(str::to_owned),
        listen: "127.0.0.1:8990".parse().unwrap(),
        name: Some("Notes".to_owned()),
        scopes: "notes".to_owned(),
        tools: [("delete".to_owned(), "notes notes:delete".to_owned())].into(),
    };
    let public = "https://notes.example/deep/mcp";
    for resource in [None, Some(public)] {
        let at = resource.unwrap_or("http://127.0.0.1:8990/mcp");
        let (origin, path) = at.split_at(at.match_indices('/').nth(2).unwrap().0);
        let router = router(&Settings::in_front(&in_front(resource)).unwrap()).unwrap();
        let ask = async |request: axum::http::request::Builder, body: Body| {
            let request = request.header("host", origin.split_once("//").unwrap().1);
            router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
        };
        let metadata = Request::builder().uri(format!("/.well-known/oauth-protected-resource{path}"));
        let metadata = ask(metadata, Body::empty()).await.into_body();
        let metadata: Value = serde_json::from_slice(&axum::body::to_bytes(metadata, 9999).await.unwrap()).unwrap();
        assert_eq!(metadata["resource"], at);
        assert_eq!(metadata["scopes_supported"], json!(["notes", "notes:delete"]));
        assert_eq!(metadata["resource_name"], "Notes");
        for (scope, message, status) in [
            ("notes", list(), 200),
            ("notes", call("delete", json!({})), 403),
            ("notes notes:delete", call("delete", json!({})), 200),
            ("other", list(), 403),
        ] {
            let token = t.token_with(json!({"aud": at, "scope": scope}));
            let post = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
            let post = post.header("content-type", "application/json");
            assert_eq!(ask(post, Body::from(message.to_string())).await.status(), status, "{scope} {message}");
        }
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
    for (resource, reason) in [
        ("http://notes.example/mcp", "must be an https URL"),
        ("https://NOTES.example/mcp", "spelled canonically"),
        ("https://notes.example/mcp/", "must begin with /"),
    ] {
        let error = Settings::in_front(&in_front(Some(resource))).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn settings_of_an_upstream_that_cannot_work_are_refused() {
    let cases = [
        ("upstream = \"mcp\"", "not a URL"),
        ("upstream = \"ftp://a.example/mcp\"", "http or https"),
        ("upstream = \"http://a.example/mcp\"\ntools = [\"core\"]", "not both"),
        ("upstream = \"http://a.example/sse\"\naliases = [\"/a\"]", "one path only"),
        ("tool_scopes = { a = \"b\" }", "no upstream"),
        ("upstream = \"http://a.example/mcp\"\ntool_scopes = { a = \"b\\\\\" }", "a scope has a character"),
    ];
    for (text, reason) in cases {
        let text = format!("[[surface]]\nid = \"a\"\nkind = \"oauth\"\n{text}");
        let built = Settings::parse(&text).and_then(|settings| router(&settings));
        let error = format!("{:#}", built.unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
}
