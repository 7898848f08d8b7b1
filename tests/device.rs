//! The device authorization grant (RFC 8628), from the two codes to the tokens.
mod again;
mod polling;
mod proxies;

use crate::support::{
    app::{Answer, ISSUER, MCP, OTHER, PASSWORD, TestApp, encode},
    browser::borrowed,
    device::{GRANT_TYPE, ask, begin, decide, decision, device_client, enter, poll, poll_later, user_code},
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use keyward::{
    model::ClientId,
    storage::{audit_events, grants},
};
use serde_json::json;
use std::net::SocketAddr;
use time::Duration;

#[tokio::test]
async fn a_device_gets_what_a_person_elsewhere_allowed_and_keeps_it_fresh() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "Living room").await;
    let device = begin(&t, &tv, &[("scope", "mcp:read openid offline_access")]).await;
    assert_eq!(device["verification_uri"], format!("{ISSUER}/device"));
    let complete = format!("{ISSUER}/device?user_code={}", user_code(&device));
    assert_eq!(device["verification_uri_complete"], complete);
    assert_eq!((&device["expires_in"], &device["interval"]), (&json!(600), &json!(5)));
    poll_later(&t, &tv, &device).await.refused(400, "authorization_pending");

    let mut alice = t.signed_in("alice").await;
    let page = enter(&mut alice, user_code(&device)).await;
    for told in ["Living room", "unverified", "Notes", "Read your notes", "127.0.0.1", user_code(&device), "alice"] {
        assert!(page.body.contains(told), "{told} is missing: {}", page.body);
    }
    let done = alice.post("/device/decision", &borrowed(&decision(&page, "allow"))).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (200, ""));

    let answer = poll_later(&t, &tv, &device).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "mcp:read openid offline_access");
    let claims = TestApp::claims(&tokens["access_token"]);
    let user = t.user_named("alice").await;
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!(user.id.to_string()), &json!(MCP)));
    assert_eq!(claims["client_id"], tv.as_str());
    assert_eq!(claims["acr"], keyward::oauth::authentication_context::PASSWORD);
    assert_eq!(TestApp::claims(&tokens["id_token"])["aud"], tv.as_str());
    assert_eq!(t.introspect(tokens["access_token"].as_str().unwrap()).await.json()["active"], true);
    let refreshed = t.refresh(&tv, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let refreshed = t.refresh(&tv, refreshed.json()["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    for tokens in [tokens, refreshed.json()] {
        assert_eq!(TestApp::claims(&tokens["access_token"])["grant_type"], GRANT_TYPE);
    }

    let granted = grants::find_by_user(&t.db, user.id).await.unwrap();
    assert_eq!((granted.len(), granted[0].generation), (1, 3));
    let events = audit_events::recent(&t.db, 20).await.unwrap();
    let approval = events.iter().find(|event| event.event_type == "approval").unwrap();
    assert_eq!((approval.success, &approval.details["mode"]), (true, &json!("device")));
    assert!(
        events.iter().any(|event| event.event_type == "device_code_redeemed" && event.grant_id == Some(granted[0].id))
    );
}

#[tokio::test]
async fn a_no_stays_a_no_when_the_person_goes_back_and_allows() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    let mut alice = t.signed_in("alice").await;
    let page = enter(&mut alice, user_code(&device)).await;
    assert_eq!(alice.post("/device/decision", &borrowed(&decision(&page, "deny"))).await.status, 200);
    alice.post("/device/decision", &borrowed(&decision(&page, "allow"))).await;
    for _ in 0..3 {
        poll(&t, &tv, &device).await.refused(400, "access_denied");
    }
    assert!(grants::find_by_user(&t.db, t.user_named("alice").await.id).await.unwrap().is_empty());
    let events = audit_events::recent(&t.db, 20).await.unwrap();
    let said: Vec<_> =
        events.iter().filter(|event| event.event_type == "approval").map(|event| event.success).collect();
    assert_eq!(said, [false]);
}

