//! Every surface: what it takes, what it says to everything else, and on which transports.
use crate::support::{Answer, ORIGIN, TestServer, call, request};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Request},
};
use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use std::net::SocketAddr;
use time::Duration;

pub const SURFACES: [&str; 9] = [
    "oauth",
    "client-credentials",
    "device",
    "bearer-token",
    "api-key",
    "basic",
    "security-keys",
    "no-auth",
    "session",
];
/// Those that let everybody in.
const OPEN: [&str; 2] = ["no-auth", "session"];
const OAUTH: [&str; 3] = ["oauth", "client-credentials", "device"];

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", Base64::encode_string(format!("{name}:{password}").as_bytes()))
}

/// What each surface takes; nothing for the open one.
pub fn credential(t: &TestServer, surface: &str) -> HeaderMap {
    let token = |changes: Value| {
        let mut claims = json!({"aud": format!("{ORIGIN}/mcp/{surface}"), "scope": "mcp:admin"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        format!("Bearer {}", t.token_with(claims))
    };
    let (name, value) = match surface {
        "oauth" => ("authorization", token(json!({}))),
        "client-credentials" => ("authorization", token(json!({"sub": "c1"}))),
        "device" => ("authorization", token(json!({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}))),
        "bearer-token" => ("authorization", "Bearer test-bearer-token".to_owned()),
        "api-key" => ("authorization", "Bearer test-api-key-12345".to_owned()),
        "basic" => ("authorization", basic("testuser", "testpass123")),
        "security-keys" => ("x-github-token", "ghp_test1234567890abcdefghijklmnopqrstuvwxyz".to_owned()),
        _ => return HeaderMap::new(),
    };
    headers(&[(name, &value)])
}

pub fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut all = HeaderMap::new();
    for (name, value) in pairs.iter().map(header) {
        all.append(name, value);
    }
    all
}

fn request_to(path: &str, headers: HeaderMap, message: &Value) -> Request<Body> {
    let mut request = request("POST", path).header("content-type", "application/json");
    request.headers_mut().unwrap().extend(headers);
    request.body(Body::from(message.to_string())).unwrap()
}

pub async fn post(t: &TestServer, surface: &str, headers: HeaderMap, message: &Value) -> Answer {
    t.send(request_to(&format!("/mcp/{surface}"), headers, message)).await
}

pub fn ping() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})
}

async fn called(t: &TestServer, surface: &str, tool: &str, arguments: Value) -> Value {
    let answer = post(t, surface, credential(t, surface), &call(tool, arguments)).await;
    assert_eq!(answer.status, 200, "{surface} {answer:?}");
    answer.json()
}

pub fn challenge(answer: &Answer) -> &str {
    assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1, "{answer:?}");
    answer.header("www-authenticate").unwrap()
}

fn prm(surface: &str) -> String {
    format!("{ORIGIN}/.well-known/oauth-protected-resource/mcp/{surface}")
}

