//! The server around the endpoint: limits, headers on every answer, front page, a guard of one's own.
use crate::support::{ORIGIN, PRM, Signer, TestServer, bearer, post, request};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::HeaderMap,
    routing::post as on_post,
};
use futures_util::stream;
use keyward_resource_server::{Access, Guard, Settings, router, serve};
use serde_json::json;
use sqlx::Connection;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_body_beyond_eight_mebibytes_or_what_was_configured_is_too_large() {
    let t = TestServer::start().await;
    let message = |length: usize| {
        let start = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":""#;
        format!("{start}{}\"}}}}", "x".repeat(length - start.len() - 3))
    };
    let send = async |t: &TestServer, length: usize| {
        t.send(bearer(&t.token("mcp:read")).body(Body::from(message(length))).unwrap()).await
    };
    assert_eq!(send(&t, 8 * MIB).await.status, 200);
    for length in [8 * MIB + 1, 30 * MIB] {
        let answer = send(&t, length).await;
        assert_eq!(answer.status, 413);
        assert_eq!(answer.json()["error"], "content_too_large");
    }
    let settings = Settings { clock: t.clock.clone(), ..Settings::demo(ORIGIN, &t.issuer.uri()).unwrap() };
    let settings = Settings { max_body: "1 KiB".parse().unwrap(), ..settings };
    let t = TestServer { router: router(&settings).unwrap(), ..t };
    assert_eq!((send(&t, 1024).await.status.as_u16(), send(&t, 1025).await.status.as_u16()), (200, 413));
}

#[tokio::test]
async fn only_json_is_read() {
    let t = TestServer::start().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let mut request = bearer(&t.token("mcp:read"));
        request.headers_mut().unwrap().insert("content-type", content_type.parse().unwrap());
        let answer = t.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, 415, "{content_type}");
        assert_eq!(answer.json()["error"], "unsupported_media_type");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_is_not_sniffed() {
    let t = TestServer::start().await;
    for path in ["/", "/health", "/mcp/oauth", "/nothing", "/.well-known/oauth-protected-resource"] {
        let sent = request("GET", path).header("x-request-id", "my-id.1").body(Body::empty()).unwrap();
        assert_eq!(t.send(sent).await.header("x-request-id"), Some("my-id.1"), "{path}");
        let odd = request("GET", path).header("x-request-id", "no spaces").body(Body::empty()).unwrap();
        let answer = t.send(odd).await;
        assert_eq!(answer.header("x-request-id").unwrap().len(), 36, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    assert_eq!(t.get("/mcp/oauth").await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_host_that_is_found_by_https_is_to_be_found_so_and_a_loopback_name_is_not_ours_to_say_so_of() {
    let t = TestServer::start().await;
    let settings = "origins = [\"https://mcp.example\", \"https://localhost:8443\", \"http://127.0.0.1:8990\"]\n\
        [[surface]]\nid = \"oauth\"\nkind = \"oauth\"";
    let surfaces =
        router(&Settings { issuer: t.issuer.uri(), clock: t.clock.clone(), ..Settings::parse(settings).unwrap() })
            .unwrap();
    let guard = Guard::new("https://mcp.example/mcp/oauth", &t.issuer.uri())
        .unwrap()
        .clock(t.clock.clone())
        .protect(on_post(|| async {}));
    let metadata = "/.well-known/oauth-protected-resource/mcp/oauth";
    for (router, paths) in
        [(surfaces, &["/mcp/oauth", metadata, "/", "/nothing"][..]), (guard, &["/mcp/oauth", metadata])]
    {
        let t = TestServer { router, ..TestServer::start().await };
        for path in paths {
            for (host, secure) in [
                ("mcp.example", true),
                ("MCP.example:443", true),
                ("localhost:8443", false),
                ("127.0.0.1:8990", false),
                ("evil.example", false),
            ] {
                let request = axum::http::Request::get(*path).header("host", host).body(Body::empty()).unwrap();
                let answer = t.send(request).await;
                let expected = secure.then_some("max-age=31536000");
                assert_eq!(answer.header("strict-transport-security"), expected, "{path} {host}");
            }
        }
    }
}

#[tokio::test]
async fn it_is_ready_while_its_store_answers() {
    let t = TestServer::start().await;
    let answer = t.get("/ready").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "ready"})));
    let settings = Settings::demo(ORIGIN, &t.issuer.uri()).unwrap();
    // A folder is no database.
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    std::fs::create_dir(&store).unwrap();
    let t = t.with(Settings { store: Some(store), ..settings });
    let answer = t.get("/ready").await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (503, "temporarily_unavailable"));
    assert_eq!(t.get("/health").await.json(), json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
}

