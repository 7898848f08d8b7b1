//! Who may look inside, and who is kept out.
use super::VIEWS;
use crate::{
    support::{TestServer, ask},
    surfaces::headers,
};
use axum::{body::Body, extract::ConnectInfo, http::HeaderMap};
use keyward_resource_server::Settings;
use serde_json::json;
use std::net::SocketAddr;

/// What whoever may not look inside must not reach either.
const CONTROLS: [(&str, &str); 3] =
    [("GET", "/metrics"), ("POST", "/debug/explain"), ("POST", "/test-auth/bearer-token/mint")];
const ADMIN: &str = "the-administrators-own-token";

#[tokio::test]
async fn it_is_for_those_on_this_machine_in_the_demo_and_for_the_administrator_elsewhere() {
    let t = TestServer::start().await;
    let admin = || headers(&[("authorization", &format!("Bearer {ADMIN}"))]);
    let serious = async |text: &str| TestServer::start().await.with(Settings::parse(text).unwrap());
    let closed = serious("").await;
    let guarded = serious(&format!("admin_token = \"{ADMIN}\"")).await;
    for name in VIEWS {
        let path = format!("/debug/{name}");
        let get = async |t: &TestServer, from, headers| {
            ask(t, "GET", &path, from, headers, String::new()).await.status.as_u16()
        };
        assert_eq!(get(&t, [127, 0, 0, 1], HeaderMap::new()).await, 200, "{name}");
        assert_eq!(get(&t, [192, 0, 2, 1], HeaderMap::new()).await, 401, "{name}");
        assert_eq!(get(&closed, [127, 0, 0, 1], admin()).await, 404, "{name}");
        assert_eq!(get(&guarded, [127, 0, 0, 1], HeaderMap::new()).await, 401, "{name}");
        assert_eq!(get(&guarded, [192, 0, 2, 1], admin()).await, 200, "{name}");
        let page = headers(&[("origin", "https://evil.example")]);
        assert_eq!(get(&t, [127, 0, 0, 1], page).await, 403, "{name}");
    }
    let unknown = ask(&t, "GET", "/debug/no-such", [127, 0, 0, 1], HeaderMap::new(), String::new()).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn what_is_inside_is_out_of_reach_from_elsewhere_without_the_administrators_token() {
    let surface = "[[surface]]\nid = \"bearer-token\"\nkind = \"bearer-token\"";
    let server =
        async |text: &str| TestServer::start().await.with(Settings::parse(&format!("{text}\n{surface}")).unwrap());
    let admin = format!("admin_token = \"{ADMIN}\"");
    let servers = [
        // Demo, administrator, and what each of four askers gets.
        (server("").await, [404, 404, 404, 404]),
        (server(&admin).await, [401, 401, 200, 200]),
        (server("demo = true").await, [200, 401, 200, 401]),
        (server(&format!("demo = true\n{admin}")).await, [200, 401, 200, 200]),
    ];
    let views = VIEWS.map(|name| ("GET", format!("/debug/{name}")));
    let all: Vec<_> = CONTROLS.map(|(method, path)| (method, path.to_owned())).into_iter().chain(views).collect();
    for (t, expected) in servers {
        let here = [127, 0, 0, 1];
        let elsewhere = [192, 0, 2, 1];
        for (method, path) in &all {
            let body = json!({"surface": "bearer-token"}).to_string();
            let body = if path.ends_with("explain") { body } else { String::new() };
            let known = || headers(&[("authorization", &format!("Bearer {ADMIN}"))]);
            let askers =
                [(here, HeaderMap::new()), (elsewhere, HeaderMap::new()), (here, known()), (elsewhere, known())];
            for ((from, brought), expected) in askers.into_iter().zip(expected) {
                let answer = ask(&t, method, path, from, brought, body.clone()).await;
                assert_eq!(answer.status, expected, "{path} from {from:?}: {answer:?}");
                if expected == 401 {
                    assert_eq!(answer.json()["error"], "unauthorized");
                    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"administration\""));
                }
                t.clock.advance(time::Duration::minutes(1));
            }
            let page = headers(&[("origin", "https://evil.example"), ("authorization", &format!("Bearer {ADMIN}"))]);
            let answer = ask(&t, method, path, here, page, body.clone()).await;
            assert_eq!(answer.status, if expected[0] == 404 { 404 } else { 403 }, "{path}");
            let mut request = axum::http::Request::builder().method(*method).uri(path).header("host", "evil.example");
            request = request.header("authorization", format!("Bearer {ADMIN}"));
            let mut request = request.body(Body::from(body)).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((here, 1))));
            assert_eq!(t.send(request).await.status, if expected[0] == 404 { 404 } else { 421 }, "{path}");
        }
    }
}

#[tokio::test]
async fn wrong_tokens_of_the_operator_are_refused_unread_after_a_hundred_and_the_right_one_never() {
    let t = TestServer::start().await.with(Settings::parse(&format!("admin_token = \"{ADMIN}\"")).unwrap());
    for number in 0..200 {
        let guess = headers(&[("authorization", &format!("Bearer guess-{number}"))]);
        let status = ask(&t, "GET", "/metrics", [192, 0, 2, 1], guess, String::new()).await.status;
        assert_eq!(status, if number < 100 { 401 } else { 429 }, "{number}");
    }
    assert_eq!(ask(&t, "GET", "/metrics", [192, 0, 2, 1], HeaderMap::new(), String::new()).await.status, 401);
    let right = headers(&[("authorization", &format!("Bearer {ADMIN}"))]);
    assert_eq!(ask(&t, "GET", "/metrics", [192, 0, 2, 1], right, String::new()).await.status, 200);
}

#[tokio::test]
async fn attack_126_what_is_open_on_this_machine_is_closed_as_soon_as_a_proxy_tells_of_itself() {
    let t = TestServer::start().await;
    let views = VIEWS.map(|name| ("GET", format!("/debug/{name}")));
    let all: Vec<_> = CONTROLS.map(|(method, path)| (method, path.to_owned())).into_iter().chain(views).collect();
    for (method, path) in &all {
        for name in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "x_forwarded_host",
            "X-Real-IP",
            "CF-Connecting-IP",
            "CF-Ray",
            "True-Client-IP",
            "CDN-Loop",
            "X-Envoy-External-Address",
            "X-Amzn-Trace-Id",
            "Proxy-Connection",
        ] {
            for value in ["127.0.0.1", ""] {
                let forwarded = headers(&[(name, value)]);
                let answer = ask(&t, method, path, [127, 0, 0, 1], forwarded, String::new()).await;
                assert_eq!(
                    (answer.status.as_u16(), &answer.json()["error"]),
                    (401, &json!("unauthorized")),
                    "{path} {name}"
                );
                assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"administration\""));
                t.clock.advance(time::Duration::minutes(1));
            }
        }
        let direct = ask(&t, method, path, [127, 0, 0, 1], HeaderMap::new(), "{}".to_owned()).await;
        assert_ne!(direct.status, 401, "{path}");
    }
}
