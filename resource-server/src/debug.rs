//! `/debug` and `/metrics`: the server's state and decisions, without secrets.
mod views;

use crate::{
    admission::{Admission, admit},
    answers::server_error,
    settings::Settings,
    store::Filter,
    surface::Surface,
    trace::{Record, Records},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use keyward_guard::{
    ErrorCode,
    challenge::Refusal,
    clock,
    gate::Gates,
    json,
    origin::{self, Allowed},
    request_id::Id,
};
use keyward_shared::api::{Operation, Routes, object};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::{Value, json};
use std::{collections::HashSet, sync::Arc};
use time::OffsetDateTime;

const MOST: usize = 1000;
/// Characters of an unknown parameter that an error shows.
const SHOWN: usize = 40;

/// A surface, and the gates of its main path.
pub(crate) type Watched = (Arc<Surface>, Arc<Gates>);

struct Debug {
    watched: Vec<Watched>,
    records: Arc<Records>,
    config: Value,
}

#[derive(Deserialize)]
struct Selection {
    limit: Option<usize>,
    client_id: Option<String>,
    /// RFC 3339.
    #[serde(default, deserialize_with = "date")]
    since: Option<OffsetDateTime>,
    /// Selects audit events and traces by type.
    event_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// A bearer token.
    token: Option<String>,
    /// Any other header, as `Name: value`.
    header: Option<String>,
    surface: String,
    tool: Option<String>,
    /// Kept in the form they were written.
    #[expect(dead_code, reason = "no other member is allowed")]
    arguments: Option<IgnoredAny>,
}

/// No routes if nobody could get access.
pub(crate) fn routes(settings: &Settings, records: &Arc<Records>, watched: Vec<Watched>, allowed: Allowed) -> Routes {
    let admission = Admission::new(settings.demo, settings.admin_token.as_ref(), &settings.clock);
    let Some(admission) = admission else { return Routes::new() };
    let debug = Arc::new(Debug { watched, records: Arc::clone(records), config: views::config(settings) });
    let told = |operation: Operation| {
        let told = operation.tag("Operation").secured(if settings.demo { &["", "operator"] } else { &["operator"] });
        told.gives(200, "What was asked for, without secrets", "application/json", &json!({"type": "object"}))
    };
    let question = object(&[
        ("surface", true, "Id of a surface."),
        ("tool", false, "Which tool would be called."),
        ("token", false, "The bearer token that would be brought."),
        ("header", false, "Or any header, as `Name: value`."),
    ]);
    let explains = told(Operation::post("How a call would be judged")).takes("application/json", &question);
    let shows = told(Operation::get("What was seen and decided")).query(&[
        ("limit", false, "50 unless given, 1000 at most."),
        ("client_id", false, "Of this client only."),
        ("since", false, "A date and time of RFC 3339."),
        ("event_type", false, "Of audit events and traces."),
    ]);
    let counts = told(Operation::get("Counts of what happened since the start"));
    Routes::new()
        .route("/debug/explain", post(explain), [explains])
        .route("/debug/{name}", get(show), [shows])
        .route("/metrics", get(metrics), [counts.gives(200, "For Prometheus", "text/plain", &json!({}))])
        .layered(|router| {
            let router = router.route_layer(from_fn_with_state(admission, admit));
            router.route_layer(from_fn_with_state(allowed, origin::judge))
        })
        .with_state(debug)
}

impl Debug {
    async fn view(&self, name: &str, selection: &Selection) -> anyhow::Result<Option<Value>> {
        let limit = selection.limit.unwrap_or(50).min(MOST);
        let requests = || self.records.recent().into_iter().filter(|record| selection.has(record));
        let view = match name {
            "requests" => json!({"requests": requests().take(limit).collect::<Vec<_>>()}),
            "tokens" => {
                let mut seen = HashSet::new();
                let tokens =
                    requests().filter(|record| record.token_hash.clone().is_some_and(|hash| seen.insert(hash)));
                json!({"tokens": tokens.take(limit).map(|record| views::token(&record)).collect::<Vec<_>>()})
            }
            "traces" => {
                let traces = requests().filter_map(|record| views::trace(&record));
                let of_type = |trace: &Value| {
                    selection.event_type.as_ref().is_none_or(|wanted| trace["event_type"] == wanted.as_str())
                };
                json!({"traces": traces.filter(of_type).take(limit).collect::<Vec<_>>()})
            }
            "audit" => {
                let filter = Filter {
                    event_type: selection.event_type.clone(),
                    client_id: selection.client_id.clone(),
                    since: selection.since,
                    ..Filter::default()
                };
                let events = self.records.audit.find(&filter, u32::try_from(limit)?).await?;
                json!({"audit_events": events})
            }
            "sessions" => json!({"sessions": self.each(views::sessions)}),
            "policies" => json!({"policies": self.each(|surface, _| {
                surface.rules.all().map(|rule| json!({"surface": &*surface.id, "rule": rule})).collect()
            })}),
            "surfaces" => json!({"surfaces": self.each(|surface, _| vec![surface.described()])}),
            "config" => self.config.clone(),
            _ => return Ok(None),
        };
        // Requests and events are masked when they are recorded.
        let masked = ["requests", "tokens", "traces", "audit"].contains(&name);
        Ok(Some(if masked { view } else { self.records.masker.without_secrets(&view) }))
    }

    fn each(&self, view: impl Fn(&Surface, &Gates) -> Vec<Value>) -> Vec<Value> {
        self.watched.iter().flat_map(|(surface, gates)| view(surface, gates)).collect()
    }
}

impl Selection {
    fn has(&self, record: &Record) -> bool {
        let of_client = self.client_id.is_none() || self.client_id == record.client_id;
        of_client && self.since.is_none_or(|since| record.at >= since.unix_timestamp())
    }
}

/// The parameters of a view, and the error for others: a misspelt filter would let everything pass.
fn known(view: &str) -> (&'static [&'static str], &'static str) {
    match view {
        "audit" | "traces" => (
            &["limit", "client_id", "since", "event_type"],
            "this view has the parameters limit, client_id, since and event_type, and no other",
        ),
        _ => {
            (&["limit", "client_id", "since"], "this view has the parameters limit, client_id and since, and no other")
        }
    }
}

