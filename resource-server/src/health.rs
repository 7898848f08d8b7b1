//! Whether the server runs, and whether it can do its work.
use crate::{challenge::Refusal, request_id::Id, store::Store};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

pub(crate) fn routes(store: &Store) -> Router {
    Router::new().route("/health", get(health)).route("/ready", get(ready).with_state(store.clone()))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

async fn ready(State(store): State<Store>, Id(id): Id) -> Response {
    match store.takes_writes().await {
        Ok(()) => Json(json!({"status": "ready"})).into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let text = "the store takes no write";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text).into_response(&id)
        }
    }
}
