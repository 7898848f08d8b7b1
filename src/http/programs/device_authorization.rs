//! `POST /device_authorization` (RFC 8628 §3.1).
use crate::{
    app::App,
    authorization::device::{self, INTERVAL, LIFETIME},
    error::OAuthError,
    http::{
        described::form_of_clients,
        endpoint::Endpoint,
        extract::{ClientAuth, ClientIp},
        respond::NoStore,
    },
};
use axum::{Json, extract::State, http::Method, routing};
use keyward_shared::api::Type;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn endpoint(app: &App) -> Endpoint {
    let told = form_of_clients(
        "Codes for a device without a browser (RFC 8628 §3.1)",
        &[("scope", false, "What for."), ("resource", false, "At which MCP server (RFC 8707).")],
    );
    let members = [
        ("device_code", true, Type::Text),
        ("user_code", true, Type::Text),
        ("verification_uri", true, Type::Text),
        ("verification_uri_complete", true, Type::Text),
        ("expires_in", true, Type::Number),
        ("interval", true, Type::Number),
    ];
    let told = told.tells(200, "The codes, and where to type one in (RFC 8628 §3.2)", &members);
    let endpoint = Endpoint::new("/device_authorization", routing::post(post), [told]);
    let endpoint =
        endpoint.advertised("device_authorization_endpoint").only_if(app.config.device_authorization.enabled);
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    ClientAuth { client, params }: ClientAuth,
) -> Result<NoStore<Json<Value>>, OAuthError> {
    let codes = device::begin(&app, &client, &params, address).await?;
    let (uri, user_code) = (format!("{}/device", app.config.base()), codes.user_code.expose());
    Ok(NoStore(Json(json!({
        "device_code": codes.device_code.expose(),
        "verification_uri_complete": format!("{uri}?user_code={user_code}"),
        "verification_uri": uri,
        "user_code": user_code,
        "expires_in": LIFETIME,
        "interval": INTERVAL,
    }))))
}
