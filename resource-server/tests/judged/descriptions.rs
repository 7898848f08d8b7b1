//! How a message is described to the server behind: by the guard, whatever the client says.
use super::Guarded;
use crate::support::{call, initialize, meta, request};
use axum::{body::Body, http::HeaderValue};
use serde_json::json;

#[tokio::test]
async fn attack_107_another_encoding_than_the_one_that_was_judged() {
    let hidden = r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"+ACI-,+ACI-method+ACI-:+ACI-tools/call"}}"#;
    let refused: [&[(&str, &str)]; 24] = [
        &[("content-type", "application/json; charset=utf-7")],
        &[("content-type", "application/json;charset=UTF-16LE")],
        &[("content-type", "application/json; charset=iso-8859-1")],
        &[("content-type", "application/json; charset=utf-8; charset=utf-7")],
        &[("content-type", "application/json; charset=utf-7; charset=utf-8")],
        &[("content-type", "application/json; Charset=\"utf-7\"")],
        &[("content-type", "application/json; charset='utf-8'")],
        &[("content-type", "application/json; charset=\"utf\\-7\"")],
        &[("content-type", "application/json; charset*=utf-8''utf-7")],
        &[("content-type", "application/json; a=b")],
        &[("content-type", "application/json; charset=utf-8, text/plain")],
        &[("content-type", "application/json, application/json")],
        &[("content-type", "application/json|application/json")],
        &[("content-type", "application/json|application/json; charset=utf-7")],
        &[("content-type", "application/vnd.api+json")],
        &[("content-type", "text/json")],
        &[("content-type", "")],
        &[("content-encoding", "gzip")],
        &[("content-encoding", "identity, gzip")],
        &[("content-encoding", "identity|gzip")],
        &[("content-encoding", "identity|identity")],
        &[("content-encoding", "br")],
        &[("content-encoding", "")],
        &[("content-type", "application/json"), ("content-encoding", "deflate")],
    ];
    for g in Guarded::both().await {
        for headers in refused {
            let answer = g.post("mcp:admin", headers, hidden).await;
            assert_eq!(answer.status, 415, "{headers:?}: {answer:?}");
            assert_eq!(answer.json()["error"], "unsupported_media_type");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
            g.assert_nothing_came(&format!("{headers:?}"));
        }
        for headers in [
            ("content-type", "application/json"),
            ("content-type", "Application/JSON ; Charset=UTF-8"),
            ("content-type", "application/json;charset=\"utf-8\""),
            ("content-type", "application/json;"),
            ("content-encoding", "Identity"),
        ] {
            let more = [headers, ("content-language", "de"), ("content-md5", "a"), ("content_type", "text/plain")];
            assert_eq!(g.post("", &more, hidden).await.status, 200, "{headers:?}");
            let (_, headers, body) = g.take().remove(0);
            let about: Vec<_> = headers.iter().filter(|(name, _)| name.as_str().starts_with("content")).collect();
            assert_eq!(about.len(), 2, "{about:?}");
            assert_eq!(
                (&headers["content-type"], &body[..]),
                (&HeaderValue::from_static("application/json"), hidden.as_bytes())
            );
        }
    }
}

#[tokio::test]
async fn attack_113_a_body_where_there_is_no_message() {
    for g in Guarded::both().await {
        let token = g.t.token("mcp:read");
        let opened = g.post("mcp:read", &[], initialize("2025-11-25").to_string()).await;
        let session = opened.header("mcp-session-id").unwrap().to_owned();
        g.take();
        for method in ["GET", "DELETE"] {
            let sent = request(method, "/mcp/oauth").header("authorization", format!("Bearer {token}"));
            let sent = sent.header("mcp-session-id", &session).header("content-type", "application/json");
            let sent = sent.header("mcp-method", "tools/call").header("content-encoding", "gzip");
            let body = call("delete", json!({})).to_string();
            let sent = sent.header("content-length", body.len()).body(Body::from(body)).unwrap();
            assert_eq!(g.t.send(sent).await.status, 200, "{method}");
            let (reached, headers, body) = g.take().remove(0);
            assert_eq!((reached.as_str(), body.len()), (method, 0));
            for name in ["content-type", "content-encoding", "transfer-encoding", "mcp-method"] {
                assert!(!headers.contains_key(name), "{method} {name}");
            }
            assert!(headers.get("content-length").is_none_or(|length| length == "0"), "{headers:?}");
            assert_eq!(headers["mcp-session-id"], "of-upstream");
        }
    }
}

