//! What the guard judged is what the server behind it reads: the same bytes, described by the guard, and nothing that
//! another reader would read in another way.
mod disguises;
mod readers;
mod responses;

use crate::support::{RESOURCE, TestServer, bearer, call, meta, request};
use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
    routing::any,
};
use keyward_resource_server::{Guard, Settings, router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What reached the server behind: method, headers, body.
type Got = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A guard, and what its server got.
struct Guarded {
    t: TestServer,
    got: Got,
}

async fn keep(got: &Got, request: Request) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    got.lock().unwrap().push((parts.method.to_string(), parts.headers, body));
}

fn result() -> Response {
    Json(json!({"jsonrpc": "2.0", "id": 7, "result": {}})).into_response()
}

impl Guarded {
    /// In front of a server on a port of its own, with rules.
    async fn start(rules: &str) -> Self {
        Self::of_kind("oauth", rules).await
    }

    async fn of_kind(kind: &str, more: &str) -> Self {
        let got = Got::default();
        let kept = Arc::clone(&got);
        let answer = move |request: Request| async move {
            keep(&kept, request).await;
            ([("mcp-session-id", "of-upstream")], result())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, Router::new().route("/mcp", any(answer))).into_future());
        let t = TestServer::start().await;
        let text = format!("[[surface]]\nid = \"oauth\"\nkind = \"{kind}\"\nupstream = \"{url}\"\n{more}");
        let settings = Settings { clock: t.clock.clone(), issuer: t.issuer.uri(), ..Settings::parse(&text).unwrap() };
        Self { t: TestServer { router: router(&settings).unwrap(), ..t }, got }
    }

    /// Around a service in the same process.
    async fn library() -> Self {
        let (t, got) = (TestServer::start().await, Got::default());
        let kept = Arc::clone(&got);
        let server = any(move |request: Request| async move {
            keep(&kept, request).await;
            ([("mcp-session-id", "of-upstream")], result())
        });
        let guard = Guard::new(RESOURCE, &t.issuer.uri()).unwrap().clock(t.clock.clone()).other_tools("mcp:read");
        Self { t: TestServer { router: guard.tool("delete", "mcp:tools:admin").protect(server), ..t }, got }
    }

    async fn both() -> [Self; 2] {
        [Self::start(ADMIN).await, Self::library().await]
    }

    /// A POST of this very body.
    async fn post(&self, scope: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> crate::support::Answer {
        let mut sent = bearer(&self.t.token(scope));
        for (name, value) in headers {
            let map = sent.headers_mut().unwrap();
            let name: HeaderName = name.parse().unwrap();
            map.remove(&name);
            value.split('|').for_each(|value| drop(map.append(&name, HeaderValue::from_str(value).unwrap())));
        }
        self.t.send(sent.body(body.into()).unwrap()).await
    }

    fn take(&self) -> Vec<(String, HeaderMap, Bytes)> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    fn assert_nothing_came(&self, why: &str) {
        assert!(self.take().is_empty(), "{why} reached the server behind");
    }
}

const ADMIN: &str = "tool_scopes = { delete = \"mcp:tools:admin\" }\n";

#[tokio::test]
async fn digits_escapes_order_and_spaces_arrive_as_they_were_sent() {
    let texts = [
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any","arguments":{"z":-0,"a":1e400,"m":[1.0,1E+2,-0.0e-0]}}}"#,
        r#"{"params":{"arguments":{"n":123456789012345678901234567890.10},"name":"any"},"method":"tools/call","id":7,"jsonrpc":"2.0"}"#,
        "\r\n { \"jsonrpc\" : \"2.0\",\t\"id\":\"\\u0061\",\n\"method\":\"tools\\/call\",\"params\":{\"name\":\"\\u0061ny\",\"arguments\":{\"\\u00e4\":\"ä\\ud83d\\ude00😀\\/\\u0000\"}}}\n",
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":18446744073709551616,"A":1,"a":2}}"#,
    ];
    for g in Guarded::both().await {
        for text in texts {
            let answer = g.post("mcp:read", &[], text).await;
            assert_eq!(answer.status, 200, "{text}: {answer:?}");
            let (_, headers, body) = g.take().remove(0);
            assert_eq!(String::from_utf8_lossy(&body), text);
            assert_eq!(headers["content-type"], "application/json");
            assert_eq!(headers["content-length"], text.len().to_string().as_str());
            assert!(!headers.contains_key("transfer-encoding") && !headers.contains_key("content-encoding"));
        }
    }
}

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

