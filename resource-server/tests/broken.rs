//! What is no message: refused everywhere, and nothing breaks.
use crate::{
    support::{TestServer, request},
    surfaces::{SURFACES, credential, here, ping, post},
};
use axum::{body::Body, http::HeaderMap};
use serde_json::json;

/// Name, body, status, and the code of JSON-RPC at MCP endpoints.
fn bodies() -> Vec<(&'static str, Vec<u8>, u16, i64)> {
    let batch = json!([ping(), ping()]).to_string().into_bytes();
    let nested = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat().into_bytes();
    let typed = |members: &str| format!(r#"{{"jsonrpc":"2.0","id":1,{members}}}"#).into_bytes();
    vec![
        ("nothing", Vec::new(), 400, -32700),
        ("a batch", batch, 400, -32600),
        ("an empty batch", b"[]".to_vec(), 400, -32600),
        ("a number", b"1e999999".to_vec(), 400, -32600),
        ("null", b"null".to_vec(), 400, -32600),
        ("a text", b"\"ping\"".to_vec(), 400, -32600),
        ("half of it", br#"{"jsonrpc":"2.0","id":1,"method":"ping""#.to_vec(), 400, -32700),
        ("no UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}".to_vec(), 400, -32700),
        ("half a surrogate", typed(r#""method":"\ud800""#), 400, -32700),
        ("deep arrays", nested("[", "]"), 400, -32700),
        ("deep objects", nested("{\"a\":", "}"), 400, -32700),
        ("a method that is a number", typed(r#""method":7"#), 400, -32600),
        ("params that are a text", typed(r#""method":"tools/list","params":"x""#), 400, -32600),
        ("an id that is an object", br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_vec(), 400, -32600),
        ("a million objects", [b"[".as_slice(), &b"{},".repeat(300_000), b"{}]"].concat(), 413, 0),
        ("more than eight mebibytes", vec![b' '; 8 * 1024 * 1024 + 1], 413, 0),
        ("ten megabytes", vec![b'['; 10_000_000], 413, 0),
    ]
}

#[tokio::test]
async fn no_body_breaks_a_surface() {
    let t = TestServer::start().await;
    for surface in SURFACES {
        for path in [format!("/mcp/{surface}"), format!("/messages/{surface}?session_id=made-up")] {
            for (name, body, status, code) in bodies() {
                let mut request = request("POST", &path).header("content-type", "application/json");
                request.headers_mut().unwrap().extend(credential(&t, surface));
                let answer = t.send(request.body(Body::from(body)).unwrap()).await;
                assert_eq!(answer.status, status, "{name} at {path}");
                let body = answer.json();
                if status == 413 {
                    assert_eq!(body["error"], "content_too_large", "{name} at {path}");
                } else {
                    assert_eq!(body["error"]["code"], code, "{name} at {path}");
                    assert_eq!(body["jsonrpc"], "2.0");
                }
            }
        }
        assert_eq!(post(&t, surface, credential(&t, surface), &ping()).await.status, 200, "{surface}");
    }
}

#[tokio::test]
async fn a_body_of_anybodys_costs_nothing_before_the_credential_is_judged() {
    let t = TestServer::start().await;
    for surface in SURFACES.into_iter().filter(|surface| !credential(&t, surface).is_empty()) {
        for (name, body, ..) in bodies() {
            let request = request("POST", &format!("/mcp/{surface}")).header("content-type", "application/json");
            let answer = t.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.status, 401, "{name} at {surface}");
        }
    }
}

#[tokio::test]
async fn no_body_breaks_what_is_beside_the_surfaces() {
    let t = TestServer::start().await;
    for path in ["/debug/explain", "/test-auth/bearer-token/mint"] {
        for (name, body, status, _) in bodies() {
            // Whoever mints may say nothing.
            let expected = match name {
                "nothing" if path.ends_with("mint") => 200,
                // Whoever got here is no stranger, and what is read is of a known form.
                "a million objects" => 400,
                _ => status,
            };
            let answer = t.send(here(request("POST", path).body(Body::from(body)).unwrap())).await;
            assert_eq!(answer.status, expected, "{name} at {path}");
            if expected == 400 {
                assert_eq!(answer.json()["error"], "invalid_request", "{name} at {path}");
            }
        }
    }
    for wrong in [
        json!({"surface": ["basic"]}),
        json!({"surface": "basic", "token": 7}),
        json!({"surface": "basic", "header": {}}),
        json!({"surface": "basic", "tool": null, "arguments": 7, "more": 1}),
    ] {
        let answer = t.send(here(request("POST", "/debug/explain").body(Body::from(wrong.to_string())).unwrap())).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (400, "invalid_request"));
    }
}

#[tokio::test]
async fn a_path_a_method_or_a_header_out_of_the_ordinary_breaks_nothing() {
    let t = TestServer::start().await;
    for path in
        ["/mcp/%00", "/mcp/../debug/config", "//mcp/oauth", "/mcp/oauth/", "/sse/%ff", "/debug/%2e%2e/x", "/mcp"]
    {
        for method in ["GET", "POST", "DELETE", "PATCH", "TRACE", "BREW"] {
            let answer = t.send(request(method, path).body(Body::empty()).unwrap()).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {answer:?}");
            assert!(answer.json()["error"].is_string(), "{method} {path}");
        }
    }
    for surface in SURFACES {
        for name in ["authorization", "accept", "content-type", "mcp-session-id", "mcp-protocol-version", "origin"] {
            let mut brought = HeaderMap::new();
            brought.append(
                axum::http::HeaderName::from_static(name),
                axum::http::HeaderValue::from_bytes(b"\xff\xfe \"\\").unwrap(),
            );
            let answer = post(&t, surface, brought, &ping()).await;
            assert!(!answer.status.is_server_error(), "{surface} {name}: {answer:?}");
        }
    }
}
