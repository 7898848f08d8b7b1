//! Who may use the operators' endpoints, and that nobody else learns anything.
use super::open;
use crate::support::{
    app::{Answer, TestApp},
    db::fresh_db,
};
use axum::{body::Body, extract::ConnectInfo, http::Request};
use std::net::SocketAddr;

const PATHS: [&str; 4] = ["/debug/clients", "/debug/config", "/debug/nothing", "/metrics"];
const TOKEN: &str = "an operator's token";

/// What proxies add, whatever it says.
const PROXIES: [&str; 12] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "X_Forwarded_Host",
    "forwarded",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
    "true-client-ip",
    "cdn-loop",
    "x-envoy-external-address",
    "x-amzn-trace-id",
    "proxy-connection",
];

async fn ask(t: &TestApp, path: &str, peer: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    t.send(request).await
}

/// A refusal, and nothing more.
#[track_caller]
fn nothing(answer: &Answer, status: u16, error: &str) {
    answer.refused(status, error);
    assert_eq!(answer.json().as_object().unwrap().len(), 2, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn attack_127_in_the_demo_this_machine_may_look_and_nobody_else_nor_anybody_behind_a_proxy() {
    let t = open("").await;
    for host in ["127.0.0.1:8999", "localhost:8999", "[::1]:8999", "auth.example", "AUTH.example:443"] {
        for peer in ["127.0.0.1:40000", "[::1]:40000", "[::ffff:127.0.0.1]:40000"] {
            assert_eq!(ask(&t, "/debug/clients", peer, &[("host", host)]).await.status, 200, "{host} {peer}");
        }
    }
    let here = [("host", "127.0.0.1:8999")];
    for path in PATHS {
        for peer in ["192.0.2.1:40000", "10.0.0.1:40000", "[2001:db8::1]:40000"] {
            let answer = ask(&t, path, peer, &here).await;
            nothing(&answer, 401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="keyward""#);
        }
        for header in PROXIES {
            let forwarded = [here[0], (header, "127.0.0.1")];
            nothing(&ask(&t, path, "127.0.0.1:40000", &forwarded).await, 401, "unauthorized");
            // A proxy that is believed may say what it likes.
            nothing(&ask(&t, path, "10.0.0.1:40000", &forwarded).await, 401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn a_browser_here_that_shows_somebody_elses_page_is_told_nothing() {
    let t = open("").await;
    for path in PATHS {
        for host in ["evil.example", "evil.example:8999", "127.0.0.1.evil.example", "user@127.0.0.1", "", "a b"] {
            nothing(&ask(&t, path, "127.0.0.1:40000", &[("host", host)]).await, 421, "misdirected_request");
        }
        nothing(&ask(&t, path, "127.0.0.1:40000", &[]).await, 421, "misdirected_request");
        let two = [("host", "127.0.0.1"), ("host", "evil.example")];
        nothing(&ask(&t, path, "127.0.0.1:40000", &two).await, 421, "misdirected_request");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "http://127.0.0.1:3000"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let headers = [("host", "127.0.0.1:8999"), (name, value)];
            nothing(&ask(&t, path, "127.0.0.1:40000", &headers).await, 403, "forbidden");
        }
    }
    let own = [("host", "auth.example"), ("origin", "https://auth.example"), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask(&t, "/metrics", "127.0.0.1:40000", &own).await.status, 200);
}

#[tokio::test]
async fn elsewhere_the_administrator_may_look_from_anywhere_and_this_machine_may_not() {
    let t = TestApp::with(&format!("debug.admin_token = {TOKEN:?}")).await;
    let bearer = format!("bearer {TOKEN}");
    let anywhere = [("authorization", bearer.as_str()), ("host", "keyward:8999"), ("x-forwarded-for", "192.0.2.7")];
    for path in ["/debug/clients", "/metrics"] {
        assert_eq!(ask(&t, path, "10.0.0.1:40000", &anywhere).await.status, 200);
    }
    ask(&t, "/debug/nothing", "10.0.0.1:40000", &anywhere).await.refused(404, "not_found");
    for path in PATHS {
        nothing(&ask(&t, path, "127.0.0.1:40000", &[("host", "127.0.0.1:8999")]).await, 401, "unauthorized");
    }
    let basic = crate::support::app::basic("operator", TOKEN);
    for wrong in [&basic, "Bearer", TOKEN] {
        nothing(&ask(&t, "/debug/audit", "192.0.2.1:40000", &[("authorization", wrong)]).await, 401, "unauthorized");
    }
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_and_the_right_one_never_is() {
    let t = TestApp::with(&format!("debug.admin_token = {TOKEN:?}")).await;
    let wrong = format!("Bearer {TOKEN}s");
    for _ in 0..5 {
        let answer = ask(&t, "/debug/audit", "192.0.2.1:40000", &[("authorization", &wrong)]).await;
        nothing(&answer, 401, "invalid_token");
        assert!(answer.header("www-authenticate").contains(r#"error="invalid_token""#), "{answer:?}");
    }
    let answer = ask(&t, "/metrics", "192.0.2.1:40000", &[("authorization", &wrong)]).await;
    nothing(&answer, 429, "too_many_requests");
    assert!(!answer.header("retry-after").is_empty());
    let right = format!("Bearer {TOKEN}");
    assert_eq!(ask(&t, "/metrics", "192.0.2.1:40000", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn switched_off_there_is_nothing() {
    let t = TestApp::on(fresh_db().await, "").await;
    for path in PATHS {
        nothing(&ask(&t, path, "127.0.0.1:40000", &[("host", "127.0.0.1:8999")]).await, 404, "not_found");
    }
}
