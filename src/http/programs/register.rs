//! `POST /register` (RFC 7591 §3).
use crate::{
    app::App,
    clients::register::register,
    config::RegistrationPolicy,
    error::OAuthError,
    http::{
        endpoint::Endpoint,
        extract::{ClientIp, bearer, is_type, read},
        respond::NoStore,
    },
    model::AuthMethod,
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
    routing,
};
use keyward_shared::api::{Member, Operation, Type};
use serde_json::{Value, json};
use std::sync::Arc;

const METHODS: [AuthMethod; 4] =
    [AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::PrivateKeyJwt];
const MAX_BODY_BYTES: usize = 32 * 1024;

pub fn endpoint(app: &App) -> Endpoint {
    let on = app.config.registration.policy != RegistrationPolicy::Off;
    let endpoint =
        Endpoint::new("/register", routing::post(post), [described()]).advertised("registration_endpoint").only_if(on);
    let endpoint = endpoint.legacy_path("/oauth/register");
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "mcp-protocol-version"])
}

fn described() -> Operation {
    let told = Operation::post("Registers a client (RFC 7591 §3)").tag("For clients").secured(&["", "registration"]);
    told.takes("application/json", &metadata_schema()).tells(201, "What was registered (RFC 7591 §3.2.1)", REGISTERED)
}

/// The client information response (RFC 7591 §3.2.1, RFC 7592 §3).
pub(super) const REGISTERED: &[Member] = &[
    ("client_id", true, Type::Text),
    ("client_id_issued_at", true, Type::Number),
    ("client_secret", false, Type::Text),
    ("client_secret_expires_at", false, Type::Number),
    ("registration_access_token", false, Type::Text),
    ("registration_client_uri", false, Type::Text),
    ("redirect_uris", true, Type::Texts),
    ("token_endpoint_auth_method", true, Type::Text),
    ("grant_types", true, Type::Texts),
    ("response_types", true, Type::Texts),
    ("application_type", true, Type::Text),
    ("client_name", false, Type::Text),
    ("client_uri", false, Type::Text),
    ("logo_uri", false, Type::Text),
    ("tos_uri", false, Type::Text),
    ("policy_uri", false, Type::Text),
    ("contacts", false, Type::Texts),
    ("scope", false, Type::Text),
    ("software_id", false, Type::Text),
    ("software_version", false, Type::Text),
    ("software_statement", false, Type::Text),
    ("id_token_signed_response_alg", false, Type::Text),
    ("require_pushed_authorization_requests", false, Type::Truth),
    ("dpop_bound_access_tokens", false, Type::Truth),
    ("jwks", false, Type::Object),
    ("jwks_uri", false, Type::Text),
];

/// Members of client metadata (RFC 7591 §2) that typical clients of this server use; the documentation lists all.
pub(super) fn metadata_schema() -> Value {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    json!({"type": "object", "properties": {
        "redirect_uris": texts, "grant_types": texts, "response_types": texts,
        "token_endpoint_auth_method": {"enum": METHODS},
        "client_name": {"type": "string"}, "client_uri": {"type": "string"}, "logo_uri": {"type": "string"},
        "scope": {"type": "string"}, "application_type": {"enum": ["native", "web"]},
        "jwks": {"type": "object"}, "jwks_uri": {"type": "string"},
    }})
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, OAuthError> {
    let body = metadata(&headers, body).await?;
    let registered = register(&app, &body, bearer(&headers)?, address).await?;
    Ok((StatusCode::CREATED, NoStore(Json(registered))))
}

/// Client metadata in the body of a registration or its update.
pub(super) async fn metadata(headers: &HeaderMap, body: Body) -> Result<Bytes, OAuthError> {
    if !is_type(headers, "application/json") {
        return Err(OAuthError::invalid_client_metadata("the body must be application/json (RFC 7591 section 3.1)"));
    }
    read(body, MAX_BODY_BYTES).await
}