/// Whatever is wrong is said, and to whom.
#[tokio::test]
async fn what_is_malformed_is_said_with_its_place_to_the_request_it_is_about() {
    let g = Guarded::start("").await;
    let deep = format!(
        r#"{{"method":"ping","params":{{"a":{0}1{1}}},"jsonrpc":"2.0","id":"x"}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let cases: [(&[u8], &str, Value, Value); 14] = [
        (
            br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\ud800"}}"#,
            "half of a surrogate",
            json!(7),
            Value::Null,
        ),
        (
            br#"{"method":"ping","params":{"a":"\udc00x"},"jsonrpc":"2.0","id":"x"}"#,
            "half of a surrogate",
            json!("x"),
            Value::Null,
        ),
        (br#"{"jsonrpc":"2.0","id":7,"method":"ping"}{}"#, "follows", json!(7), Value::Null),
        (br#"{"jsonrpc":"2.0","id":7,"method":"ping""#, "ends too early", json!(7), Value::Null),
        (br#"{"jsonrpc":"2.0","method":"ping","id":7"#, "ends too early", Value::Null, Value::Null),
        (b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"\xff\"}", "not UTF-8", json!(7), Value::Null),
        (
            br#"{"jsonrpc":"2.0","id":7,"method":"ping","m\u0065thod":"ping"}"#,
            "occurs twice",
            json!(7),
            json!("method"),
        ),
        (
            br#"{"jsonrpc":"2.0","id":7,"params":{"a":{"\n\u00e4":1,"\n\u00e4":1}}}"#,
            "occurs twice",
            json!(7),
            json!("\\n\\u{e4}"),
        ),
        (br#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#, "occurs twice", Value::Null, json!("id")),
        (br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":01}}"#, "another character", json!(7), Value::Null),
        (
            br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}"#,
            "a JSON value belongs",
            json!(7),
            Value::Null,
        ),
        (b"\xEF\xBB\xBF{}", "byte order mark", Value::Null, Value::Null),
        (b"{\0\"\0", "another character", Value::Null, Value::Null),
        (deep.as_bytes(), "100 levels", json!("x"), Value::Null),
    ];
    for (body, reason, id, member) in cases {
        let shown = String::from_utf8_lossy(body);
        let answer = g.post("mcp:read", &[], body.to_vec()).await;
        assert_eq!(answer.status, 400, "{shown}");
        let error = answer.json();
        assert_eq!((&error["id"], &error["error"]["code"]), (&id, &json!(-32700)), "{shown}");
        let data = &error["error"]["data"];
        assert!(data["reason"].as_str().unwrap().contains(reason), "{shown}: {data}");
        assert_eq!(data["member"], member, "{shown}");
        assert!(data["at"].is_u64());
        g.assert_nothing_came(&shown);
    }
}

#[tokio::test]
async fn attack_113_a_body_where_there_is_no_message() {
    for g in Guarded::both().await {
        let token = g.t.token("mcp:read");
        assert_eq!(g.post("mcp:read", &[], crate::support::initialize("2025-11-25").to_string()).await.status, 200);
        g.take();
        for method in ["GET", "DELETE"] {
            let sent = request(method, "/mcp/oauth").header("authorization", format!("Bearer {token}"));
            let sent = sent.header("mcp-session-id", "of-upstream").header("content-type", "application/json");
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