#[tokio::test]
async fn each_surface_takes_its_own_credential_and_refuses_those_of_all_others() {
    let t = TestServer::start().await;
    for at in SURFACES {
        for of in SURFACES {
            let answer = post(&t, at, credential(&t, of), &ping()).await;
            // On `session` a credential is not needed; one that is brought must be good.
            let good = at == of || at == "no-auth" || (at == "session" && ["no-auth", "security-keys"].contains(&of));
            assert_eq!(answer.status, if good { 200 } else { 401 }, "{of} at {at}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_credential_is_answered_with_the_scheme_of_the_surface_and_no_error() {
    let t = TestServer::start().await;
    for surface in SURFACES.into_iter().filter(|surface| !OPEN.contains(surface)) {
        let answer = post(&t, surface, HeaderMap::new(), &ping()).await;
        assert_eq!(answer.status, 401, "{surface}");
        let body = answer.json();
        assert_eq!(body["error"], "unauthorized");
        assert_eq!(body["error_description"], body["detail"]);
        assert_eq!(body["request_id"], answer.header("x-request-id").unwrap());
        let realm = "realm=\"Keyward demo server\"";
        let expected = match surface {
            "basic" => format!("Basic {realm}, charset=\"UTF-8\""),
            "security-keys" => format!("SecurityKey {realm}, headers=\"X-Brave-Key X-GitHub-Token\""),
            "bearer-token" | "api-key" => format!("Bearer {realm}"),
            // The least that its fixture clients hold.
            "client-credentials" => {
                format!("Bearer {realm}, resource_metadata=\"{}\", scope=\"mcp:tools:read\"", prm(surface))
            }
            _ => format!("Bearer {realm}, resource_metadata=\"{}\", scope=\"mcp:read\"", prm(surface)),
        };
        assert_eq!(challenge(&answer), expected, "{surface}");
        let accepted = (surface == "security-keys").then(|| json!(["X-Brave-Key", "X-GitHub-Token"]));
        assert_eq!(body.get("accepted_headers"), accepted.as_ref(), "{surface}");
    }
}

#[tokio::test]
async fn a_bad_credential_is_answered_with_the_scheme_of_the_surface_and_an_error() {
    let t = TestServer::start().await;
    for surface in SURFACES.into_iter().filter(|surface| *surface != "no-auth") {
        let bad = match surface {
            "basic" => headers(&[("authorization", &basic("tell-tale", "tell-tale"))]),
            "security-keys" => headers(&[("x-github-token", "tell-tale")]),
            _ => headers(&[("authorization", "Bearer tell-tale")]),
        };
        let answer = post(&t, surface, bad, &ping()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (401, "invalid_token"));
        let challenge = challenge(&answer);
        assert_eq!(challenge.contains("resource_metadata"), OAUTH.contains(&surface), "{challenge}");
        let names_error = !["basic", "security-keys"].contains(&surface);
        assert_eq!(challenge.contains("error=\"invalid_token\""), names_error, "{challenge}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("tell-tale"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_token_of_another_grant_is_refused_naming_the_grant() {
    let t = TestServer::start().await;
    for surface in ["client-credentials", "device"] {
        let aud = format!("{ORIGIN}/mcp/{surface}");
        for claims in [json!({"aud": aud}), json!({"aud": aud, "grant_type": "authorization_code"})] {
            let token = format!("Bearer {}", t.token_with(claims));
            let answer = post(&t, surface, headers(&[("authorization", &token)]), &ping()).await;
            assert_eq!(answer.status, 401);
            assert!(challenge(&answer).contains("error_description=\"grant: "), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_credential_given_twice_is_one_too_many() {
    let t = TestServer::start().await;
    for surface in ["bearer-token", "api-key"] {
        let mut twice = credential(&t, surface);
        twice.append("authorization", HeaderValue::from_static("Bearer another"));
        let answer = post(&t, surface, twice, &ping()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (400, "invalid_request"));
    }
}

#[tokio::test]
async fn only_oauth_surfaces_have_metadata() {
    let t = TestServer::start().await;
    for surface in SURFACES {
        for path in [format!("/mcp/{surface}"), format!("/sse/{surface}")] {
            let answer = t.get(&format!("/.well-known/oauth-protected-resource{path}")).await;
            if OAUTH.contains(&surface) {
                assert_eq!(answer.json()["resource"], format!("{ORIGIN}{path}"));
            } else {
                assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (404, "not_found"));
            }
            let named = t.get(&format!("/.well-known/oauth-protected-resource?resource={ORIGIN}{path}")).await;
            assert_eq!(named.status, if OAUTH.contains(&surface) { 200 } else { 404 }, "{path}");
        }
    }
}

#[tokio::test]
async fn an_alias_is_an_identifier_of_the_same_surface() {
    let t = TestServer::start().await;
    assert_eq!(t.get("/.well-known/oauth-protected-resource/mcp").await.json()["resource"], format!("{ORIGIN}/mcp"));
    for audience in ["/mcp", "/mcp/oauth", "/sse/oauth"] {
        let token = format!("Bearer {}", t.token_with(json!({"aud": format!("{ORIGIN}{audience}")})));
        for path in ["/mcp", "/mcp/oauth"] {
            let answer = t.send(request_to(path, headers(&[("authorization", &token)]), &ping())).await;
            assert_eq!(answer.status, 200, "{audience} at {path}");
        }
    }
    let refused = t.send(request_to("/mcp", HeaderMap::new(), &ping())).await;
    assert!(challenge(&refused).contains("/oauth-protected-resource/mcp\""), "{refused:?}");
}

#[tokio::test]
async fn whoami_tells_each_kind_of_caller_apart() {
    let t = TestServer::start().await;
    let cases = [
        ("bearer-token", "Bearer", true),
        ("api-key", "Bearer", true),
        ("basic", "Basic", true),
        ("security-keys", "SecurityKey", true),
        ("device", "Bearer", true),
    ];
    for (surface, scheme, authenticated) in cases {
        let who = called(&t, surface, "whoami", json!({})).await["result"]["structuredContent"].clone();
        assert_eq!((&who["surface"], &who["scheme"]), (&json!(surface), &json!(scheme)));
        assert_eq!(who["authenticated"], authenticated);
    }
    let who = called(&t, "basic", "whoami", json!({})).await;
    assert_eq!(who["result"]["structuredContent"]["identity"], "testuser");
}

#[tokio::test]
async fn a_password_may_hold_every_character_and_a_user_name_no_colon() {
    let t = TestServer::start().await;
    let punctuation: String = (' '..='~').filter(char::is_ascii_punctuation).collect();
    let good = headers(&[("authorization", &basic("punctuation", &punctuation))]);
    assert_eq!(post(&t, "basic", good, &ping()).await.status, 200);
    for bad in [basic("nobody", "testpass123"), basic("testuser", ""), basic("", ""), "Basic dGVzdA==".to_owned()] {
        let answer = post(&t, "basic", headers(&[("authorization", &bad)]), &ping()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (401, "invalid_token"), "{bad}");
    }
    for none in ["Basic", "Basic ", "Digest x"] {
        let answer = post(&t, "basic", headers(&[("authorization", none)]), &ping()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (401, "unauthorized"), "{none}");
    }
}

#[tokio::test]
async fn one_good_security_key_is_enough_and_one_bad_is_too_many() {
    let t = TestServer::start().await;
    let (github, brave) =
        ("ghp_test1234567890abcdefghijklmnopqrstuvwxyz", "BSA_test1234567890abcdefghijklmnopqrstuvwxyz");
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("x-github-token", github)], 200),
        (&[("x-brave-key", brave)], 200),
        (&[("x-github-token", github), ("x-brave-key", brave)], 200),
        (&[("x-github-token", github), ("x-brave-key", "wrong")], 401),
        (&[("x-github-token", brave)], 401),
        (&[("x-github-token", github), ("x-github-token", github)], 401),
    ];
    for (pairs, status) in cases {
        assert_eq!(post(&t, "security-keys", headers(pairs), &ping()).await.status, status, "{pairs:?}");
    }
}

pub async fn mint(t: &TestServer, body: &str) -> Answer {
    let request = request("POST", "/test-auth/bearer-token/mint").header("content-type", "application/json");
    t.send(here(request.body(Body::from(body.to_owned())).unwrap())).await
}

/// From this machine.
pub fn here(mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
    request
}

pub async fn with_bearer(t: &TestServer, surface: &str, token: &str, message: &Value) -> Answer {
    post(t, surface, headers(&[("authorization", &format!("Bearer {token}"))]), message).await
}

#[tokio::test]
async fn a_minted_token_is_good_there_for_as_long_as_was_asked() {
    let t = TestServer::start().await;
    let answer = mint(&t, "").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")));
    let minted = answer.json();
    let token = minted["access_token"].as_str().unwrap();
    assert!(token.starts_with("static_") && token.len() >= 50, "{token}");
    assert_eq!((&minted["token_type"], &minted["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(with_bearer(&t, "bearer-token", token, &ping()).await.status, 200);
    assert_eq!(with_bearer(&t, "api-key", token, &ping()).await.status, 401);
    t.clock.advance(Duration::seconds(300));
    assert_eq!(with_bearer(&t, "bearer-token", token, &ping()).await.status, 401);
}

#[tokio::test]
async fn a_minted_token_is_limited_to_the_scope_asked_for() {
    let t = TestServer::start().await;
    let minted = mint(&t, r#"{"ttl": 3600, "scope": "mcp:read"}"#).await.json();
    assert_eq!(minted["expires_in"], 3600);
    let token = minted["access_token"].as_str().unwrap();
    assert_eq!(with_bearer(&t, "bearer-token", token, &call("whoami", json!({}))).await.status, 200);
    let write = call("write_note", json!({"key": "a", "content": "b"}));
    let refused = with_bearer(&t, "bearer-token", token, &write).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        challenge(&refused),
        "Bearer realm=\"Keyward demo server\", scope=\"mcp:tools:write mcp:read\", error=\"insufficient_scope\", \
         error_description=\"the credential lacks a scope this call needs\""
    );
    assert_eq!(
        refused.json()["error"],
        json!({"code": -32001, "message": "Insufficient scope", "data": {"required_scope": "mcp:tools:write",
            "token_scope": "mcp:read", "tool": "write_note", "method": "tools/call"}})
    );
}

#[tokio::test]
async fn minting_has_bounds() {
    let t = TestServer::start().await;
    let long = format!(r#"{{"scope": "{}"}}"#, "a".repeat(1025));
    let cases = [
        (&*long, 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        (r#"{"ttl": 0}"#, 400, "invalid_request"),
        (r#"{"ttl": 3601}"#, 400, "invalid_request"),
        (r#"{"user": "a"}"#, 400, "invalid_request"),
        (r#"{"scope": "a  b"}"#, 400, "invalid_scope"),
    ];
    for (body, status, error) in cases {
        let answer = mint(&t, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (status, error), "{body}");
    }
    for _ in cases.len()..30 {
        assert_eq!(mint(&t, "").await.status, 200);
    }
    let refused = mint(&t, "").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("2")));
    t.clock.advance(Duration::seconds(2));
    assert_eq!(mint(&t, "").await.status, 200);
    let foreign = request("POST", "/test-auth/bearer-token/mint").header("origin", "https://evil.example");
    assert_eq!(t.send(here(foreign.body(Body::empty()).unwrap())).await.status, 403);
}
