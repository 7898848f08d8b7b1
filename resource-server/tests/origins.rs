//! Host, Origin and CORS: who may ask at all, and what a web page may see.
use crate::support::{Answer, TestServer, bearer, post, request};
use axum::{body::Body, http::Request};
use serde_json::json;

async fn from_origin(t: &TestServer, origin: &str) -> Answer {
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    t.send(bearer(&t.token("mcp:read")).header("origin", origin).body(Body::from(ping)).unwrap()).await
}

#[tokio::test]
async fn pages_on_this_machine_and_of_the_resources_own_origin_are_let_in() {
    let t = TestServer::start().await;
    for origin in ["http://localhost:6274", "http://127.0.0.1:9", "http://[::1]:9", "http://127.0.0.1:8990"] {
        let answer = from_origin(&t, origin).await;
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("WWW-Authenticate") && exposed.contains("Mcp-Session-Id"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn other_origins_are_forbidden_whatever_they_bring() {
    let t = TestServer::start().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:8990",
        "file://",
        "localhost:6274",
        "",
    ] {
        let answer = from_origin(&t, origin).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.json()["error"], "forbidden");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_page_can_read_the_challenge() {
    let t = TestServer::start().await;
    let request = post().header("origin", "http://localhost:6274");
    let answer = t.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:6274"));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("WWW-Authenticate"));
}

#[tokio::test]
async fn a_preflight_needs_no_token_and_names_what_may_be_sent() {
    let t = TestServer::start().await;
    let preflight = |origin: &str| {
        let asked = "authorization,mcp-protocol-version,Mcp-Param-City,x-evil";
        request("OPTIONS", "/mcp/oauth")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", asked)
            .body(Body::empty())
            .unwrap()
    };
    let answer = t.send(preflight("http://localhost:6274")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:6274"));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in [
        "Authorization",
        "Content-Type",
        "MCP-Protocol-Version",
        "Mcp-Method",
        "Mcp-Name",
        "Mcp-Session-Id",
        "Last-Event-ID",
        "DPoP",
        "Mcp-Param-City",
    ] {
        assert!(allowed.split(", ").any(|one| one == name), "{name}");
    }
    assert!(!allowed.contains("x-evil"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("DELETE"));
    assert_eq!(t.send(preflight("https://evil.example")).await.status, 403);
}

#[tokio::test]
async fn a_page_may_send_the_headers_that_a_surfaces_keys_go_in_and_read_all_it_needs() {
    let t = TestServer::start().await;
    for surface in crate::surfaces::SURFACES {
        for path in [format!("/mcp/{surface}"), format!("/sse/{surface}"), format!("/messages/{surface}?session_id=a")]
        {
            let preflight = request("OPTIONS", &path)
                .header("origin", "http://localhost:6274")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "x-github-token,x-brave-key");
            let answer = t.send(preflight.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 204, "{path}");
            let allowed = answer.header("access-control-allow-headers").unwrap();
            for name in ["Authorization", "Mcp-Session-Id", "X-Request-Id"] {
                assert!(allowed.split(", ").any(|one| one == name), "{name}");
            }
            for name in ["X-GitHub-Token", "X-Brave-Key"] {
                assert_eq!(allowed.split(", ").any(|one| one == name), surface == "security-keys", "{surface} {name}");
            }
            assert_eq!(
                answer.header("access-control-expose-headers"),
                Some("WWW-Authenticate, Mcp-Session-Id, X-Request-Id, Retry-After")
            );
        }
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_misdirected() {
    let t = TestServer::start().await;
    let ask = |host: &str| {
        let request = Request::builder().method("POST").uri("/mcp/oauth").header("host", host);
        request.body(Body::from("{}")).unwrap()
    };
    for host in ["127.0.0.1:8990", "localhost:1234", "LOCALHOST", "[::1]:8990"] {
        assert_eq!(t.send(ask(host)).await.status, 401, "{host}");
    }
    for host in ["evil.example", "evil.example:8990", "127.0.0.1.evil.example", "a@127.0.0.1", ""] {
        let answer = t.send(ask(host)).await;
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(answer.json()["error"], "misdirected_request");
    }
    let without = Request::builder().method("POST").uri("/mcp/oauth").body(Body::empty()).unwrap();
    assert_eq!(t.send(without).await.status, 421);
}
