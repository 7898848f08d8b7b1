//! Layouts of other people's servers: keys of one variable, an endpoint that is a whole origin, hosts, and sessions.
use crate::{
    session::{Site, none},
    support::{ORIGIN, TestServer, call, request},
};
use axum::{Router, body::Body, http::Request};
use keyward_resource_server::{Guard, InFront, Settings, router};
use serde_json::{Value, json};
use time::Duration;

const KEY: &str = "a-key-that-is-long-enough";

fn settings(text: &str) -> anyhow::Result<Settings> {
    Settings::parse(text)
}

async fn ask(router: Router, request: Request<Body>) -> crate::support::Answer {
    TestServer { router, ..TestServer::start().await }.send(request).await
}

fn post(path: &str, host: &str, token: &str) -> Request<Body> {
    let request = Request::builder().method("POST").uri(path).header("host", host);
    let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
    request.body(Body::from(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string())).unwrap()
}

#[tokio::test]
async fn a_key_that_is_written_down_is_one_key_whatever_is_in_it() {
    let surface =
        |keys: &str| format!("[[surface]]\nid = \"a\"\nkind = \"api-key\"\ntools = [\"core\"]\nkeys = {keys}");
    let one = router(&settings(&surface(&format!("[\"{KEY},and-more\"]"))).unwrap()).unwrap();
    assert_eq!(ask(one.clone(), post("/mcp/a", "127.0.0.1:8990", &format!("{KEY},and-more"))).await.status, 200);
    assert_eq!(ask(one, post("/mcp/a", "127.0.0.1:8990", KEY)).await.status, 401);
}

#[tokio::test]
async fn an_endpoint_may_be_all_that_an_origin_has() {
    let t = TestServer::start().await;
    let text = "origins = [\"https://mcp.example\"]\n[[surface]]\nid = \"other\"\nkind = \"oauth\"\n\
        [[surface]]\nid = \"a\"\nkind = \"oauth\"\npath = \"/\"\ntools = [\"core\"]";
    let settings = Settings { issuer: t.issuer.uri(), clock: t.clock.clone(), ..settings(text).unwrap() };
    let router = router(&settings).unwrap();
    let t = TestServer { router, ..t };
    let token = t.token_with(json!({"aud": "https://mcp.example"}));
    assert_eq!(t.send(post("/", "mcp.example", &token)).await.status, 200);
    let refused = t.send(post("/", "mcp.example", "none")).await;
    let place = "https://mcp.example/.well-known/oauth-protected-resource";
    assert_eq!((refused.status.as_u16(), refused.challenge("resource_metadata").as_deref()), (401, Some(place)));
    let get = Request::get("/.well-known/oauth-protected-resource").header("host", "mcp.example");
    assert_eq!(t.send(get.body(Body::empty()).unwrap()).await.json()["resource"], "https://mcp.example");
    let other = t.token_with(json!({"aud": "https://mcp.example/mcp/other"}));
    assert_eq!(t.send(post("/", "mcp.example", &other)).await.status, 401);
}

#[tokio::test]
async fn a_guard_and_the_flag_take_a_whole_origin_too_with_a_slash_or_without() {
    let t = TestServer::start().await;
    let guard = Guard::new("https://mcp.example", &t.issuer.uri()).unwrap().clock(t.clock.clone());
    let router = guard.protect(axum::routing::post(async || "reached"));
    let t = TestServer { router, ..t };
    let token = t.token_with(json!({"aud": "https://mcp.example", "scope": "mcp:read"}));
    assert_eq!(t.send(post("/", "mcp.example", &token)).await.status, 200);
    for resource in ["https://mcp.example", "https://mcp.example/"] {
        let settings = Settings::in_front(&InFront {
            upstream: "http://127.0.0.1:1/mcp".to_owned(),
            issuer: t.issuer.uri(),
            resource: Some(resource.to_owned()),
            listen: ([127, 0, 0, 1], 8990).into(),
            name: None,
            scopes: "mcp:read".to_owned(),
            tools: std::collections::BTreeMap::new(),
        })
        .unwrap();
        let refused = ask(router_of(&settings), post("/", "mcp.example", "none")).await;
        assert_eq!(refused.status, 401, "{resource}");
        let place = "https://mcp.example/.well-known/oauth-protected-resource";
        assert_eq!(refused.challenge("resource_metadata").as_deref(), Some(place));
    }
}

