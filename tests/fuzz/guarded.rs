//! A guard whose issuer gives a few fixed responses, so that tests control the issuer's keys.
use super::{jws::Keys, world::silent};
use crate::support::app::{Answer, MCP, send};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request, routing::post};
use keyward_guard::{Guard, clock::Clock};
use serde_json::json;
use std::net::SocketAddr;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

pub struct Guarded {
    pub issuer: String,
    router: Router,
    _server: MockServer,
}

impl Guarded {
    /// Whose guard has this clock.
    pub async fn start(keys: &Keys, clock: Clock) -> Self {
        let server = silent().await;
        let issuer = format!("http://{}", server.address());
        let metadata = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")});
        for (path, answer) in [("/.well-known/oauth-authorization-server", metadata), ("/jwks", keys.jwks())] {
            let answer = ResponseTemplate::new(200).set_body_json(answer);
            Mock::given(matchers::path(path)).respond_with(answer).mount(&server).await;
        }
        let router = Guard::new(MCP, &issuer).unwrap().clock(clock).protect(post(async || "reached"));
        Self { issuer, router, _server: server }
    }

    /// `None` if this is no request that HTTP can carry.
    pub async fn call(&self, authorization: &[u8], more: &[(&str, &[u8])]) -> Option<Answer> {
        let request = Request::post("/mcp").header("host", "mcp.example").header("content-type", "application/json");
        let request = request.header("authorization", authorization);
        let request = more.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(Body::from(PING)).ok()?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        Some(send(&self.router, request).await)
    }
}

/// How it ended; the guard too must have no failures.
pub fn end(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let challenge = answer.header("www-authenticate");
    assert!(status == 200 || ([400, 401].contains(&status) && !challenge.is_empty()), "{answer:?}");
    assert!(!challenge.contains("zQ9x"), "input in a challenge: {answer:?}");
    format!("guard {status} {challenge}")
}
