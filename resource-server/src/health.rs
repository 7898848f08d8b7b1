//! Whether the server runs and can work.
use crate::store::Store;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_guard::{ErrorCode, challenge::Refusal, request_id::Id};
use keyward_shared::api::{Operation, Routes, Type};
use serde_json::{Value, json};

pub(crate) fn routes(store: &Store) -> Routes {
    let told = |operation: Operation| {
        operation.tag("Operation").tells(
            200,
            "It does",
            &[("status", true, Type::Text), ("version", false, Type::Text)],
        )
    };
    Routes::new().route("/health", get(health), [told(Operation::get("Whether the server runs"))]).route(
        "/ready",
        get(ready).with_state(store.clone()),
        [told(Operation::get("Whether the server can do its work").answers(503, "Its store takes no write"))],
    )
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
            Refusal::new(ErrorCode::TemporarilyUnavailable, text).into_response(&id)
        }
    }
}
