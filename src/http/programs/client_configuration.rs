//! `GET`, `PUT` and `DELETE /register/{client_id}`: the client configuration endpoint (RFC 7592 §2).
use super::register::{REGISTERED, metadata, metadata_schema};
use crate::{
    app::App,
    clients::manage::ManagedClient,
    config::RegistrationPolicy,
    error::OAuthError,
    http::{
        endpoint::Endpoint,
        extract::{ClientIp, bearer},
        respond::NoStore,
    },
};
use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse,
    routing,
};
use keyward_shared::api::Operation;
use serde_json::Value;
use std::sync::Arc;

type Id = Result<Path<String>, PathRejection>;

pub fn endpoint(app: &App) -> Endpoint {
    let settings = &app.config.registration;
    let on = settings.management && settings.policy != RegistrationPolicy::Off;
    let methods = routing::get(read).put(update).delete(delete);
    let endpoint = Endpoint::new("/register/{client_id}", methods, described()).only_if(on);
    endpoint
        .cors(&[Method::GET, Method::PUT, Method::DELETE], &["authorization", "content-type", "mcp-protocol-version"])
}

fn described() -> [Operation; 3] {
    let read = Operation::get("What is known of a client (RFC 7592 §2.1)").tells(200, "Its metadata", REGISTERED);
    let update = Operation::put("Changes what is known of a client (RFC 7592 §2.2)");
    let update = update.takes("application/json", &metadata_schema()).tells(200, "Its metadata", REGISTERED);
    let delete = Operation::delete("Deletes a client (RFC 7592 §2.3)").answers(204, "It is gone");
    [read, update, delete].map(|told| told.tag("For clients").secured(&["registration"]))
}

/// A path that is not valid text matches no identifier.
async fn managed(app: &App, id: Id, headers: &HeaderMap) -> Result<ManagedClient, OAuthError> {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    ManagedClient::find(app, &id, bearer(headers)?).await
}

async fn read(State(app): State<Arc<App>>, id: Id, headers: HeaderMap) -> Result<NoStore<Json<Value>>, OAuthError> {
    managed(&app, id, &headers).await?.read(&app).map(|information| NoStore(Json(information)))
}

async fn update(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Result<NoStore<Json<Value>>, OAuthError> {
    let mut managed = managed(&app, id, &headers).await?;
    let body = metadata(&headers, body).await?;
    managed.update(&app, &body, address).await.map(|information| NoStore(Json(information)))
}

async fn delete(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    id: Id,
    headers: HeaderMap,
) -> Result<impl IntoResponse, OAuthError> {
    managed(&app, id, &headers).await?.delete(&app, address).await?;
    Ok((StatusCode::NO_CONTENT, NoStore(())))
}