#[tokio::test]
async fn it_is_not_ready_while_its_store_takes_no_write() {
    let t = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let settings = Settings { clock: t.clock.clone(), ..Settings::demo(ORIGIN, &t.issuer.uri()).unwrap() };
    let t = TestServer { router: router(&Settings { store: Some(store.clone()), ..settings }).unwrap(), ..t };
    let ready = async || {
        t.clock.advance(time::Duration::seconds(2));
        t.get("/ready").await.status.as_u16()
    };
    assert_eq!(ready().await, 200);
    let mut beside = sqlx::SqliteConnection::connect(&format!("sqlite:{}", store.display())).await.unwrap();
    let full =
        "CREATE TRIGGER no_room BEFORE UPDATE ON documents BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    sqlx::raw_sql(full).execute(&mut beside).await.unwrap();
    assert_eq!(ready().await, 503);
    sqlx::raw_sql("DROP TRIGGER no_room").execute(&mut beside).await.unwrap();
    assert_eq!(ready().await, 200);
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_answered_in_json() {
    let t = TestServer::start().await;
    let answer = t.get("/nothing").await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (404, "not_found"));
    for path in ["/", "/health"] {
        let answer = t.send(request("POST", path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (405, "method_not_allowed"));
        assert!(answer.header("allow").unwrap().contains("GET"));
    }
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_asked_for_only_where_it_is_read() {
    let t = TestServer::start().await;
    for (method, path, status) in [("POST", "/nothing", 404), ("PUT", "/health", 405)] {
        let asked = Arc::new(AtomicBool::new(false));
        let noted = asked.clone();
        let body = Body::from_stream(stream::poll_fn(move |_| {
            noted.store(true, Ordering::SeqCst);
            Poll::Ready(None::<Result<Bytes, Infallible>>)
        }));
        let waits = request(method, path).header("expect", "100-continue").header("content-length", "9999");
        let answer = t.send(waits.body(body).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (status, Some("close")), "{path}");
        assert!(!asked.load(Ordering::SeqCst), "{path}");
    }
}

#[tokio::test]
async fn the_front_page_speaks_to_people_and_programs() {
    let t = TestServer::start().await;
    let index = t.get("/").await.json();
    assert_eq!(index["surfaces"][0]["url"], "http://127.0.0.1:8990/mcp/oauth");
    let page = t.send(request("GET", "/").header("accept", "text/html,*/*;q=0.8").body(Body::empty()).unwrap()).await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(t.get("/health").await.json()["status"], "ok");
}

#[tokio::test]
async fn it_serves_on_any_port_under_its_configured_identifier_until_told_to_stop() {
    let t = TestServer::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { clock: t.clock.clone(), ..Settings::demo(ORIGIN, &t.issuer.uri()).unwrap() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, settings, async {
        let _ = stopped.await;
    }));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{address}/mcp/oauth");
    let refused = client.post(&url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains(PRM));
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let accepted = client.post(&url).bearer_auth(t.token("mcp:read")).json(&call).send().await.unwrap();
    assert_eq!(accepted.status(), 200);
    drop(client);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_start() {
    for (origin, issuer) in [
        ("not a url", "http://127.0.0.1:1"),
        ("http://rs.example", "http://127.0.0.1:1"),
        ("https://rs.example/", "http://127.0.0.1:1"),
        ("https://RS.example", "http://127.0.0.1:1"),
        ("https://rs.example?a", "http://127.0.0.1:1"),
        ("https://rs.example", "http://as.example"),
    ] {
        assert!(router(&Settings::demo(origin, issuer).unwrap()).is_err(), "{origin} {issuer}");
    }
    for (resource, issuer) in [
        ("https://rs.example/mcp/", "http://127.0.0.1:1"),
        ("https://rs.example/mcp?a", "http://127.0.0.1:1"),
        ("https://rs.example/mcp#a", "http://127.0.0.1:1"),
        ("http://rs.example/mcp", "http://127.0.0.1:1"),
    ] {
        assert!(Guard::new(resource, issuer).is_err(), "{resource}");
    }
    assert!(Guard::new("https://rs.example/mcp", "https://as.example").unwrap().name("a \"b\"").is_err());
}

/// A server of one's own, two issuers, scopes of one's own.
fn own_server(t: &TestServer, other: &TestServer) -> Router {
    let server = on_post(|Extension(access): Extension<Access>, headers: HeaderMap| async move {
        assert!(!headers.contains_key("authorization"));
        format!("{} {}", access.issuer, access.may_call("delete_note"))
    });
    let guard = Guard::new("https://notes.example/mcp", &t.issuer.uri()).unwrap().clock(other.clock.clone());
    guard.issuer(&other.issuer.uri()).unwrap().tool("delete_note", "mcp:tools:admin").protect(server)
}

#[tokio::test]
async fn a_guard_stands_before_any_server_and_keeps_the_token_to_itself() {
    let (t, other) = (TestServer::start().await, TestServer::start().await);
    let t = TestServer { router: own_server(&t, &other), ..t };
    let call = |tool: &str| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}});
    let audience = "https://notes.example/mcp";
    let send = async |token: String, tool: &str| {
        let request = request("POST", "/mcp").header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        t.send(request.body(Body::from(call(tool).to_string())).unwrap()).await
    };
    let of_other = other.token_with(json!({"aud": audience, "scope": "mcp:admin"}));
    let answer = send(of_other, "delete_note").await;
    assert_eq!(String::from_utf8_lossy(&answer.body), format!("{} true", other.issuer.uri()));
    let may_read = || t.token_with(json!({"aud": audience, "scope": "mcp:read"}));
    assert_eq!(send(may_read(), "delete_note").await.challenge("scope").as_deref(), Some("mcp:tools:admin mcp:read"));
    assert_eq!(send(may_read(), "forgotten").await.challenge("scope").as_deref(), Some("mcp:tools:call mcp:read"));
    let crossed = Signer::es256("k1");
    let crossed = crossed.sign(&crossed.header(), &t.changed(&json!({"aud": audience})));
    assert_eq!(send(crossed, "forgotten").await.status, 401);
    assert_eq!(t.send(post().body(Body::empty()).unwrap()).await.status, 404);
}

