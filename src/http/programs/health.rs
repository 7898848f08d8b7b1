//! `GET /health`: whether the server runs and the database answers.
use crate::{
    app::App,
    error::OAuthError,
    http::{endpoint::Endpoint, respond::NoStore},
};
use axum::{Json, extract::State, routing::get};
use keyward_shared::api::{Operation, Type};
use serde_json::{Value, json};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let told = Operation::get("Whether the server runs, and the database answers").tag("Operation");
    let told = told.tells(200, "It runs", &[("status", true, Type::Text), ("version", true, Type::Text)]);
    Endpoint::new("/health", get(health), [told.answers(503, "It does not")]).for_machines()
}

async fn health(State(app): State<Arc<App>>) -> Result<NoStore<Json<Value>>, OAuthError> {
    app.db.ping().await?;
    Ok(NoStore(Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))))
}