#[tokio::test]
async fn a_no_is_told_to_the_device_each_time_it_asks_and_is_on_record() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    let done = decide(&mut t.signed_in("alice").await, &device, "deny").await;
    assert!(done.status == 200 && done.body.contains("Nothing was allowed"), "{done:?}");
    for _ in 0..2 {
        poll_later(&t, &tv, &device).await.refused(400, "access_denied");
    }
    assert!(grants::find_by_user(&t.db, t.user_named("alice").await.id).await.unwrap().is_empty());
    let events = audit_events::recent(&t.db, 10).await.unwrap();
    assert!(events.iter().any(|event| event.event_type == "approval" && !event.success));
}

#[tokio::test]
async fn a_device_is_asked_about_each_time_whatever_was_allowed_before() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let mut alice = t.signed_in("alice").await;
    for _ in 0..2 {
        let device = begin(&t, &tv, &[]).await;
        decide(&mut alice, &device, "allow").await;
        assert_eq!(poll_later(&t, &tv, &device).await.status, 200);
    }
    let granted = grants::find_by_user(&t.db, t.user_named("alice").await.id).await.unwrap();
    assert_eq!(granted.len(), 2, "each device has a grant of its own");
}

#[tokio::test]
async fn the_link_with_the_code_fills_it_in_after_sign_in_and_decides_nothing() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "Kitchen display").await;
    let device = begin(&t, &tv, &[]).await;
    let link = format!("/device?user_code={}", user_code(&device));
    let mut browser = t.browser();
    let to_login = browser.get(&link).await;
    let return_to = to_login.returned_to();
    assert_eq!(return_to, link);
    assert_eq!(browser.sign_in("alice", PASSWORD, &return_to).await.location(), link);
    let page = browser.get(&link).await;
    assert!(page.body.contains(&format!("value=\"{}\"", user_code(&device))), "{}", page.body);
    // Nothing was looked up: a code that does not exist looks the same.
    let other = browser.get("/device?user_code=BBBB-BBBB").await;
    assert!(other.status == 200 && other.body.contains("value=\"BBBB-BBBB\""));
    assert!(!page.body.contains("Kitchen display"));
    poll_later(&t, &tv, &device).await.refused(400, "authorization_pending");
}

impl Answer {
    fn returned_to(&self) -> String {
        let query = self.location().strip_prefix("/login?").unwrap();
        url::form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned()
    }
}

