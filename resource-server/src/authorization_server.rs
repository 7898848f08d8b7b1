//! Serves the authorization server's metadata at the origin of an MCP server, where clients of the revision 2025-03-26
//! look for it. The document is served directly, because some of these clients do not follow redirects.
use crate::metadata::readable;
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_guard::{ErrorCode, challenge::Refusal, clock::Clock, jwks::Issuer, request_id::Id};
use keyward_oauth::well_known::AUTHORIZATION_SERVER;
use keyward_shared::api::{Operation, Routes, Type};
use serde_json::Value;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

/// An older document is fetched again.
const FRESH: Duration = Duration::minutes(10);
/// How long a document is served while it cannot be fetched again.
const KEPT: Duration = Duration::hours(24);
/// The least time between two fetches that requests cause.
const PAUSE: Duration = Duration::seconds(2);

struct Known {
    issuer: Arc<Issuer>,
    clock: Clock,
    /// The holder of this lock fetches.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    document: Option<(Value, OffsetDateTime)>,
    tried_at: Option<OffsetDateTime>,
}

/// Readable from every web page, like the issuer's own document.
pub(crate) fn routes(issuer: &Arc<Issuer>, clock: &Clock) -> Routes {
    let known = Known { issuer: Arc::clone(issuer), clock: clock.clone(), kept: Mutex::default() };
    let told = Operation::get("The metadata of the authorization server, for clients of 2025-03-26 (RFC 8414)");
    let told = told.tag("Discovery").tells(200, "The document", &[("issuer", true, Type::Text)]);
    let methods = get(show).with_state(Arc::new(known));
    readable(Routes::new().route(AUTHORIZATION_SERVER, methods, [told.answers(503, "It cannot be fetched")]))
}

async fn show(State(known): State<Arc<Known>>, id: Id) -> Response {
    if let Some(document) = known.document().await {
        return ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response();
    }
    let text = "the metadata of the authorization server cannot be fetched";
    let refusal = Refusal::new(ErrorCode::TemporarilyUnavailable, text);
    refusal.header(header::RETRY_AFTER, HeaderValue::from_static("5")).into_response(&id.0)
}

impl Known {
    async fn document(&self) -> Option<Value> {
        let (mut kept, now) = (self.kept.lock().await, self.clock.now());
        // After the clock was set back, a date in the future counts as old.
        let within = |at: OffsetDateTime, span| (Duration::ZERO..span).contains(&(now - at));
        let is_fresh = kept.document.as_ref().is_some_and(|(_, at)| within(*at, FRESH));
        if !is_fresh && !kept.tried_at.is_some_and(|at| within(at, PAUSE)) {
            kept.tried_at = Some(now);
            match self.issuer.document().await {
                Ok(document) => kept.document = Some((document, now)),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(issuer = self.issuer.identifier, error, "metadata not fetched");
                }
            }
        }
        kept.document.as_ref().filter(|(_, at)| within(*at, KEPT)).map(|(document, _)| document.clone())
    }
}
