//! What happened to each request: logged, kept for a while for `/debug`, and audited if it matters. Names, hashes and
//! sizes; never a credential, and never what a tool was called with.
use crate::{
    audit::{self, Audit},
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    digest,
    mask::Masker,
    metrics::Metrics,
    settings::Settings,
    sse::Legacy,
    stdio::Connection,
    surface::Surface,
    wire::{self, Message},
};
use axum::{
    body::HttpBody,
    extract::{ConnectInfo, Request},
    http::{Extensions, HeaderMap, StatusCode, header, request::Parts},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Requests remembered.
const KEPT: usize = 1000;
/// Characters of what a client may name as it likes, and how many argument names.
const LONGEST_NAME: usize = 100;
const MOST_ARGUMENTS: usize = 32;

/// A request on its way through the gate.
pub(crate) struct Trace {
    started: Instant,
    /// The check it is at, or failed.
    pub check: &'static str,
    pub caller: Option<Caller>,
    record: Record,
    payload: Option<Value>,
    /// Somebody guesses: with this a lock began.
    locks: bool,
    pub outcome: Outcome,
}

/// How a call that was let in ended, as far as it is known when the request is answered: whoever serves it finds this
/// in the extensions of the request.
#[derive(Clone, Default)]
pub(crate) struct Outcome(Arc<OnceLock<&'static str>>);

impl Outcome {
    /// The first word counts.
    pub fn failed(&self, error: &'static str) {
        let _ = self.0.set(error);
    }
}

/// A request that was answered.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Record {
    pub timestamp: String,
    pub request_id: String,
    pub surface: String,
    pub transport: &'static str,
    pub scheme: Option<&'static str>,
    pub method: Option<String>,
    pub tool: Option<String>,
    pub arguments: Vec<String>,
    pub principal: Option<String>,
    pub subject: Option<String>,
    pub client_id: Option<String>,
    pub scope: Option<String>,
    pub grant_type: Option<String>,
    pub audience: Option<String>,
    pub issuer: Option<String>,
    pub expires_at: Option<String>,
    pub token_hash: Option<String>,
    pub source_ip: Option<String>,
    #[serde(skip)]
    pub username: Option<String>,
    #[serde(skip)]
    pub user_agent: Option<String>,
    /// `allowed` or `refused`.
    pub decision: &'static str,
    pub failed_check: Option<&'static str>,
    pub error: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub status: u16,
    pub duration_ms: u64,
    pub payload_length: usize,
    #[serde(skip)]
    pub at: i64,
}

/// The requests of one server.
pub(crate) struct Records {
    recent: Mutex<VecDeque<Record>>,
    pub audit: Audit,
    log_payloads: bool,
    masker: Arc<Masker>,
    pub metrics: Metrics,
    clock: Clock,
}

impl Trace {
    pub fn new(request: &Request, id: &RequestId, surface: Option<&Surface>) -> Self {
        let record = Record {
            request_id: id.as_str().to_owned(),
            transport: transport(request.extensions()),
            token_hash: presented(request.headers()).map(|text| digest::fingerprint(&digest::of(text.as_bytes()))),
            source_ip: source_ip(request.extensions()),
            user_agent: user_agent(request.headers()),
            ..Record::default()
        };
        tracing::info!(
            event = "request_start",
            request_id = record.request_id,
            surface = surface.map(|surface| &*surface.id),
            transport = record.transport,
            http_method = request.method().as_str(),
            source_ip = record.source_ip,
            payload_length = request.body().size_hint().exact(),
            "request"
        );
        Self {
            started: Instant::now(),
            check: "origin",
            caller: None,
            record,
            payload: None,
            locks: false,
            outcome: Outcome::default(),
        }
    }

    pub fn message(&mut self, message: &Message, length: usize) {
        let arguments = message.body["params"]["arguments"].as_object();
        let mut names: Vec<_> = arguments.into_iter().flatten().map(|(name, _)| short(name)).collect();
        names.sort();
        names.truncate(MOST_ARGUMENTS);
        self.record.method = Some(short(message.method()));
        self.record.tool = message.tool().map(short);
        self.record.arguments = names;
        self.record.payload_length = length;
        self.payload = Some(message.body.clone());
    }

    pub fn refused(&mut self, refusal: &Refusal) {
        self.record.error = Some(refusal.error);
        self.record.reason = Some(refusal.description);
        self.locks = refusal.locks;
        let busy = refusal.status == StatusCode::TOO_MANY_REQUESTS;
        self.record.failed_check = Some(if busy { "rate_limit" } else { self.check });
    }
}

impl Records {
    pub fn new(audit: Audit, settings: &Settings) -> anyhow::Result<Self> {
        let (log_payloads, clock) = (settings.log_payloads, settings.clock.clone());
        let (masker, metrics) = (Arc::new(Masker::new(settings)), Metrics::new()?);
        let audit = audit.masked(&masker);
        Ok(Self { recent: Mutex::default(), audit, log_payloads, masker, metrics, clock })
    }

    pub async fn add(&self, trace: Trace, surface: &Surface, status: StatusCode) {
        let Trace { started, caller, mut record, payload, locks, outcome, .. } = trace;
        let now = self.clock.now();
        if let Some(caller) = &caller {
            describe(&mut record, caller);
        }
        let chosen = [&mut record.method, &mut record.tool, &mut record.user_agent];
        for text in chosen.into_iter().flatten().chain(&mut record.arguments) {
            *text = self.masker.text(text);
        }
        record.at = now.unix_timestamp();
        record.timestamp = now.format(&Rfc3339).unwrap_or_default();
        surface.id.as_ref().clone_into(&mut record.surface);
        record.decision = if record.failed_check.is_some() { "refused" } else { "allowed" };
        record.status = status.as_u16();
        let took = started.elapsed();
        record.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let payload = payload.filter(|_| self.log_payloads).map(|payload| self.masker.masked(&payload).to_string());
        record.error = record.error.or(outcome.0.get().copied());
        self.metrics.count(&record, took);
        log(&record, payload.as_deref());
        let locking = locks.then(|| audit::Event { level: "critical", ..event(&record, "brute_force_detected") });
        for event in event_of(&record).into_iter().chain(locking) {
            self.audit.record(event).await;
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= KEPT {
            recent.pop_back();
        }
        recent.push_front(record);
    }

    /// Newest first.
    pub fn recent(&self) -> Vec<Record> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn log(record: &Record, payload: Option<&str>) {
    let event = if record.error.is_some() || !(200..300).contains(&record.status) {
        "request_error"
    } else {
        "request_success"
    };
    let arguments = record.arguments.join(" ");
    tracing::info!(
        event,
        request_id = record.request_id,
        surface = record.surface,
        scheme = record.scheme,
        transport = record.transport,
        method = record.method,
        tool = record.tool,
        arguments,
        client_id = record.client_id,
        subject = record.subject,
        scope = record.scope,
        grant_type = record.grant_type,
        audience = record.audience,
        source_ip = record.source_ip,
        status = record.status,
        duration_ms = record.duration_ms,
        payload_length = record.payload_length,
        failed_check = record.failed_check,
        error = record.error,
        payload,
        "request"
    );
}

fn describe(record: &mut Record, caller: &Caller) {
    record.scheme = Some(caller.scheme);
    record.principal = Some(caller.principal[..2].join(" "));
    record.subject = Some(caller.subject().to_owned());
    record.username = caller.username().or(Some(caller.subject())).map(str::to_owned);
    record.scope = caller.scopes.as_ref().map(|scopes| scopes.join(" "));
    record.expires_at = caller.expires_at.and_then(|at: OffsetDateTime| at.format(&Rfc3339).ok());
    if let Some(access) = &caller.access {
        record.client_id = Some(access.client_id.clone());
        record.grant_type.clone_from(&access.grant_type);
        record.audience = Some(access.audience.clone());
        record.issuer = Some(access.issuer.clone());
    }
}

/// What is worth remembering for good: refusals but of those who brought nothing, and calls.
fn event_of(record: &Record) -> Option<audit::Event> {
    let kind = match record.failed_check {
        Some("rate_limit") => "rate_limit_exceeded",
        Some("policy" | "environment") => "policy_denied",
        Some("origin") => "security_violation",
        Some("credential") if record.error == Some("unauthorized") => return None,
        Some("credential" | "scope" | "sign_in") => "access_denied",
        None if ["tools/call", "resources/read"].contains(&record.method.as_deref()?) => "mcp_request",
        _ => return None,
    };
    Some(event(record, kind))
}

fn event(record: &Record, kind: &'static str) -> audit::Event {
    audit::Event {
        user_id: record.subject.clone(),
        username: record.username.clone(),
        client_id: record.client_id.clone(),
        resource: Some(record.surface.clone()),
        action: record.tool.clone().or_else(|| record.method.clone()),
        details: json!({"check": record.failed_check, "arguments": record.arguments}),
        client_info: json!({
            "ip_address": record.source_ip,
            "user_agent": record.user_agent,
            "transport": record.transport,
            "surface": record.surface,
        }),
        error_message: record.reason.or(record.error),
        request_id: Some(record.request_id.clone()),
        ..audit::Event::new(kind, record.error.is_none())
    }
}

/// The way a request came.
pub(crate) fn transport(extensions: &Extensions) -> &'static str {
    if extensions.get::<Connection>().is_some() {
        "stdio"
    } else if extensions.get::<Legacy>().is_some() {
        "sse"
    } else {
        "streamable-http"
    }
}

/// Where a request came from, as audit events say it.
pub(crate) fn client_info(parts: &Parts, surface: &str) -> Value {
    json!({
        "ip_address": source_ip(&parts.extensions),
        "user_agent": user_agent(&parts.headers),
        "transport": transport(&parts.extensions),
        "surface": surface,
    })
}

fn source_ip(extensions: &Extensions) -> Option<String> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|address| address.0.ip().to_string())
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    wire::single(headers, &header::USER_AGENT).ok().flatten().map(short)
}

/// The credential in the `Authorization` header, without its scheme.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = wire::single(headers, &header::AUTHORIZATION).ok().flatten()?;
    Some(value.split_once(' ')?.1.trim()).filter(|text| !text.is_empty())
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}