#[tokio::test]
async fn sign_in_leads_back_to_the_device_page_and_nowhere_that_only_looks_like_it() {
    let t = TestApp::start().await;
    for good in ["/device", "/device?user_code=BCDF-GHJK"] {
        assert_eq!(t.browser().sign_in("alice", PASSWORD, good).await.location(), good);
    }
    for bad in ["/device/decision", "/devices", "/device/../x", "//device", "/device?x=1", "/device\\x"] {
        let answer = t.browser().get(&format!("/login?{}", encode(&[("return_to", bad)]))).await;
        answer.page(400);
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_to_the_device_before_anybody_is_asked() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let browser = t.public_client("browser", &[crate::support::app::CALLBACK]).await;
    ask(&t, &browser, &[]).await.refused(400, "unauthorized_client");
    ask(&t, &"unknown".into(), &[]).await.refused(401, "invalid_client");
    t.post("/device_authorization", &[]).await.refused(401, "invalid_client");
    ask(&t, &tv, &[("scope", "a  b")]).await.refused(400, "invalid_scope");
    ask(&t, &tv, &[("scope", "nobody:knows")]).await.refused(400, "invalid_scope");
    ask(&t, &tv, &[("resource", "https://unknown.example")]).await.refused(400, "invalid_target");
    ask(&t, &tv, &[("scope", "mcp:read"), ("scope", "mcp:read")]).await.refused(400, "invalid_request");
    assert_eq!(t.get("/device_authorization").await.status, 405);
    let form = [("grant_type", GRANT_TYPE), ("client_id", tv.as_str())];
    t.post("/token", &form).await.refused(400, "invalid_request");
    let in_the_url = t.post("/token?device_code=x", &form).await;
    in_the_url.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_confidential_client_proves_itself_at_both_steps() {
    let t = TestApp::start().await;
    let registered = t.register(&json!({"client_name": "Kiosk", "grant_types": [GRANT_TYPE]})).await.json();
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    let kiosk = ClientId::from(id);
    assert_eq!((&registered["response_types"], &registered["redirect_uris"]), (&json!([]), &json!([])));
    ask(&t, &kiosk, &[]).await.refused(401, "invalid_client");
    let device = begin(&t, &kiosk, &[("client_secret", secret)]).await;
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    poll_later(&t, &kiosk, &device).await.refused(401, "invalid_client");
    let code = device["device_code"].as_str().unwrap();
    let form = [("grant_type", GRANT_TYPE), ("device_code", code), ("client_id", id), ("client_secret", secret)];
    let tokens = t.post("/token", &form).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    // It did not register refresh_token.
    assert_eq!(tokens.json().get("refresh_token"), None);
}

#[tokio::test]
async fn the_device_gets_what_the_person_may_grant_for_the_resource_it_named() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device =
        begin(&t, &tv, &[("scope", "other:read mcp:read mcp:admin"), ("resource", OTHER), ("resource", MCP)]).await;
    let page = enter(&mut t.signed_in("alice").await, user_code(&device)).await;
    assert!(page.body.contains("other:read") && page.body.contains("Not available to you:") && page.body.contains(MCP));
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    t.app.clock.advance(Duration::seconds(60));
    let code = device["device_code"].as_str().unwrap();
    let form = [("grant_type", GRANT_TYPE), ("client_id", tv.as_str()), ("device_code", code)];
    // A mistake uses nothing up.
    t.post("/token", &[&form[..], &[("resource", "https://unknown.example")]].concat())
        .await
        .refused(400, "invalid_target");
    t.app.clock.advance(Duration::seconds(60));
    let tokens = t.post("/token", &[&form[..], &[("resource", OTHER)]].concat()).await.json();
    assert_eq!(
        (&tokens["scope"], &TestApp::claims(&tokens["access_token"])["aud"]),
        (&json!("other:read"), &json!(OTHER))
    );

    // What only administrators may grant is granted by one.
    let device = begin(&t, &tv, &[("scope", "mcp:admin")]).await;
    enter(&mut t.signed_in("alice").await, user_code(&device)).await.page(400);
    decide(&mut t.signed_in("root").await, &device, "allow").await;
    assert_eq!(poll_later(&t, &tv, &device).await.json()["scope"], "mcp:admin");
}

#[tokio::test]
async fn who_was_disabled_since_brings_no_tokens() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    let alice = t.user_named("alice").await;
    t.db.set_user_disabled(alice.id, Some(t.app.clock.now())).await;
    poll_later(&t, &tv, &device).await.refused(400, "invalid_grant");
    t.db.set_client_disabled(&tv, Some(t.app.clock.now())).await;
    t.app.clients.forget(&tv);
    poll_later(&t, &tv, &device).await.refused(401, "invalid_client");
}

async fn ask_from(t: &TestApp, client: &ClientId, address: &str) -> Answer {
    let request =
        Request::post("/device_authorization").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut request = request.body(Body::from(encode(&[("client_id", client.as_str())]))).unwrap();
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(address.parse().unwrap()));
    t.send(request).await
}

