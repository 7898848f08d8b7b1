//! Rules for every endpoint: methods, sizes, errors, headers, and which origins may read the responses.
mod cors;
mod documents;
mod headers;
mod socket;

use crate::support::app::{Answer, CALLBACK, ISSUER, TestApp, VERIFIER, authorize_path, basic};
use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;

/// Every path for programs, with its methods as `Allow` names them.
const ENDPOINTS: [(&str, &str); 13] = [
    ("/token", "POST"),
    ("/par", "POST"),
    ("/revoke", "POST"),
    ("/introspect", "POST"),
    ("/register", "POST"),
    ("/userinfo", "GET,HEAD,POST"),
    ("/jwks", "GET,HEAD"),
    ("/logos/none", "GET,HEAD"),
    ("/health", "GET,HEAD"),
    ("/ready", "GET,HEAD"),
    ("/.well-known/oauth-authorization-server", "GET,HEAD"),
    ("/.well-known/openid-configuration", "GET,HEAD"),
    // Nothing is there, and a GET says so.
    ("/.well-known/openid-configuration/", "GET,HEAD"),
];
const PAGES: [(&str, &str); 7] = [
    ("/", "GET,HEAD"),
    ("/authorize", "GET,HEAD,POST"),
    ("/login", "GET,HEAD,POST"),
    ("/logout", "GET,HEAD,POST"),
    ("/consent", "POST"),
    ("/setup", "GET,HEAD,POST"),
    ("/static/keyward.css", "GET,HEAD"),
];

