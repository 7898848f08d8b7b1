//! `GET /debug/{name}`: stored data and recent decisions, as JSON without secrets.
mod query;
mod views;

use crate::{
    app::App,
    error::OAuthError,
    http::{
        described::gives,
        endpoint::Endpoint,
        respond::{NoStore, not_found},
    },
    operations::{OperationError, Operator},
};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Operation;
use query::ViewQuery;
use std::sync::Arc;

pub fn endpoint(app: &App) -> Endpoint {
    Endpoint::new("/debug/{name}", get(show), [described()]).only_if(app.config.debug.is_on())
}

fn described() -> Operation {
    let told = Operation::get("What is on record and what was decided, without secrets").tag("Operation");
    let told = told.secured(&["operator"]).query(&[
        ("limit", false, "50 unless given, 1000 at most."),
        ("client_id", false, "Of this client only."),
        ("since", false, "A date and time of RFC 3339."),
        ("event_type", false, "Of audit events and traces."),
    ]);
    gives(told, 200, "What was asked for")
}

async fn show(
    State(app): State<Arc<App>>,
    _: Operator,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    if !views::NAMES.contains(&&*name) {
        return Ok(not_found().await);
    }
    let wanted = ViewQuery::parse(&app, views::known_parameters(&name), &query.unwrap_or_default())?;
    match views::find(&app, &name, &wanted).await? {
        // Somebody may have put a secret into any member, such as a name or a URL.
        Some(view) => Ok(NoStore(Json(app.masker().without_secrets(&view))).into_response()),
        None => Ok(not_found().await),
    }
}

/// Internal failures, and reads that an operation refuses.
impl From<OperationError> for OAuthError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Failed(cause) => match cause.downcast::<sqlx::Error>() {
                Ok(error) => error.into(),
                Err(cause) => Self::server_error(cause),
            },
            refusal => Self::invalid_request(refusal.to_string().replace('"', "'")),
        }
    }
}
