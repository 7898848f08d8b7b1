//! What clients say of themselves when they register, and managing that afterwards (RFC 7591, RFC 7592).
use super::{
    app::{Answer, TestApp},
    peers::from,
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

/// The setting that lets clients manage their registrations.
pub const ON: &str = "registration.management = true";

/// A public client.
pub fn public(name: &str, redirect_uri: &str) -> Value {
    json!({"client_name": name, "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"})
}

/// A public client that has its tokens refreshed.
pub fn refreshing(name: &str, redirect_uri: &str) -> Value {
    let mut body = public(name, redirect_uri);
    body["grant_types"] = json!(["authorization_code", "refresh_token"]);
    body
}

pub async fn register_from(t: &TestApp, address: [u8; 4], body: &Value) -> Answer {
    let request = Request::post("/register").header("content-type", "application/json");
    t.send(from(address, request.body(Body::from(body.to_string())).unwrap())).await
}

/// With an initial access token (RFC 7591 §3).
pub async fn register_with_token(t: &TestApp, token: &str, body: &Value) -> Answer {
    let request = Request::post("/register").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {token}"));
    t.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// The identifier and the token of a new registration.
pub async fn registered(t: &TestApp, body: &Value) -> (String, String) {
    let answer = t.register(body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let text = |name: &str| answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_owned();
    (text("client_id"), text("registration_access_token"))
}

/// At the client configuration endpoint, with this token.
pub async fn manage(t: &TestApp, method: &str, id: &str, token: &str, body: Option<&Value>) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("/register/{id}"));
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    t.send(request.header("content-type", "application/json").body(Body::from(body)).unwrap()).await
}