async fn call(t: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    t.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_told_which_are() {
    let t = TestApp::start().await;
    for (path, allowed) in ENDPOINTS.iter().chain(&PAGES) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = call(&t, method, path, &[]).await;
            let offered = allowed.split(',').any(|one| one == method);
            assert_eq!(answer.status == 405, !offered, "{method} {path}: {answer:?}");
            if !offered {
                assert_eq!(answer.header("allow"), *allowed, "{method} {path}");
                assert_eq!(answer.header("cache-control"), "no-store");
                if method != "HEAD" {
                    assert_eq!(answer.json()["error"], "invalid_request");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_too_large_is_refused_with_413() {
    let t = TestApp::start().await;
    let form = "application/x-www-form-urlencoded";
    for (path, content_type, limit) in [
        ("/token", form, 64),
        ("/par", form, 64),
        ("/revoke", form, 64),
        ("/introspect", form, 64),
        ("/userinfo", form, 64),
        ("/register", "application/json", 32),
    ] {
        for (bytes, too_large) in [(limit * 1024, false), (limit * 1024 + 1, true), (1 << 20, true)] {
            let request = Request::post(path).header("content-type", content_type);
            let answer = t.send(request.body(Body::from("&".repeat(bytes))).unwrap()).await;
            if too_large {
                answer.refused(413, "request_too_large");
            } else {
                assert_ne!(answer.status, 413, "{path}");
            }
        }
    }
    for path in ["/authorize", "/login", "/consent", "/logout", "/setup"] {
        let request = Request::post(path).header("content-type", form);
        let answer = t.send(request.body(Body::from("&".repeat(64 * 1024 + 1))).unwrap()).await;
        if path == "/logout" {
            assert!(answer.status == 413 || answer.status == 200);
        } else {
            answer.page(413);
        }
    }
}

/// RFC 6749 §5.2 and §4.1.2.1: %x20-21 / %x23-5B / %x5D-7E, and nothing that the request said.
#[track_caller]
fn speaks_plainly(text: &str) {
    let plain = text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
    assert!(plain && !text.is_empty() && !text.contains("canary"), "{text:?}");
}

#[tokio::test]
async fn errors_are_json_of_one_form_and_never_repeat_the_request() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let good = [("client_id", "c"), ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
    let strange = "canary\"\\\r\n\u{e4}";
    let mut answers = Vec::new();
    for name in ["client_id", "client_secret", "grant_type", "refresh_token", "scope", "resource", "code", "canary\""] {
        let mut form: Vec<_> = good.into_iter().filter(|(held, _)| *held != name).collect();
        form.push((name, strange));
        answers.push(t.post("/token", &form).await);
        form.push((name, strange));
        answers.push(t.post("/token", &form).await);
        // A revocation may name as many resources as it likes: nobody looks at them.
        form.retain(|(held, _)| *held != "resource");
        form.extend([("canary", strange), ("canary", strange)]);
        answers.push(t.post("/revoke", &form).await);
        answers.push(t.post("/introspect", &form).await);
    }
    let token = tokens["refresh_token"].as_str().unwrap();
    answers.push(t.refresh_with(&client, token, &[("scope", strange)]).await);
    answers.push(t.refresh_with(&client, token, &[("resource", strange)]).await);
    let code =
        [("grant_type", "authorization_code"), ("client_id", "c"), ("code", strange), ("code_verifier", VERIFIER)];
    answers.push(t.post("/token", &code).await);
    answers.push(t.post_with("/token", &good, &[("authorization", &basic(strange, strange))]).await);
    answers.push(call(&t, "GET", "/userinfo", &[("authorization", "Bearer canary")]).await);
    answers.push(call(&t, "GET", "/canary", &[]).await);
    answers.push(call(&t, "CANARY", "/token", &[]).await);
    for member in ["redirect_uris", "client_name", "grant_types", "scope", "client_uri", "canary", "application_type"] {
        for value in [json!(strange), json!([strange]), json!({strange: strange})] {
            let mut body = json!({"redirect_uris": ["http://canary.example"]});
            body[member] = value;
            answers.push(t.register(&body).await);
        }
    }
    for answer in answers {
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let error = answer.json();
        let members: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["error", "error_description"]);
        speaks_plainly(error["error"].as_str().unwrap());
        speaks_plainly(error["error_description"].as_str().unwrap());
        assert!(!format!("{:?}", answer.headers).contains("canary"), "{answer:?}");
    }
    assert_eq!(t.refresh(&client, token).await.status, 200);

    let mut browser = t.signed_in("alice").await;
    for name in ["response_type", "code_challenge", "code_challenge_method", "prompt", "max_age", "resource", "scope"] {
        let answer = browser.get(&authorize_path(&client, &[(name, strange)])).await;
        if let Some(described) = answer.returned("error_description") {
            speaks_plainly(&described);
            speaks_plainly(&answer.returned("error").unwrap());
        }
        assert_eq!(answer.returned("iss").as_deref(), Some(ISSUER));
        assert!(answer.returned("code").is_none() || name == "prompt", "{name}");
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_empty_ones_are_absent() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("unheard_of", "x"), ("nonce", ""), ("scope", "")]).await;
    assert_eq!(tokens["scope"], "mcp:read");
    let token = tokens["refresh_token"].as_str().unwrap();
    let more = [("unheard_of", "x"), ("scope", ""), ("resource", ""), ("resource", ""), ("client_secret", "")];
    assert_eq!(t.refresh_with(&client, token, &more).await.status, 200);
    t.refresh_with(&client, token, &[("unheard_of", "x"), ("unheard_of", "")]).await.refused(400, "invalid_request");
    t.post("/token", &[("client_id", "c"), ("grant_type", "")]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn addresses_come_from_the_configuration_whatever_the_headers_say() {
    let t = TestApp::start().await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    let paths = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks"];
    for path in paths {
        let answer = call(&t, "GET", path, &forged).await;
        assert_eq!(answer.body, t.get(path).await.body);
        assert!(!answer.body.contains("evil"));
    }
    let client = t.public_client("c", &[CALLBACK]).await;
    let answer = call(&t, "GET", &authorize_path(&client, &[("response_type", "token")]), &forged).await;
    assert_eq!(answer.returned("iss").as_deref(), Some(ISSUER));
    assert!(call(&t, "GET", &authorize_path(&client, &[]), &forged).await.location().starts_with("/login?"));
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_503_everywhere_and_says_when_to_come_back() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    let tokens = t.tokens(&client, &[("scope", "openid")]).await;
    let access = tokens["access_token"].as_str().unwrap();
    t.db.close().await.unwrap();
    let register = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
    let bearer = format!("Bearer {access}");
    for answer in [
        t.redeem(&client, &code).await,
        t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await,
        t.post("/token", &[("client_id", "unheard-of"), ("grant_type", "refresh_token")]).await,
        t.introspect(access).await,
        t.post("/revoke", &[("client_id", "c"), ("token", access)]).await,
        t.register(&register).await,
        call(&t, "GET", "/userinfo", &[("authorization", &bearer)]).await,
        call(&t, "GET", "/health", &[]).await,
    ] {
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    let unknown = t.get("/authorize?client_id=unheard-of").await;
    unknown.page(503);
    assert!(unknown.header("retry-after").parse::<u64>().unwrap() > 0);
    // What needs no database goes on.
    for path in ["/jwks", "/.well-known/oauth-authorization-server", "/login"] {
        assert_eq!(t.get(path).await.status, 200, "{path}");
    }
}
