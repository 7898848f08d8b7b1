//! `GET /ready`: whether tokens can be issued now, which needs a writable database and signing keys.
use crate::{
    app::App,
    error::OAuthError,
    http::{endpoint::Endpoint, respond::NoStore},
    model::KeyStatus,
};
use axum::{Json, extract::State, routing::get};
use keyward_shared::api::{Operation, Type};
use serde_json::{Value, json};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let told = Operation::get("Whether tokens can be issued now").tag("Operation");
    let told = told.tells(200, "They can", &[("status", true, Type::Text)]);
    Endpoint::new("/ready", get(ready), [told.answers(503, "They cannot")]).for_machines()
}

async fn ready(State(app): State<Arc<App>>) -> Result<NoStore<Json<Value>>, OAuthError> {
    app.writable.check().await.map_err(|cause| OAuthError::unavailable(anyhow::anyhow!("{cause}")))?;
    if app.keys.ring().find(app.signing_alg(), KeyStatus::Current).is_none() {
        return Err(OAuthError::unavailable(anyhow::anyhow!("there is no signing key")));
    }
    Ok(NoStore(Json(json!({"status": "ready"}))))
}
