//! `GET /metrics`: counts of what happened since the start, for Prometheus.
use super::Endpoint;
use crate::{
    app::App,
    error::OAuthError,
    http::{administrator::Administrator, respond::NoStore},
};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

pub fn endpoint(app: &App) -> Endpoint {
    Endpoint::new("/metrics", get(metrics)).for_machines().only_if(app.config.debug.is_on())
}

async fn metrics(State(app): State<Arc<App>>, _: Administrator) -> Result<Response, OAuthError> {
    let text = app.metrics.text().map_err(OAuthError::server_error)?;
    Ok(NoStore(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text)).into_response())
}
