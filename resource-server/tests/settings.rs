//! What `surfaces.toml` can say, and what it says no to.
use crate::{
    support::{TestServer, call, request},
    surfaces::{basic, challenge, headers, mint, ping, post, with_bearer},
};
use axum::{body::Body, http::Request};
use keyward_resource_server::{Settings, router, serve};
use serde_json::json;
use std::net::SocketAddr;

/// A server that is not the demo.
fn serious(t: &TestServer, text: &str) -> anyhow::Result<axum::Router> {
    let settings = Settings::parse(text)?;
    router(&Settings { clock: t.clock.clone(), issuer: t.issuer.uri(), ..settings })
}

const LONG: &str = "a-secret-that-is-long-enough";

#[tokio::test]
async fn outside_the_demo_minting_is_for_the_administrator() {
    let t = TestServer::start().await;
    let surface = "[[surface]]\nid = \"bearer-token\"\nkind = \"bearer-token\"";
    let closed = TestServer { router: serious(&t, surface).unwrap(), ..TestServer::start().await };
    assert_eq!(mint(&closed, "").await.status, 404);
    let guarded = serious(&t, &format!("admin_token = \"{LONG}\"\n{surface}")).unwrap();
    let t = TestServer { router: guarded, ..t };
    assert_eq!(mint(&t, "").await.status, 401);
    let allowed = request("POST", "/test-auth/bearer-token/mint").header("authorization", format!("Bearer {LONG}"));
    let minted = t.send(allowed.body(Body::empty()).unwrap()).await.json();
    assert_eq!(with_bearer(&t, "bearer-token", minted["access_token"].as_str().unwrap(), &ping()).await.status, 200);
    assert_eq!(with_bearer(&t, "bearer-token", LONG, &ping()).await.status, 401);
}

#[tokio::test]
async fn a_user_name_and_a_password_are_known_in_whatever_form_they_are_typed_or_configured() {
    let (composed, decomposed) = ("Ren\u{e9}e caf\u{e9}", "Rene\u{301}e cafe\u{301}");
    for configured in [composed, decomposed] {
        let t = TestServer::start().await;
        let text = format!(
            "[[surface]]\nid = \"basic\"\nkind = \"basic\"\nusers = [{{ username = \"{configured}\", password = \"{configured}\" }}]"
        );
        let t = TestServer { router: serious(&t, &text).unwrap(), ..t };
        for typed in [composed, decomposed] {
            let own = headers(&[("authorization", &basic(typed, typed))]);
            assert_eq!(post(&t, "basic", own, &ping()).await.status, 200, "{configured} {typed}");
        }
        let wrong = headers(&[("authorization", &basic(composed, "Renee cafe"))]);
        assert_eq!(post(&t, "basic", wrong, &ping()).await.status, 401);
    }
}

#[tokio::test]
async fn a_key_may_be_limited_to_scopes() {
    let t = TestServer::start().await;
    let surface = "[[surface]]\nid = \"api-key\"\nkind = \"api-key\"\ntools = [\"core\"]";
    let text = format!("{surface}\nkeys = [{{ value = \"{LONG}\", scope = \"mcp:tools:echo\" }}]");
    let t = TestServer { router: serious(&t, &text).unwrap(), ..t };
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let tools = with_bearer(&t, "api-key", LONG, &list).await.json()["result"]["tools"].clone();
    let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["echo", "ping"]);
    assert_eq!(with_bearer(&t, "api-key", LONG, &call("whoami", json!({}))).await.status, 403);
}

#[tokio::test]
async fn short_names_of_scopes_are_good_where_they_are_switched_on() {
    let t = TestServer::start().await;
    let origin = crate::support::ORIGIN;
    let text = "[[surface]]\nid = \"one\"\nkind = \"oauth\"\ntools = [\"core\"]\nscope_aliases = true\n\
        [[surface]]\nid = \"other\"\nkind = \"oauth\"\ntools = [\"core\"]";
    let t = TestServer { router: serious(&t, text).unwrap(), ..t };
    let write = call("write_note", json!({"key": "a", "content": "b"}));
    for (surface, scope, reads, writes) in [
        ("one", "mcp.read", 200, 403),
        ("one", "read", 200, 403),
        ("one", "mcp.write", 200, 200),
        ("one", "write", 200, 200),
        ("one", "admin", 200, 200),
        ("other", "admin", 403, 403),
        ("other", "mcp.write", 403, 403),
    ] {
        let token = t.token_with(json!({"aud": format!("{origin}/mcp/{surface}"), "scope": scope}));
        let read = with_bearer(&t, surface, &token, &call("whoami", json!({}))).await;
        let written = with_bearer(&t, surface, &token, &write).await;
        assert_eq!((read.status.as_u16(), written.status.as_u16()), (reads, writes), "{scope} at {surface}");
    }
}