#[tokio::test]
async fn one_issuers_key_does_not_sign_for_another() {
    let (t, other) = (TestServer::start().await, TestServer::start().await);
    let t = TestServer { router: own_server(&t, &other), ..t };
    let claims = t.changed(&json!({"aud": "https://notes.example/mcp"}));
    let token = other.signer.sign(&other.signer.header(), &claims);
    let request = request("POST", "/mcp").header("authorization", format!("Bearer {token}"));
    assert_eq!(t.send(request.body(Body::from("{}")).unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_guard_answers_to_the_hosts_and_origins_its_author_allows() {
    let t = TestServer::start().await;
    let guard = Guard::new("https://notes.example/mcp", &t.issuer.uri()).unwrap().clock(t.clock.clone());
    let guard = guard.allow_host("internal.example").allow_origin(&"https://app.example".parse().unwrap());
    let t = TestServer { router: guard.refuse_loopback_origins().protect(on_post(|| async {})), ..t };
    let cases = [
        ("notes.example", "https://notes.example", 401),
        ("internal.example:1", "https://app.example", 401),
        ("internal.example", "https://app.example:444", 403),
        ("internal.example", "http://app.example", 403),
        ("notes.example", "http://localhost:6274", 403),
        ("app.example", "https://app.example", 421),
    ];
    for (host, origin, status) in cases {
        let request = axum::http::Request::builder().method("POST").uri("/mcp").header("host", host);
        let answer = t.send(request.header("origin", origin).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{host} {origin}");
    }
}