async fn show(
    State(debug): State<Arc<Debug>>,
    Path(name): Path<String>,
    names: Result<Query<Vec<(String, IgnoredAny)>>, QueryRejection>,
    selection: Result<Query<Selection>, QueryRejection>,
    id: Id,
) -> Response {
    let (known, rule) = known(&name);
    let names = names.map(|Query(names)| names).unwrap_or_default();
    if let Some((unknown, _)) = names.iter().find(|(name, _)| !known.contains(&&**name)) {
        let shown: String = debug.records.masker.text(unknown).chars().take(SHOWN).collect();
        let refusal = Refusal::new(ErrorCode::InvalidRequest, rule);
        return refusal.member("parameter", json!(shown)).member("known", json!(known)).into_response(&id.0);
    }
    let Ok(Query(selection)) = selection else {
        return invalid("limit must be a number, and since a date and time of RFC 3339, from 1970 to 9000", &id);
    };
    match debug.view(&name, &selection).await {
        Ok(Some(view)) => Json(view).into_response(),
        Ok(None) => Refusal::not_found().into_response(&id.0),
        Err(error) => failed(&error, &id),
    }
}

async fn metrics(State(debug): State<Arc<Debug>>, id: Id) -> Response {
    debug.records.metrics.show().unwrap_or_else(|error| failed(&error, &id))
}

fn failed(error: &anyhow::Error, id: &Id) -> Response {
    tracing::error!(error = format!("{error:#}"), "a debug view failed");
    server_error(&id.0)
}

fn invalid(text: &'static str, id: &Id) -> Response {
    Refusal::new(ErrorCode::InvalidRequest, text).into_response(&id.0)
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    clock::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Explains how a call would be judged, without making it.
async fn explain(State(debug): State<Arc<Debug>>, id: Id, body: Bytes) -> Response {
    let invalid = |text| invalid(text, &id);
    let text = str::from_utf8(&body).unwrap_or_default();
    let Ok(question) = serde_json::from_str::<Question>(text) else {
        return invalid("the body must be JSON with surface, and at most token or header, tool and arguments");
    };
    let Some((_, gates)) = debug.watched.iter().find(|(surface, _)| *surface.id == *question.surface) else {
        return invalid("there is no such surface");
    };
    let (name, value) = match (&question.token, &question.header) {
        (None, None) => (None, String::new()),
        (Some(token), None) => (Some(header::AUTHORIZATION), format!("Bearer {token}")),
        (None, Some(line)) => {
            let (name, value) = line.split_once(':').unwrap_or_default();
            (name.trim().parse::<HeaderName>().ok(), value.trim().to_owned())
        }
        _ => return invalid("either token or header, not both"),
    };
    let mut request = Request::default();
    if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
        request.headers_mut().insert(name, value);
    }
    let arguments = json::member(text, "arguments").filter(|arguments| *arguments != "null");
    let checks = gates.explain(request, question.tool.as_deref(), arguments).await;
    let checks: Vec<_> = checks.into_iter().map(views::explained).collect();
    let told = json!({"surface": question.surface, "tool": question.tool, "checks": checks});
    Json(debug.records.masker.without_secrets(&told)).into_response()
}
