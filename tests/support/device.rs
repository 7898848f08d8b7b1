//! A device that waits for tokens, and the person who types its code in (RFC 8628).
use super::{
    app::{Answer, TestApp},
    browser::{Browser, answered, borrowed, hidden},
};
use keyward::model::ClientId;
use serde_json::{Value, json};
use time::Duration;

pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A public client that registered itself, for devices only.
pub async fn device_client(t: &TestApp, name: &str) -> ClientId {
    let answer = t
        .register(&json!({
            "client_name": name, "grant_types": [GRANT_TYPE, "refresh_token"], "token_endpoint_auth_method": "none",
        }))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    ClientId::from(answer.json()["client_id"].as_str().unwrap())
}

pub async fn ask(t: &TestApp, client: &ClientId, more: &[(&str, &str)]) -> Answer {
    t.post("/device_authorization", &[&[("client_id", client.as_str())], more].concat()).await
}

/// A device that waits.
pub async fn begin(t: &TestApp, client: &ClientId, more: &[(&str, &str)]) -> Value {
    let answer = ask(t, client, more).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub async fn poll(t: &TestApp, client: &ClientId, device: &Value) -> Answer {
    let code = device["device_code"].as_str().unwrap();
    t.post("/token", &[("grant_type", GRANT_TYPE), ("client_id", client.as_str()), ("device_code", code)]).await
}

/// What the next timely poll says.
pub async fn poll_later(t: &TestApp, client: &ClientId, device: &Value) -> Answer {
    t.app.clock.advance(Duration::seconds(60));
    poll(t, client, device).await
}

pub fn user_code(device: &Value) -> &str {
    device["user_code"].as_str().unwrap()
}

/// Types a code in.
pub async fn enter(browser: &mut Browser<'_>, code: &str) -> Answer {
    let page = browser.get("/device").await;
    let mut form = hidden(&page, "/device");
    form.push(("user_code".into(), code.into()));
    browser.post("/device", &borrowed(&form)).await
}

/// The form of the question, answered.
#[track_caller]
pub fn decision(page: &Answer, decision: &str) -> Vec<(String, String)> {
    answered(page, "/device/decision", decision)
}

pub async fn decide(browser: &mut Browser<'_>, device: &Value, said: &str) -> Answer {
    let page = enter(browser, user_code(device)).await;
    browser.post("/device/decision", &borrowed(&decision(&page, said))).await
}
