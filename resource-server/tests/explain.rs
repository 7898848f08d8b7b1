//! `/debug/explain`: how a call would be judged, check by check, without anything happening.
use crate::{
    support::{ORIGIN, TestServer, ask, bearer, view},
    surfaces::{basic, credential, ping, post},
};
use axum::http::HeaderMap;
use serde_json::{Value, json};

/// In the order in which a gate makes them.
const CHECKS: [&str; 12] = [
    "origin",
    "rate_limit",
    "credential",
    "audience",
    "message",
    "sign_in",
    "session",
    "scope",
    "tool",
    "schema",
    "policy",
    "environment",
];

async fn explain(t: &TestServer, question: Value) -> Vec<Value> {
    let answer = ask(t, "POST", "/debug/explain", [127, 0, 0, 1], HeaderMap::new(), question.to_string()).await.json();
    answer["checks"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

/// The check that fails, and with which error. Those before passed, or were not judged for want of arguments; those
/// behind were not reached.
async fn failing(t: &TestServer, question: Value) -> Option<(String, String)> {
    let checks = explain(t, question.clone()).await;
    let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(names, CHECKS);
    let failed = checks.iter().position(|check| check["result"] == "failed");
    for (at, check) in checks.iter().enumerate() {
        let expected: &[&str] = match failed {
            Some(failed) if at == failed => &["failed"],
            Some(failed) if at > failed => &["not reached"],
            _ if question.get("arguments").is_none() => &["passed", "not judged"],
            _ => &["passed"],
        };
        assert!(expected.contains(&check["result"].as_str().unwrap()), "{question}: {checks:?}");
        assert_eq!(check["reason"].is_null(), check["result"] != "failed", "{check}");
    }
    let failed = &checks[failed?];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert!(failed["reason"]["description"].is_string(), "{failed}");
    Some((text(&failed["check"]), text(&failed["reason"]["error"])))
}

#[tokio::test]
async fn a_call_is_explained_check_by_check() {
    let t = TestServer::start().await;
    let of = |surface: &str, changes: Value| {
        let mut claims = json!({"aud": format!("{ORIGIN}/mcp/{surface}"), "scope": "mcp:admin"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        t.token_with(claims)
    };
    let admin = of("oauth", json!({}));
    let note = |content: &str| json!({"key": "k", "content": content});
    let oauth = |tool: &str, arguments: Value| json!({"surface": "oauth", "token": admin, "tool": tool, "arguments": arguments});
    let github = "X-GitHub-Token: ghp_test1234567890abcdefghijklmnopqrstuvwxyz";
    let cases = [
        (json!({"surface": "oauth", "token": admin}), None),
        (json!({"surface": "oauth", "token": admin, "tool": "whoami"}), None),
        (oauth("write_note", note("fine")), None),
        (json!({"surface": "security-keys", "header": github, "tool": "whoami", "arguments": {}}), None),
        (json!({"surface": "no-auth", "tool": "whoami", "arguments": {}}), None),
        (json!({"surface": "no-auth", "header": "Origin: https://evil.example"}), Some(("origin", "forbidden"))),
        (json!({"surface": "no-auth", "header": "Host: evil.example"}), Some(("origin", "misdirected_request"))),
        (json!({"surface": "oauth"}), Some(("credential", "unauthorized"))),
        (json!({"surface": "api-key", "token": admin}), Some(("credential", "invalid_token"))),
        (json!({"surface": "oauth", "token": of("oauth", json!({"exp": 1}))}), Some(("credential", "invalid_token"))),
        (json!({"surface": "oauth", "token": of("device", json!({}))}), Some(("audience", "invalid_token"))),
        (json!({"surface": "device", "token": of("device", json!({}))}), Some(("audience", "invalid_token"))),
        (json!({"surface": "no-auth", "header": "MCP-Protocol-Version: 1"}), Some(("message", "invalid_request"))),
        (oauth("no-such-tool", json!({})), Some(("tool", "unknown_tool"))),
        (
            json!({"surface": "oauth", "token": t.token("mcp:read"), "tool": "get_secret"}),
            Some(("scope", "insufficient_scope")),
        ),
        (oauth("write_note", json!({"key": 1})), Some(("schema", "invalid_request"))),
        (oauth("write_note", note("rm -rf /")), Some(("policy", "invalid_request"))),
        (oauth("dangerous_delete", json!({"target": "*", "confirm": true})), Some(("environment", "invalid_request"))),
        (
            json!({"surface": "oauth", "token": admin, "tool": "dangerous_delete"}),
            Some(("environment", "invalid_request")),
        ),
    ];
    for (question, expected) in cases {
        let expected = expected.map(|(check, error)| (check.to_owned(), error.to_owned()));
        assert_eq!(failing(&t, question.clone()).await, expected, "{question}");
    }
    for bad in [json!({}), json!({"surface": "no-such"}), json!({"surface": "basic", "token": "a", "header": "b: c"})] {
        let answer = ask(&t, "POST", "/debug/explain", [127, 0, 0, 1], HeaderMap::new(), bad.to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (400, "invalid_request"));
    }
}

/// What is explained is what happens, for arguments that not every reader reads alike too.
#[tokio::test]
async fn an_explanation_agrees_with_the_gate() {
    let t = TestServer::start().await;
    let arguments = [
        r#"{"key":"a","content":"b"}"#,
        r#"{"key":"a","content":"b","content":"c"}"#,
        r#"{"key":"a","content":"b","Content":"c"}"#,
        r#"{"key":"a","content":"\ud800"}"#,
        r#"{"key":"a","content":"b","__proto__":{}}"#,
        r#"{"key":"a","content":1e400}"#,
        r#"{"key":"a","content":"rm -rf"}"#,
        r#"{"key":"a"}"#,
        r#"{"target":"*","confirm":true}"#,
        r#"{"target":"*","confirm":1}"#,
        r#"{"message":"a","count":1e400}"#,
        r#"{"message":"a","count":1}"#,
        "[]",
        "7",
    ];
    for scope in ["", "mcp:read", "mcp:admin"] {
        let token = t.token(scope);
        for tool in ["write_note", "dangerous_delete", "echo", "Echo", "write_note\\u0000"] {
            for arguments in arguments {
                let question =
                    format!(r#"{{"surface":"oauth","token":"{token}","tool":"{tool}","arguments":{arguments}}}"#);
                let local = [127, 0, 0, 1];
                let answer = ask(&t, "POST", "/debug/explain", local, HeaderMap::new(), question).await;
                let Some(checks) = answer.json()["checks"].as_array().cloned() else {
                    assert_eq!(answer.status, 400, "{arguments}");
                    continue;
                };
                let failed =
                    checks.iter().find(|check| check["result"] == "failed").map(|check| check["check"].clone());
                let message = format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
                );
                t.send(bearer(&token).body(axum::body::Body::from(message)).unwrap()).await;
                let last = view(&t, "requests").await["requests"][0].clone();
                assert_eq!(last["failed_check"], failed.unwrap_or_default(), "{scope} {tool} {arguments}: {last}");
            }
        }
    }
}

#[tokio::test]
async fn explaining_has_no_side_effects_and_tells_of_locks() {
    let t = TestServer::start().await;
    let wrong = basic("testuser", "wrong");
    let question = |pair: &str| json!({"header": format!("Authorization: {pair}"), "surface": "basic"});
    let refused = |check: &str, error: &str| Some((check.to_owned(), error.to_owned()));
    for _ in 0..20 {
        assert_eq!(failing(&t, question(&wrong)).await, refused("credential", "invalid_token"));
    }
    assert_eq!(post(&t, "basic", credential(&t, "basic"), &ping()).await.status, 200);
    assert_eq!(view(&t, "audit").await["audit_events"], json!([]));
    assert_eq!(view(&t, "requests").await["requests"].as_array().unwrap().len(), 1);
    for _ in 0..5 {
        post(&t, "basic", crate::surfaces::headers(&[("authorization", &wrong)]), &ping()).await;
    }
    let right = basic("testuser", "testpass123");
    assert_eq!(failing(&t, question(&right)).await, refused("rate_limit", "rate_limit_exceeded"));
}
