//! What the guard judged is what the server behind it reads: the same bytes, described by the guard, and nothing that
//! another reader would read in another way.
mod descriptions;
mod disguises;
mod readers;
mod responses;

use crate::support::{RESOURCE, TestServer, bearer};
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
            for value in value.split('|') {
                map.append(&name, HeaderValue::from_str(value).unwrap());
            }
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
