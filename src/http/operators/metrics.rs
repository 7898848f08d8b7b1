//! `GET /metrics`: counters since the start, for Prometheus.
use crate::{
    app::App,
    error::OAuthError,
    http::{endpoint::Endpoint, respond::NoStore},
    operations::Operator,
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Operation;
use serde_json::json;
use std::sync::Arc;

pub fn endpoint(app: &App) -> Endpoint {
    let told = Operation::get("Counts of what happened since the start").tag("Operation").secured(&["operator"]);
    let told = told.gives(200, "For Prometheus", "text/plain", &json!({"type": "string"}));
    Endpoint::new("/metrics", get(metrics), [told]).for_machines().only_if(app.config.debug.is_on())
}

async fn metrics(State(app): State<Arc<App>>, _: Operator) -> Result<Response, OAuthError> {
    let text = app.metrics.text().map_err(OAuthError::server_error)?;
    Ok(NoStore(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text)).into_response())
}
