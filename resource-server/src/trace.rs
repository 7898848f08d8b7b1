//! What happened to each request: logged, kept for a while for `/debug`, and audited if it matters. Names, hashes and
//! sizes; never a credential, and never what a tool was called with.
mod record;

pub(crate) use record::Record;

use crate::{
    audit::{self, Audit},
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    digest, json,
    mask::Masker,
    metrics::Metrics,
    settings::Settings,
    source::{self, source_of},
    sse::Legacy,
    stdio::Connection,
    surface::Surface,
    wire::{self, Message},
};
use axum::{
    body::{Bytes, HttpBody},
    extract::Request,
    http::{Extensions, HeaderMap, StatusCode, header, request::Parts},
};
use base64ct::{Base64, Encoding};
use keyward_limits::{shares::Table, source::Source};
use serde_json::{Value, json};
use std::{
    cmp::Reverse,
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Instant,
};
use time::format_description::well_known::Rfc3339;

/// Requests remembered, and those of one source.
const KEPT: usize = 1000;
const SHARE: usize = 500;
/// Characters of what a client may name as it likes, and how many argument names.
const LONGEST_NAME: usize = 100;
const MOST_ARGUMENTS: usize = 32;

/// A request on its way through the gate.
pub(crate) struct Trace {
    started: Instant,
    source: Source,
    /// The check it is at, or failed.
    pub check: &'static str,
    pub caller: Option<Caller>,
    /// The session it names is its caller's.
    pub owns_session: bool,
    record: Record,
    payload: Option<Bytes>,
    /// Credentials that it brought, right or wrong.
    brought: Vec<String>,
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

/// The requests of one server.
pub(crate) struct Records {
    /// By number, and the last one.
    recent: Mutex<(Table<u64, Record>, u64)>,
    pub audit: Arc<Audit>,
    log_payloads: bool,
    pub masker: Arc<Masker>,
    pub metrics: Metrics,
    clock: Clock,
}

impl Trace {
    pub fn new(request: &Request, id: &RequestId, surface: Option<&Surface>) -> Self {
        let masked = |text: &str| surface.map_or_else(|| text.to_owned(), |surface| surface.records.masker.text(text));
        let record = Record {
            request_id: masked(id.as_str()),
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
            http_method = masked(request.method().as_str()),
            source_ip = record.source_ip,
            payload_length = request.body().size_hint().exact(),
            "request"
        );
        Self {
            started: Instant::now(),
            source: source_of(request.extensions()),
            check: "origin",
            caller: None,
            owns_session: false,
            record,
            payload: None,
            brought: brought(request.headers()),
            locks: false,
            outcome: Outcome::default(),
        }
    }

    pub fn message(&mut self, message: &Message, length: usize) {
        let mut names = BTreeSet::new();
        for (name, _) in json::parts(message.arguments()) {
            names.insert(short(&name));
            if names.len() > MOST_ARGUMENTS {
                names.pop_last();
            }
        }
        self.record.method = Some(short(message.method()));
        self.record.tool = message.tool().map(short);
        self.record.arguments = names.into_iter().collect();
        self.record.payload_length = length;
        self.payload = Some(message.body.clone());
    }

    pub fn refused(&mut self, refusal: &Refusal) {
        self.record.error = Some(refusal.error);
        self.record.reason = Some(refusal.description);
        self.locks = refusal.locks;
        self.record.failed_check = Some(if refusal.by_budget { "rate_limit" } else { self.check });
    }
}

impl Records {
    pub fn new(audit: Audit, settings: &Settings) -> anyhow::Result<Self> {
        let (log_payloads, clock) = (settings.log_payloads, settings.clock.clone());
        let (masker, metrics) = (Arc::new(Masker::new(settings)?), Metrics::new()?);
        let audit = Arc::new(audit.masked(&masker));
        let recent = Mutex::new((Table::new(KEPT, SHARE), 0));
        Ok(Self { recent, audit, log_payloads, masker, metrics, clock })
    }

    pub async fn add(&self, trace: Trace, surface: &Surface, status: StatusCode) {
        let Trace { started, source, caller, mut record, payload, brought, locks, outcome, .. } = trace;
        let now = self.clock.now();
        if let Some(caller) = &caller {
            record.describe(caller);
        }
        let source = caller.as_ref().map_or(source, |caller| source::of_caller(caller, source));
        // Where nobody judged it, it may be a name that somebody wants to have hidden.
        let judged = caller.as_ref().is_none_or(|caller| !["none", "SecurityKey"].contains(&caller.scheme));
        let masker = self.masker.beside(brought.iter().filter(|_| judged).map(String::as_str));
        for text in record.told() {
            *text = masker.text(text);
        }
        record.at = now.unix_timestamp();
        record.timestamp = now.format(&Rfc3339).unwrap_or_default();
        surface.id.as_ref().clone_into(&mut record.surface);
        record.decision = if record.failed_check.is_some() { "refused" } else { "allowed" };
        record.status = status.as_u16();
        let took = started.elapsed();
        record.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let payload = payload.filter(|_| self.log_payloads).map(|payload| {
            let payload = serde_json::from_slice(&payload).unwrap_or("a number in it is too large for the log".into());
            masker.masked(&payload).to_string()
        });
        record.error = record.error.or(outcome.0.get().copied());
        self.metrics.count(&record, took);
        record.log(payload.as_deref());
        let locking = locks.then(|| audit::Event { level: "critical", ..record.event("brute_force_detected") });
        for event in record.to_audit().into_iter().chain(locking) {
            self.audit.record(event).await;
        }
        let (recent, last) = &mut *self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        recent.insert(source, *last, record, 1);
    }

    /// Newest first.
    pub fn recent(&self) -> Vec<Record> {
        let (recent, _) = &*self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = recent.iter().collect();
        all.sort_by_key(|(number, _)| Reverse(*number));
        all.into_iter().map(|(_, record)| record.clone()).collect()
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
    source::address(extensions).map(|address| address.to_string())
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    wire::single(headers, &header::USER_AGENT).ok().flatten().map(short)
}

/// What a request brings as a credential: as it is, and of a pair its password (RFC 7617 §2).
fn brought(headers: &HeaderMap) -> Vec<String> {
    let Some(presented) = presented(headers) else { return Vec::new() };
    let pair = Base64::decode_vec(presented).ok().and_then(|pair| String::from_utf8(pair).ok());
    let password = pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned()));
    [Some(presented.to_owned()), password].into_iter().flatten().collect()
}

/// The credential in the `Authorization` header, without its scheme.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = wire::single(headers, &header::AUTHORIZATION).ok().flatten()?;
    Some(value.split_once(' ')?.1.trim()).filter(|text| !text.is_empty())
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}
