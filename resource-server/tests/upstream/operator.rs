//! What an operator sets of a guard: headers for the server behind, pages that may call, other spellings of its URL, and
//! the authorization server's metadata for clients that look for it here.
use super::{answering, guard, open, saying};
use crate::support::{ORIGIN, RESOURCE, TestServer, bearer, call, post, request};
use axum::{
    body::Body,
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use keyward_resource_server::Settings;
use serde_json::json;
use std::convert::Infallible;
use time::Duration;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

const KEY: &str = "sk-live-of-the-server-behind";

/// A guard with these settings before its surface.
async fn operated(upstream: &str, server: &str, surface: &str) -> TestServer {
    let t = TestServer::start().await;
    let text = format!("{server}\n[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nupstream = \"{upstream}\"\n{surface}");
    let settings = Settings { issuer: t.issuer.uri(), ..Settings::parse(&text).unwrap() };
    t.with(settings)
}

#[tokio::test]
async fn attack_132_no_client_sees_or_replaces_the_key_that_the_server_behind_is_given() {
    let (url, seen) = answering().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
    let headers = format!(
        "upstream_headers = {{ X-Upstream-Key = {{ file = {:?} }}, Authorization = \"Bearer {KEY}\", user-agent = \"guard\" }}",
        file.path().display()
    );
    let t = operated(&url, "demo = true", &headers).await;
    let sent = bearer(&t.token("mcp:read")).header("x-upstream-key", "forged").header("x_upstream_key", "forged");
    let sent = sent.header("user-agent", "forged").header("X-UPSTREAM-KEY", "forged too");
    let message = call("any", json!({"key": KEY})).to_string();
    let answer = t.send(sent.body(Body::from(message)).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, headers, _) = seen.lock().unwrap().remove(0);
    for (name, value) in [("x-upstream-key", KEY), ("authorization", &format!("Bearer {KEY}")), ("user-agent", "guard")]
    {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    assert!(!format!("{headers:?}").contains("forged"));
    assert!(!format!("{answer:?}").contains(KEY));
    // Named by a client, it is masked like every secret of the configuration.
    t.post(&t.token("mcp:read"), &call(&format!("a:{KEY}"), json!({}))).await;
    for name in ["requests", "config", "audit"] {
        let shown = crate::support::view(&t, name).await.to_string();
        assert!(!shown.contains(KEY), "{name}: {shown}");
    }
}

#[test]
fn a_header_for_the_server_behind_that_would_lie_or_break_is_refused_with_the_rule() {
    let surface = "[[surface]]\nid = \"a\"\nkind = \"oauth\"\nupstream = \"http://127.0.0.1:1/mcp\"";
    for (header, rule) in [
        ("Connection = \"close\"", "belongs to a connection"),
        ("Transfer-Encoding = \"chunked\"", "belongs to a connection"),
        ("Host = \"a\"", "belongs to a connection"),
        ("Proxy-Authorization = \"a\"", "belongs to a connection"),
        ("Content-Type = \"text/plain\"", "describes the body"),
        ("content-length = \"1\"", "describes the body"),
        ("Mcp-Session-Id = \"a\"", "the message that was judged"),
        ("X-Auth-Subject = \"root\"", "says who is calling"),
        ("X-Request-Id = \"a\"", "names the request"),
        ("X_Key = \"a\"", "write -"),
        ("\"X Key\" = \"a\"", "no name that HTTP allows"),
        ("X-Key = \"\"", "empty"),
        ("X-Key = \"a\\nb: c\"", "more than one line"),
        ("X-Key = \"secret-1\", x-key = \"secret-2\"", "there twice"),
        ("X-Key = { env = \"KEYWARD_TEST_NEVER_SET\" }", "KEYWARD_TEST_NEVER_SET is not set"),
        ("X-Key = { file = \"/no/such/file\" }", "cannot be read"),
    ] {
        let error =
            format!("{:#}", Settings::parse(&format!("{surface}\nupstream_headers = {{ {header} }}")).unwrap_err());
        assert!(error.contains(rule) && !error.contains("secret-"), "{header}: {error}");
    }
    let text = "[[surface]]\nid = \"a\"\nkind = \"oauth\"\nupstream_headers = { X-Key = \"a\" }";
    assert!(Settings::parse(text).unwrap_err().to_string().contains("no upstream"));
    let parsed = Settings::parse(&format!("{surface}\nupstream_headers = {{ X-Key = \"{KEY}\" }}")).unwrap();
    assert!(!format!("{parsed:?}").contains(KEY));
}

#[tokio::test]
async fn attack_133_pages_that_may_call_are_let_in_and_nothing_answers_to_their_hosts() {
    let (url, _) = answering().await;
    let pages = ["https://app.example", "https://app.example:8443", "chrome-extension://abcdef", "tauri://localhost"];
    let t = operated(&url, &format!("demo = true\nallowed_origins = {pages:?}"), "").await;
    let ping = || Body::from(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string());
    for page in pages {
        let answer = t.send(bearer(&t.token("mcp:read")).header("origin", page).body(ping()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, Some(page)));
        let preflight = request("OPTIONS", "/mcp/oauth").header("origin", page);
        let preflight = preflight.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
        assert_eq!(t.send(preflight).await.header("access-control-allow-origin"), Some(page));
    }
    for page in [
        "https://app.example.evil.example",
        "https://evil.example",
        "http://app.example",
        "chrome-extension://b",
        "null",
    ] {
        let answer = t.send(bearer(&t.token("mcp:read")).header("origin", page).body(ping()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (403, None), "{page}");
    }
    let mut named = bearer(&t.token("mcp:read"));
    named.headers_mut().unwrap().insert("host", HeaderValue::from_static("app.example"));
    assert_eq!(t.send(named.body(ping()).unwrap()).await.status, 421);
    // What is for people on this machine is for no page of elsewhere.
    let inside = request("GET", "/debug/requests").header("origin", pages[0]).body(Body::empty()).unwrap();
    assert_eq!(t.send(inside).await.status, 403);
}

#[test]
fn an_origin_or_an_alias_that_cannot_be_meant_is_refused_with_the_rule() {
    for (page, rule) in [
        ("*", "everybody's"),
        ("null", "everybody's"),
        ("https://app.example/", "scheme, host and port only"),
        ("https://APP.example", "scheme, host and port only"),
        ("https://app.example:443", "scheme, host and port only"),
        ("https://user@app.example", "scheme, host and port only"),
        ("app.example", "scheme, host and port only"),
        ("http://app.example", "must be https"),
        ("file://", "scheme, host and port only"),
    ] {
        let error = format!("{:#}", Settings::parse(&format!("allowed_origins = [{page:?}]")).unwrap_err());
        assert!(error.contains(rule), "{page}: {error}");
    }
    for (alias, rule) in [
        ("mcp.example/mcp", "not a URL"),
        ("http://mcp.example/mcp", "must be https"),
        ("https://mcp.example/mcp?a=b", "no query"),
        ("https://mcp.example/mcp#a", "no query"),
        ("https://user@mcp.example/mcp", "user name"),
        ("https://mcp.example", "must have a path"),
        ("https://mcp.example/{id}", "must have a path"),
    ] {
        let text = format!("[[surface]]\nid = \"a\"\nkind = \"oauth\"\nresource_aliases = [{alias:?}]");
        let error = format!("{:#}", Settings::parse(&text).unwrap_err());
        assert!(error.contains(rule), "{alias}: {error}");
    }
    let text = "[[surface]]\nid = \"a\"\nkind = \"api-key\"\nresource_aliases = [\"https://a.example/mcp\"]";
    assert!(Settings::parse(text).unwrap_err().to_string().contains("no OAuth surface"));
    for (text, rule) in [
        ("max_body = 0", "1 KiB to 64 MiB"),
        ("max_body = \"65 MiB\"", "1 KiB to 64 MiB"),
        ("max_body = \"8MB\"", "1 KiB to 64 MiB"),
        ("max_body = -1", "1 KiB to 64 MiB"),
        ("max_body = \"99999999999999999999 MiB\"", "1 KiB to 64 MiB"),
        ("heartbeat = 0", "1 to 300 seconds"),
        ("heartbeat = 301", "1 to 300 seconds"),
        ("heartbeat = \"often\"", "1 to 300 seconds"),
        ("session_key = \"short\"", "shorter than 16"),
    ] {
        let error = format!("{:#}", Settings::parse(text).unwrap_err());
        assert!(error.contains(rule), "{text}: {error}");
    }
    for good in ["max_body = \"64 MiB\"", "max_body = \"512KiB\"", "max_body = 1024", "heartbeat = 300"] {
        Settings::parse(good).unwrap();
    }
}

#[tokio::test]
async fn other_spellings_of_the_url_lead_to_the_resource_and_its_metadata_keeps_the_first() {
    let (url, _) = answering().await;
    let aliases = "resource_aliases = [\"https://notes.example/mcp/oauth\", \"https://notes.example:8443/v2/mcp\", \
                   \"http://127.0.0.1:8990/mcp/oauth/\"]";
    let t = operated(&url, "", aliases).await;
    let ping = || Body::from(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string());
    let audiences = [
        "https://notes.example/mcp/oauth",
        "https://notes.example:8443/v2/mcp",
        "http://127.0.0.1:8990/mcp/oauth/",
        RESOURCE,
    ];
    for audience in audiences {
        let token = t.token_with(json!({"aud": audience}));
        assert_eq!(t.judge(&token).await, Ok(()), "{audience}");
    }
    for stranger in [
        "https://notes.example/mcp",
        "https://notes.example",
        "http://notes.example/mcp/oauth",
        "https://NOTES.example/mcp/oauth",
    ] {
        assert!(t.judge(&t.token_with(json!({"aud": stranger}))).await.is_err(), "{stranger}");
    }
    let ask = async |method: &str, host: &str, path: &str, token: Option<String>| {
        let request = axum::http::Request::builder().method(method).uri(path).header("host", host);
        let request = request.header("content-type", "application/json");
        let request =
            token.iter().fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
        t.send(request.body(ping()).unwrap()).await
    };
    for (host, path) in
        [("notes.example", "/mcp/oauth"), ("notes.example:8443", "/v2/mcp"), ("127.0.0.1:8990", "/mcp/oauth/")]
    {
        assert_eq!(ask("POST", host, path, Some(t.token("mcp:read"))).await.status, 200, "{host}{path}");
        let refused = ask("POST", host, path, None).await;
        let place = refused.challenge("resource_metadata").unwrap();
        assert_eq!(place, format!("{ORIGIN}/.well-known/oauth-protected-resource/mcp/oauth"));
        let inserted = format!("/.well-known/oauth-protected-resource{}", path.trim_end_matches('/'));
        assert_eq!(ask("GET", host, &inserted, None).await.json()["resource"], RESOURCE, "{host}{path}");
    }
    assert_eq!(ask("POST", "other.example", "/mcp/oauth", Some(t.token("mcp:read"))).await.status, 421);
}

const METADATA: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn clients_of_2025_03_26_find_the_authorization_server_where_they_look_for_it() {
    let (url, _) = answering().await;
    let closed = guard(&url, "").await;
    assert_eq!(closed.get(METADATA).await.status, 404);
    let t = operated(&url, "authorization_server_metadata = true", "").await;
    let get = |version: &str| {
        request("GET", METADATA).header("origin", "https://anywhere.example").header("mcp-protocol-version", version)
    };
    let answer = t.send(get("2025-03-26").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, Some("*")));
    let document = json!({"issuer": t.issuer.uri(), "jwks_uri": format!("{}/jwks", t.issuer.uri())});
    assert_eq!(answer.json(), document);
    let preflight = request("OPTIONS", METADATA).header("origin", "https://anywhere.example");
    let preflight = preflight.header("access-control-request-method", "GET");
    let preflight =
        preflight.header("access-control-request-headers", "mcp-protocol-version").body(Body::empty()).unwrap();
    assert_eq!(t.send(preflight).await.header("access-control-allow-headers"), Some("mcp-protocol-version"));
    assert_eq!(t.send(request("POST", METADATA).body(Body::empty()).unwrap()).await.status, 405);
    // Kept for ten minutes, and through an outage.
    let asked =
        async || t.issuer.received_requests().await.unwrap().iter().filter(|one| one.url.path() == METADATA).count();
    t.get(METADATA).await;
    assert_eq!(asked().await, 1);
    t.issuer.reset().await;
    t.clock.advance(Duration::hours(23));
    assert_eq!(t.get(METADATA).await.json(), document);
    t.clock.advance(Duration::hours(2));
    for _ in 0..5 {
        let away = t.get(METADATA).await;
        assert_eq!((away.status.as_u16(), &away.json()["error"]), (503, &json!("temporarily_unavailable")));
        assert!(away.header("retry-after").is_some());
    }
    assert_eq!(t.issuer.received_requests().await.unwrap().iter().filter(|one| one.url.path() == METADATA).count(), 2);
    // Another's is not passed on as the issuer's.
    t.clock.advance(Duration::seconds(2));
    let evil = ResponseTemplate::new(200).set_body_json(json!({"issuer": "https://evil.example"}));
    Mock::given(method("GET")).and(path(METADATA)).respond_with(evil).mount(&t.issuer).await;
    assert_eq!(t.get(METADATA).await.status, 503);
}

#[tokio::test]
async fn a_stream_that_is_silent_shows_that_it_lives() {
    let url = saying(|| {
        let silence = futures_util::stream::pending::<Result<&str, Infallible>>();
        ([("content-type", "text/event-stream")], Body::from_stream(silence)).into_response()
    })
    .await;
    let t = operated(&url, "heartbeat = 1", "").await;
    let slow = bearer(&t.token("mcp:read")).body(Body::from(call("slow", json!({})).to_string())).unwrap();
    let response: Response = open(&t, slow).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b": alive\n\n");
    assert_eq!(t.send(post().body(Body::from("{}")).unwrap()).await.status, 401);
}
