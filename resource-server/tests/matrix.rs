//! Every surface with its own credential, none, a bad one and those of all others, by both transports, in all
//! revisions.
use crate::{
    support::{Answer, TestServer, call, initialize, meta, request},
    surfaces::{SURFACES, credential, headers, post, with_bearer},
};
use axum::{body::Body, http::HeaderMap};
use serde_json::{Value, json};
use tower::ServiceExt;

const MODERN: &str = "2026-07-28";
const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN];

/// Whose credential is brought.
#[derive(Clone, Copy, Debug)]
enum Brought {
    Of(&'static str),
    /// What a login on the session surface brings.
    SessionToken(&'static str),
    /// An API key that somebody made there.
    OwnKey(&'static str),
    None,
    Bad,
}

impl Brought {
    async fn all(t: &TestServer) -> Vec<Self> {
        let login = call("authenticate_user", json!({"username": "alice", "password": "password123"}));
        let token = text(&post(t, "session", HeaderMap::new(), &login).await, "access_token");
        let make = call("create_api_key", json!({"name": "n"}));
        let key = text(&with_bearer(t, "session", token, &make).await, "api_key");
        let of_session = [Self::SessionToken(token), Self::OwnKey(key)];
        SURFACES.into_iter().map(Self::Of).chain([Self::None, Self::Bad]).chain(of_session).collect()
    }

    fn headers(self, t: &TestServer, at: &str) -> HeaderMap {
        match (self, at) {
            (Self::Of(surface), _) => credential(t, surface),
            (Self::SessionToken(text) | Self::OwnKey(text), _) => {
                headers(&[("authorization", &format!("Bearer {text}"))])
            }
            (Self::None, _) => HeaderMap::new(),
            (Self::Bad, "basic") => headers(&[("authorization", "Basic dGVzdHVzZXI6d3Jvbmc=")]),
            (Self::Bad, "security-keys") => headers(&[("x-github-token", "wrong")]),
            (Self::Bad, _) => headers(&[("authorization", "Bearer wrong")]),
        }
    }

    fn is_good(self, at: &str) -> bool {
        match (self, at) {
            (_, "no-auth")
            | (Self::OwnKey(_), "api-key" | "session")
            | (Self::None | Self::SessionToken(_) | Self::Of("no-auth" | "security-keys"), "session") => true,
            (Self::Of(of), _) => of == at,
            _ => false,
        }
    }

    /// Nothing of the scheme of the surface counts as nothing at all.
    fn error(self, at: &str) -> &'static str {
        let scheme = |surface| match surface {
            "basic" => "Basic",
            "security-keys" => "SecurityKey",
            "no-auth" | "session" => "none",
            _ => "Bearer",
        };
        match self {
            // Nothing is needed there; what is brought must be good.
            _ if at == "session" => "invalid_token",
            Self::Bad => "invalid_token",
            Self::Of(of) if scheme(of) == scheme(at) => "invalid_token",
            Self::SessionToken(_) | Self::OwnKey(_) if scheme(at) == "Bearer" => "invalid_token",
            _ => "unauthorized",
        }
    }
}

/// A member of what a tool answered, for as long as the test runs.
fn text(answer: &Answer, member: &str) -> &'static str {
    let content = answer.json()["result"]["structuredContent"][member].clone();
    content.as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned().leak()
}

/// A message of the revision, with the headers that it needs.
fn message(revision: &str, method: &str) -> (HeaderMap, Value) {
    let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    if revision == MODERN {
        message["params"] = json!({"_meta": meta()});
        return (headers(&[("mcp-protocol-version", revision), ("mcp-method", method)]), message);
    }
    if method == "initialize" {
        message = initialize(revision);
    }
    let headers =
        if revision < "2025-06-18" { HeaderMap::new() } else { headers(&[("mcp-protocol-version", revision)]) };
    (headers, message)
}

#[tokio::test]
async fn every_surface_answers_every_revision_to_its_own_credential_and_refuses_all_others() {
    let t = TestServer::start().await;
    let all = Brought::all(&t).await;
    for (at, revision) in SURFACES.into_iter().flat_map(|at| REVISIONS.map(|revision| (at, revision))) {
        let first = if revision == MODERN { "server/discover" } else { "initialize" };
        for brought in all.iter().copied() {
            for method in [first, "tools/list"] {
                let (mut named, message) = message(revision, method);
                named.extend(brought.headers(&t, at));
                let mut request = request("POST", &format!("/mcp/{at}")).header("content-type", "application/json");
                request.headers_mut().unwrap().extend(named);
                let answer = t.send(request.body(Body::from(message.to_string())).unwrap()).await;
                let case = format!("{brought:?} at {at} in {revision}, {method}: {answer:?}");
                if !brought.is_good(at) {
                    assert_eq!(answer.status, 401, "{case}");
                    assert_eq!(answer.json()["error"], brought.error(at), "{case}");
                    assert!(answer.header("www-authenticate").is_some(), "{case}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{case}");
                let result = &answer.json()["result"];
                match method {
                    "initialize" => assert_eq!(result["protocolVersion"], revision, "{case}"),
                    "server/discover" => {
                        assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)), "{case}");
                    }
                    _ => assert!(!result["tools"].as_array().unwrap().is_empty(), "{case}"),
                }
                let has_session = method == "initialize" && revision != "2024-11-05";
                assert_eq!(answer.header("mcp-session-id").is_some(), has_session, "{case}");
                assert_eq!(result.get("resultType").is_some(), revision == MODERN, "{case}");
            }
        }
    }
}

/// Status and body of what is answered at once; a stream that opens is only looked at.
async fn status(t: &TestServer, method: &str, path: &str, brought: HeaderMap, body: &Value) -> (u16, Option<Value>) {
    let mut request = request(method, path).header("content-type", "application/json");
    request.headers_mut().unwrap().extend(brought);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = t.router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        assert_eq!(answer.headers()["x-accel-buffering"], "no");
        return (status, None);
    }
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).ok())
}

/// What is answered on open streams is in the tests of the transport itself.
#[tokio::test]
async fn every_stream_and_every_place_of_messages_refuses_all_but_its_own_credential() {
    let t = TestServer::start().await;
    let all = Brought::all(&t).await;
    for (at, revision) in SURFACES.into_iter().flat_map(|at| REVISIONS.map(|revision| (at, revision))) {
        for brought in all.iter().copied() {
            let places = [("GET", format!("/sse/{at}")), ("POST", format!("/messages/{at}?session_id=made-up"))];
            for (method, path) in places {
                let (mut named, message) = message(revision, "tools/list");
                named.extend(brought.headers(&t, at));
                let (status, body) = status(&t, method, &path, named, &message).await;
                let expected = match (brought.is_good(at), method, revision) {
                    (false, ..) => 401,
                    (true, "GET", MODERN) => 405,
                    (true, "GET", _) => 200,
                    (true, _, MODERN) => 400,
                    (true, ..) => 404,
                };
                assert_eq!(status, expected, "{brought:?} at {path} in {revision}: {body:?}");
                if status == 401 {
                    assert_eq!(body.unwrap()["error"], brought.error(at), "{brought:?} at {path}");
                }
            }
        }
    }
}