#[tokio::test]
async fn so_many_codes_at_once_for_one_address_and_for_one_client() {
    let t = TestApp::with("device_authorization = { max_per_address = 2, max_per_client = 3 }").await;
    let (tv, other) = (device_client(&t, "TV").await, device_client(&t, "Other").await);
    for port in 1..=2 {
        assert_eq!(ask_from(&t, &tv, &format!("[2001:db8::{port}]:1")).await.status, 200);
    }
    let refused = ask_from(&t, &other, "[2001:db8::3]:1").await;
    refused.refused(429, "too_many_requests");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(ask_from(&t, &tv, "192.0.2.1:1").await.status, 200);
    // Where all wait that may, one of whoever has most gives way; and whoever that is gets no more.
    assert_eq!(ask_from(&t, &tv, "192.0.2.2:1").await.status, 200);
    ask_from(&t, &tv, "192.0.2.2:1").await.refused(429, "too_many_requests");
    assert_eq!(ask_from(&t, &other, "192.0.2.2:1").await.status, 200);
    t.app.clock.advance(Duration::minutes(10));
    assert_eq!(ask_from(&t, &tv, "[2001:db8::1]:1").await.status, 200);
}

#[tokio::test]
async fn the_picture_of_the_link_is_drawn_for_any_code() {
    let t = TestApp::start().await;
    let device = begin(&t, &device_client(&t, "TV").await, &[]).await;
    let picture = t.get(&format!("/device/qr?user_code={}", user_code(&device))).await;
    assert_eq!((picture.status.as_u16(), picture.header("content-type")), (200, "image/svg+xml"));
    assert!(picture.body.contains("<svg") && !picture.body.contains(user_code(&device)));
    assert_eq!(t.get("/device/qr?user_code=BBBB-BBBB").await.status, 200);
    t.get("/device/qr?user_code=%3Cscript%3E").await.page(400);
    t.get("/device/qr").await.page(400);
}

#[tokio::test]
async fn switched_off_nothing_of_it_is_left() {
    let t = TestApp::with("device_authorization.enabled = false").await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata.get("device_authorization_endpoint"), None);
    assert!(!metadata["grant_types_supported"].to_string().contains("device_code"));
    let client = t.public_client("c", &[crate::support::app::CALLBACK]).await;
    ask(&t, &client, &[]).await.refused(404, "not_found");
    for page in ["/device", "/device/qr?user_code=BBBB-BBBB"] {
        t.get(page).await.refused(404, "not_found");
    }
    let form = [("grant_type", GRANT_TYPE), ("client_id", "c"), ("device_code", "x")];
    t.post("/token", &form).await.refused(400, "unsupported_grant_type");
    t.register(&json!({"grant_types": [GRANT_TYPE]})).await.refused(400, "invalid_client_metadata");
    let on = TestApp::start().await.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(on["device_authorization_endpoint"], format!("{ISSUER}/device_authorization"));
}

#[tokio::test]
async fn devices_can_be_told_to_get_no_refresh_token_and_the_page_says_how_short_that_is() {
    const OFF: &str = "device_authorization.refresh_tokens = false";
    let t = TestApp::with(OFF).await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[("scope", "mcp:read offline_access")]).await;
    let mut alice = t.signed_in("alice").await;
    let page = enter(&mut alice, user_code(&device)).await;
    assert!(page.body.contains("Up to 10 minutes.") && !page.body.contains("180 days"), "{page:?}");
    alice.post("/device/decision", &borrowed(&decision(&page, "allow"))).await;
    let tokens = poll_later(&t, &tv, &device).await.json();
    assert_eq!((&tokens["scope"], tokens.get("refresh_token")), (&json!("mcp:read"), None), "{tokens}");

    // Others keep theirs; and what a device got before it was switched off is worth nothing any more.
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    let before = poll_later(&t, &tv, &device).await.json();
    let app = t.public_client("app", &["https://client.example/cb"]).await;
    let web = t.tokens(&app, &[]).await;
    let t = TestApp::on(t.db, OFF).await;
    t.refresh(&tv, before["refresh_token"].as_str().unwrap()).await.refused(400, "invalid_grant");
    assert_eq!(t.refresh(&app, web["refresh_token"].as_str().unwrap()).await.status, 200);
}