#[tokio::test]
async fn attack_115_headers_that_say_another_thing_than_the_message() {
    for g in Guarded::both().await {
        // Of earlier revisions, nobody compares them.
        let said = [
            ("mcp-method", "ping"),
            ("mcp-name", "any"),
            ("mcp-param-path", "/public"),
            ("mcp-made-up", "1"),
            ("mcp_method", "ping"),
            ("mcp-session_id", "b"),
            ("last-event-id", "9"),
        ];
        let body = call("any", json!({"path": "/secret"})).to_string();
        assert_eq!(g.post("mcp:read", &said, body).await.status, 200);
        let (_, headers, _) = g.take().remove(0);
        for (name, _) in said {
            assert!(!headers.contains_key(name), "{name}");
        }
        let arguments = json!({"path": "ä", "n": 5, "deep": {"Some_Region": "eu", "on": true}, "b": "eu2"});
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {"name": "ünï", "arguments": arguments, "_meta": meta()}});
        let modern = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?w7xuw68=?="),
            ("mcp-session-id", "of-another"),
        ];
        let with = |more: &[(&'static str, &'static str)]| [&modern[..], more].concat();
        let good = [
            ("mcp-param-path", "=?base64?w6Q=?="),
            ("mcp-param-n", "5"),
            ("mcp-param-someregion", "eu"),
            ("mcp-param-elsewhere", "eu2"),
        ];
        let answer = g.post("mcp:read", &with(&good), body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let (_, headers, _) = g.take().remove(0);
        for (name, value) in good.iter().chain(&modern[..3]) {
            assert_eq!(headers.get_all(*name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
        assert!(!headers.contains_key("mcp-session-id"));
        for (method, member) in [("tasks/get", "taskId"), ("resources/subscribe", "uri"), ("vendor/run", "name")] {
            let mut params = json!({"_meta": meta()});
            params[member] = json!("b/c");
            let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
            for (name, status, written) in [("b/c", 200, Some("b/c")), ("d", 400, None)] {
                let said = [modern[0], ("mcp-method", method), ("mcp-name", name)];
                let (written, status) = if member == "name" { (None, 200) } else { (written, status) };
                assert_eq!(g.post("mcp:read", &said, body.clone()).await.status, status, "{method} {name}");
                let got = g.take();
                let got = got.first().and_then(|(_, headers, _)| headers.get("mcp-name"));
                assert_eq!(got.map(|name| name.to_str().unwrap()), written, "{method} {name}");
            }
        }
        for bad in [("mcp-param-path", "eu2"), ("mcp-param-n", "6"), ("mcp-param-other", "no"), ("mcp-param-n", "5|5")]
        {
            let answer = g.post("mcp:read", &with(&[bad]), body.to_string()).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32020)), "{bad:?}");
            g.assert_nothing_came(bad.0);
        }
        // Looking for what a header repeats comes to an end, and there is no looking for many headers.
        let many = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "ünï",
            "arguments": {"path": "ä", "all": vec![json!({"n": 5}); 10_000]}, "_meta": meta()}});
        assert_eq!(g.post("mcp:read", &with(&[]), many.to_string()).await.status, 200);
        g.take();
        let names: Vec<_> = (0..33).map(|number| format!("mcp-param-n{number}")).collect();
        let names: Vec<_> = names.into_iter().map(|name| (&*name.leak(), "5")).collect();
        for (said, body) in [(&good[1..2], &many), (&names[..], &body)] {
            let answer = g.post("mcp:read", &with(said), body.to_string()).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32020)), "{said:?}");
            g.assert_nothing_came("too many");
        }
    }
}

#[tokio::test]
async fn attack_120_the_same_subject_of_two_issuers_or_of_two_kinds() {
    let g = Guarded::start("").await;
    assert_eq!(
        g.post("mcp:read", &[("x-auth-issuer", "https://forged.example")], call("any", json!({})).to_string())
            .await
            .status,
        200
    );
    let (_, headers, _) = g.take().remove(0);
    let issuer = g.t.issuer.uri();
    assert_eq!(headers.get_all("x-auth-issuer").iter().collect::<Vec<_>>(), [issuer.as_str()]);
    assert_eq!(headers["x-auth-subject"], "alice");
    let basic = "users = [{ username = \"alice\", password = \"long-enough\" }]\n";
    let g = Guarded::of_kind("basic", basic).await;
    let sent = request("POST", "/mcp/oauth").header("authorization", crate::surfaces::basic("alice", "long-enough"));
    let sent = sent.header("content-type", "application/json").body(Body::from(call("any", json!({})).to_string()));
    assert_eq!(g.t.send(sent.unwrap()).await.status, 200);
    let (_, headers, _) = g.take().remove(0);
    assert_eq!(
        (&headers["x-auth-issuer"], &headers["x-auth-subject"]),
        (&HeaderValue::from_static("basic"), &HeaderValue::from_static("alice"))
    );
}
