//! `GET /debug/{name}`: what is on record and what was decided, as JSON without secrets.
mod views;

use super::Endpoint;
use crate::{
    app::App,
    clock,
    error::OAuthError,
    http::{administrator::Administrator, described::gives, not_found, respond::NoStore},
    model::ClientId,
    operations::OperationError,
    oauth::{params::Params, visible::cut},
    storage::Selection,
};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Operation;
use std::sync::Arc;

const USUAL: i64 = 50;
const MOST: i64 = 1000;
/// Characters of an unknown parameter that are shown.
const SHOWN: usize = 40;
/// Parameters; the last one of views of events only.
const KNOWN: [&str; 4] = ["limit", "client_id", "since", "event_type"];

pub fn endpoint(app: &App) -> Endpoint {
    Endpoint::new("/debug/{name}", get(show), [described()]).only_if(app.config.debug.is_on())
}

/// What somebody wants to see.
struct Wanted {
    rows: Selection,
    /// Of traces only.
    event_type: Option<String>,
}

fn described() -> Operation {
    let told = Operation::get("What is on record and what was decided, without secrets").tag("Operation");
    let told = told.secured(&["administrator"]).query(&[
        ("limit", false, "50 unless given, 1000 at most."),
        ("client_id", false, "Of this client only."),
        ("since", false, "A date and time of RFC 3339."),
        ("event_type", false, "Of audit events and traces."),
    ]);
    gives(told, 200, "What was asked for")
}

async fn show(
    State(app): State<Arc<App>>,
    _: Administrator,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, OAuthError> {
    if !views::NAMES.contains(&&*name) {
        return Ok(not_found().await);
    }
    let wanted = Wanted::parse(&app, &name, &query.unwrap_or_default())?;
    match views::find(&app, &name, &wanted).await? {
        // Wherever somebody has put one: into a name, an identifier, a URL.
        Some(view) => Ok(NoStore(Json(app.masker.without_secrets(&view))).into_response()),
        None => Ok(not_found().await),
    }
}

/// What cannot be read now, or at all.
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

/// A filter that is misspelt would let everything pass.
fn not_known(app: &App, unknown: &str, known: &[&str]) -> OAuthError {
    // What RFC 6749 §5.2 allows in a description.
    let allowed = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
    let shown: String = cut(&app.masker.text(unknown), SHOWN).replace(['"', '\\'], "?").chars().map(allowed).collect();
    OAuthError::invalid_request(format!("this view has no parameter '{shown}'; it has {}", known.join(", ")))
}

impl Wanted {
    fn parse(app: &App, view: &str, query: &str) -> Result<Self, OAuthError> {
        let params = Params::parse(query.as_bytes())?;
        let known = if views::OF_EVENTS.contains(&view) { &KNOWN[..] } else { &KNOWN[..3] };
        if let Some(unknown) = params.unknown(known) {
            return Err(not_known(app, unknown, known));
        }
        let limit = match params.get("limit")? {
            None => USUAL,
            Some(text) => text
                .parse::<u32>()
                .map(|limit| i64::from(limit).min(MOST))
                .map_err(|_| OAuthError::invalid_request("limit must be a number"))?,
        };
        let wrong = |_| OAuthError::invalid_request("since must be a date and time of RFC 3339, from 1970 to 9000");
        let since = params.get("since")?.map(clock::parse).transpose().map_err(wrong)?;
        let client_id = params.get("client_id")?.map(ClientId::from);
        let event_type = params.get("event_type")?.map(str::to_owned);
        Ok(Self { rows: Selection { limit, client_id, since }, event_type })
    }
}
