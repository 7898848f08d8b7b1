//! `GET /health`: whether we run, and whether the database answers.
use super::Endpoint;
use crate::{app::App, error::OAuthError, http::respond::NoStore};
use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    Endpoint::new("/health", get(health)).for_machines()
}

async fn health(State(app): State<Arc<App>>) -> Result<NoStore<Json<Value>>, OAuthError> {
    app.db.ping().await?;
    Ok(NoStore(Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))))
}
