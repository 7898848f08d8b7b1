//! Who calls, as the server behind the guard is told, and whose its sessions are.
use super::{answering, guard};
use crate::support::{TestServer, bearer, call, initialize, request};
use axum::body::Body;
use keyward_resource_server::Settings;
use serde_json::json;

#[tokio::test]
async fn the_server_behind_learns_who_calls_and_nobody_can_pretend() {
    let (url, seen) = answering().await;
    let t = guard(&url, "").await;
    let token = t.token_with(json!({"sub": "älice", "scope": "mcp:read mcp:write", "preferred_username": "alice"}));
    let mut sent = bearer(&token).header("connection", "x-hop").header("x-hop", "1");
    for forged in [
        "x-auth-subject",
        "X-AUTH-SUBJECT",
        "x_auth_subject",
        "X-Auth_Client-Id",
        "x-auth-scope",
        "x-auth-roles",
        "cookie",
        "proxy-authorization",
        "x-forwarded-user",
        "x-forwarded-for",
        "forwarded",
        "mcp-session_id",
        "dpop",
    ] {
        sent = sent.header(forged, "forged");
    }
    let sent = sent.header("mcp-param-region", "forged").header("origin", "http://localhost:1");
    let answer = t.send(sent.body(Body::from(call("any", json!({"a": 1})).to_string())).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (200, &json!(7)));
    let (_, headers, body) = seen.lock().unwrap().remove(0);
    assert_eq!(body, call("any", json!({"a": 1})));
    let id = answer.header("x-request-id").unwrap();
    let expected = [
        ("x-auth-subject", "%C3%A4lice"),
        ("x-auth-username", "alice"),
        ("x-auth-client-id", "c1"),
        ("x-auth-scope", "mcp:read mcp:write"),
        ("x-auth-issuer", &t.issuer.uri()),
        ("x-request-id", id),
        ("host", url.trim_start_matches("http://").trim_end_matches("/mcp")),
    ];
    for (name, value) in expected {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    let all = format!("{headers:?}");
    assert!(!all.contains("forged") && !all.contains(&token) && !all.contains("x-hop"), "{all}");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("origin"));
}

#[tokio::test]
async fn where_anybody_may_call_the_server_behind_is_told_of_nobody() {
    let (url, seen) = answering().await;
    let text = format!("[[surface]]\nid = \"open\"\nkind = \"no-auth\"\nupstream = \"{url}\"");
    let t = TestServer::start().await.with(Settings::parse(&text).unwrap());
    let sent = request("POST", "/mcp/open").header("content-type", "application/json").header("x-auth-subject", "root");
    let sent = sent.header("authorization", "Bearer something").body(Body::from(call("any", json!({})).to_string()));
    assert_eq!(t.send(sent.unwrap()).await.status, 200);
    let headers = seen.lock().unwrap().remove(0).1;
    assert!(!headers.keys().any(|name| name.as_str().starts_with("x-auth-") || name == "authorization"));
    assert_eq!(headers["accept"], "application/json, text/event-stream");
}

#[tokio::test]
async fn a_session_of_the_server_behind_is_its_principals_only() {
    let (url, seen) = answering().await;
    let t = guard(&url, "").await;
    let (alice, bob) = (t.token("mcp:read"), t.token_with(json!({"sub": "bob"})));
    let opened = t.post(&alice, &initialize("2025-11-25")).await;
    let session = opened.header("mcp-session-id").unwrap().to_owned();
    assert!(!session.contains("of-upstream"), "the client got the server's own id: {session}");
    assert_eq!(opened.header("set-cookie"), None);
    let send = async |method: &str, token: &str| {
        let sent = request(method, "/mcp/oauth").header("authorization", format!("Bearer {token}"));
        let sent = sent.header("content-type", "application/json").header("mcp-session-id", &session);
        let sent = sent.header("last-event-id", "9").header("mcp-protocol-version", "2025-11-25");
        let body = if method == "POST" { Body::from(call("any", json!({})).to_string()) } else { Body::empty() };
        t.send(sent.body(body).unwrap()).await
    };
    seen.lock().unwrap().clear();
    for method in ["POST", "GET", "DELETE"] {
        assert_eq!(send(method, &bob).await.status, 404, "{method}");
    }
    assert!(seen.lock().unwrap().is_empty(), "another's session reached the server behind");
    assert_eq!(send("POST", &alice).await.status, 200);
    let stream = send("GET", &alice).await;
    assert_eq!((stream.status.as_u16(), &stream.body[..]), (200, &b"data: {}\n\n"[..]));
    assert_eq!(send("DELETE", &alice).await.status, 204);
    assert_eq!(send("POST", &alice).await.status, 404, "it ended");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(method, ..)| method.as_str()).collect::<Vec<_>>(), ["POST", "GET", "DELETE"]);
    for (method, headers, _) in seen.iter() {
        assert_eq!(headers["mcp-session-id"], "of-upstream");
        assert_eq!(headers.contains_key("last-event-id"), method != "POST");
        assert_eq!(headers["mcp-protocol-version"], "2025-11-25");
    }
}