#[tokio::test]
async fn settings_say_what_is_wrong_with_them() {
    let surface = |more: &str| format!("[[surface]]\nid = \"a\"\nkind = \"api-key\"\n{more}");
    let cases = [
        (surface("keys = [\"test-api-key-12345\"]"), "the demo's"),
        (surface("keys = [\"short\"]"), "shorter than 16"),
        (surface("introspection = { id = \"rs\", secret = \"short\" }"), "shorter than 16"),
        (surface("users = [{ username = \"a\", password = \"testpass123\" }]"), "the demo's"),
        (surface("keys = [{ env = \"KEYWARD_TEST_NEVER_SET\" }]"), "KEYWARD_TEST_NEVER_SET is not set"),
        (surface("tools = [\"no-such-set\"]"), "there is no tool set"),
        (surface("path = \"mcp\""), "must begin with /"),
        (surface("path = \"/mcp/\""), "must begin with /"),
        (format!("sessions = {{ token_lifetime = 59 }}\n{}", surface("")), "sessions.token_lifetime is 60"),
        (format!("sessions = {{ idle = 60 }}\n{}", surface("")), "sessions.idle is token_lifetime"),
        (format!("sessions = {{ most = 0 }}\n{}", surface("")), "sessions.most is at least 1"),
        (surface("path = \"/mcp/{id}\""), "must begin with /"),
        (surface("origins = [\"https://a.example\"]"), "no address"),
        (surface("colour = \"red\""), "unknown field"),
        (surface("keys = [{ value = \"test-api-key-12345\", scope = \"a\\\\b\" }]"), "line 4: a scope has a character"),
        (surface("keys = [\"test-api-key-12345\", {}]"), "either a value or an env or a file"),
        (surface("admin_token = \"test-api-key-12345\""), "unknown field"),
        ("[[surface]]\nid = \"a\"\nkind = \"guess\"".to_owned(), "there is no kind of surface"),
        (format!("{}\n{}", surface(""), surface("")), "the same id"),
        ("[[surface]]\nid = \"a b\"\nkind = \"no-auth\"".to_owned(), "letters, digits"),
        (surface("requests_per_minute = 0"), "nonzero"),
        (surface("[[surface.rule]]\ntool = \"echo\"\npattern = \"(\""), "no good pattern"),
    ];
    let t = TestServer::start().await;
    for (text, expected) in cases {
        let error = format!("{:#}", serious(&t, &text).map(drop).unwrap_err());
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("test-api-key-12345") && !error.contains("testpass123"), "{error}");
    }
}

#[tokio::test]
async fn a_surface_can_be_switched_off() {
    let t = TestServer::start().await;
    let text = "[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\nenabled = false";
    let t = TestServer { router: serious(&t, text).unwrap(), ..t };
    let paths = ["/mcp/oauth", "/sse/oauth", "/messages/oauth", "/.well-known/oauth-protected-resource/mcp/oauth"];
    for path in paths.into_iter().chain(["/.well-known/oauth-protected-resource"]) {
        assert_eq!(t.get(path).await.status, 404, "{path}");
    }
    assert_eq!(t.get("/").await.json()["surfaces"], json!([]));
}

#[tokio::test]
async fn each_origin_has_its_identifier_and_a_token_for_one_is_good_at_all() {
    let t = TestServer::start().await;
    let text = "origins = [\"https://mcp.example\", \"https://other.example:444\"]\n\
        [[surface]]\nid = \"oauth\"\nkind = \"oauth\"";
    let t = TestServer { router: serious(&t, text).unwrap(), ..t };
    let token = format!("Bearer {}", t.token_with(json!({"aud": "https://other.example:444/mcp/oauth"})));
    for (host, origin) in [
        ("mcp.example", "https://mcp.example"),
        ("OTHER.example:444", "https://other.example:444"),
        ("127.0.0.1", "https://mcp.example"),
    ] {
        let asked = |path: &str, token: &str| {
            let request = Request::builder().method("POST").uri(path).header("host", host);
            let request = request.header("content-type", "application/json").header("authorization", token);
            request.body(Body::from(ping().to_string())).unwrap()
        };
        let refused = t.send(asked("/mcp/oauth", "")).await;
        let place = format!("resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp/oauth\"");
        assert!(challenge(&refused).contains(&place), "{refused:?}");
        assert_eq!(t.send(asked("/mcp/oauth", &token)).await.status, 200, "{host}");
        for path in ["", "/mcp/oauth"] {
            let get = Request::get(format!("/.well-known/oauth-protected-resource{path}")).header("host", host);
            let document = t.send(get.body(Body::empty()).unwrap()).await.json();
            assert_eq!(document["resource"], format!("{origin}/mcp/oauth"), "{host}");
        }
    }
    let stranger = Request::post("/mcp/oauth").header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(t.send(stranger).await.status, 421);
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_surface_with_an_address_of_its_own_answers_there_at_short_paths_and_nowhere_else() {
    let t = TestServer::start().await;
    let own = free_address();
    let text = format!(
        "[[surface]]\nid = \"machines\"\nkind = \"oauth\"\ntools = [\"core\"]\nlisten = \"{own}\"\n\
         [[surface]]\nid = \"open\"\nkind = \"no-auth\""
    );
    let settings = Settings { issuer: t.issuer.uri(), clock: t.clock.clone(), ..Settings::parse(&text).unwrap() };
    let common = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = common.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(common, settings, async {
        let _ = stopped.await;
    }));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |at: SocketAddr, path: &str| http.get(format!("http://{at}{path}")).send().await.unwrap();
    assert_eq!(get(address, "/mcp/machines").await.status(), 404);
    let document: serde_json::Value = get(own, "/.well-known/oauth-protected-resource/mcp").await.json().await.unwrap();
    assert_eq!(document["resource"], format!("http://{own}/mcp"));
    assert_eq!(get(own, "/health").await.status(), 200);
    assert_eq!(get(own, "/mcp/open").await.status(), 404);
    assert_eq!(get(own, "/sse").await.status(), 401);
    let token = t.token_with(json!({"aud": format!("http://{own}/mcp")}));
    let stream = http.get(format!("http://{own}/sse")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let called = http.post(format!("http://{own}/mcp")).bearer_auth(&token).json(&call("whoami", json!({})));
    let who: serde_json::Value = called.send().await.unwrap().json().await.unwrap();
    assert_eq!(who["result"]["structuredContent"]["surface"], "machines");
    drop((stream, http));
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn published_secrets_are_served_on_loopback_addresses_only() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let settings = Settings::demo("http://127.0.0.1:8990", "http://127.0.0.1:8999").unwrap();
    let error = serve(listener, settings, std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains("loopback addresses only"), "{error}");
}