fn router_of(settings: &Settings) -> Router {
    router(settings).unwrap()
}

#[tokio::test]
async fn another_host_is_misdirected_wherever_it_asks() {
    let t = TestServer::start().await;
    let paths = [
        "/",
        "/health",
        "/ready",
        "/docs/oauth-callback",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp/oauth",
        "/.well-known/openid-configuration",
    ];
    for path in paths {
        let asked = |host: &str| Request::get(path).header("host", host).body(Body::empty()).unwrap();
        let refused = t.send(asked("evil.example")).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (421, &json!("misdirected_request")), "{path}");
        assert_ne!(t.send(asked("127.0.0.1:8990")).await.status, 421, "{path}");
    }
}

#[tokio::test]
async fn pages_of_others_can_read_that_there_is_nothing_below_well_known() {
    let t = TestServer::start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/mcp", "/.well-known/x/y"]
    {
        let asked = request("GET", path).header("origin", "https://app.example").body(Body::empty()).unwrap();
        let answer = t.send(asked).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (404, Some("*")), "{path}");
        let preflight = request("OPTIONS", path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "mcp-protocol-version");
        let answer = t.send(preflight.body(Body::empty()).unwrap()).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-headers"), Some("mcp-protocol-version"));
    }
}

#[tokio::test]
async fn how_long_logins_last_is_the_operators_to_say() {
    let demo = Settings::demo(ORIGIN, "http://127.0.0.1:8999").unwrap();
    let own = settings("sessions = { token_lifetime = 120, idle = 600, most = 2 }").unwrap();
    let site = Site::of(Settings { sessions: own.sessions, ..demo });
    let login = site.login(&none(), "alice", "password123").await;
    assert_eq!(login["expires_in"], 120);
    let refresh =
        async |token: &Value| site.send(&none(), &call("refresh_session", json!({"refresh_token": token}))).await;
    site.clock.advance(Duration::seconds(500));
    let renewed = refresh(&login["refresh_token"]).await.json()["result"]["structuredContent"].clone();
    assert_eq!(renewed["expires_in"], 120, "{renewed}");
    site.clock.advance(Duration::seconds(601));
    assert_eq!(refresh(&renewed["refresh_token"]).await.json()["result"]["isError"], true);
    let first = site.login(&none(), "alice", "password123").await;
    for _ in 0..2 {
        site.clock.advance(Duration::seconds(1));
        site.login(&none(), "alice", "password123").await;
    }
    assert_eq!(refresh(&first["refresh_token"]).await.json()["result"]["isError"], true);
}

#[tokio::test]
async fn a_lock_says_how_long_it_lasts() {
    let site = Site::start();
    let guess = call("authenticate_user", json!({"username": "alice", "password": "wrong"}));
    for _ in 0..5 {
        site.send(&none(), &guess).await;
    }
    let locked = site.send(&none(), &guess).await;
    assert_eq!((locked.status.as_u16(), locked.header("retry-after")), (429, Some("30")));
    let told = locked.json();
    assert_eq!((&told["error"], &told["retry_after"]), (&json!("rate_limit_exceeded"), &json!(30)));
    assert!(told["error_description"].as_str().unwrap().ends_with("try again in 30 s"), "{told}");
}

#[tokio::test]
async fn who_has_yet_to_log_in_violates_nothing_and_a_made_key_names_its_request() {
    let site = Site::start();
    let admin = site.token("admin", "admin123").await;
    for _ in 0..3 {
        site.bad(&none(), "get_user_profile", json!({})).await;
    }
    let summary = site.good(&admin, "get_security_summary", json!({})).await;
    assert_eq!(summary["security_violations"], 0, "{summary}");
    assert_eq!(site.events("authentication_required").await.len(), 3);
    let made = site.good(&admin, "create_api_key", json!({"name": "n"})).await;
    let event = &site.events("api_key_created").await[0];
    assert_eq!(event["details"]["api_key"], made["id"]);
    assert!(event["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{event}");
}
