//! The record of an answered request, for the log, `/debug` and the audit trail.
use super::provenance::short;
use crate::{
    audit::{self, EventKind},
    own,
};
use keyward_guard::{CheckName, ErrorCode, Passage, caller::Caller, json, wire::Message};
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

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
    pub failed_check: Option<CheckName>,
    pub error: Option<ErrorCode>,
    pub reason: Option<&'static str>,
    pub status: u16,
    pub duration_ms: u64,
    pub payload_length: usize,
    #[serde(skip)]
    pub at: i64,
    #[serde(skip)]
    pub known: bool,
}

/// Characters of a value from a credential, because many records are kept.
const LONGEST: usize = 1000;
const MOST_ARGUMENTS: usize = 32;

impl Record {
    pub fn log(&self, payload: Option<&str>) {
        let event = if self.error.is_some() || !(200..300).contains(&self.status) {
            "request_error"
        } else {
            "request_success"
        };
        let arguments = self.arguments.join(" ");
        tracing::info!(
            event,
            request_id = self.request_id,
            surface = self.surface,
            scheme = self.scheme,
            transport = self.transport,
            method = self.method,
            tool = self.tool,
            arguments,
            client_id = self.client_id,
            subject = self.subject,
            scope = self.scope,
            grant_type = self.grant_type,
            audience = self.audience,
            source_ip = self.source_ip,
            status = self.status,
            duration_ms = self.duration_ms,
            payload_length = self.payload_length,
            failed_check = self.failed_check.map(CheckName::as_str),
            error = self.error.map(ErrorCode::as_str),
            payload,
            "request"
        );
    }

    pub fn message(&mut self, message: &Message) {
        let mut names = BTreeSet::new();
        for (name, _) in json::parts(message.arguments()) {
            names.insert(short(&name));
            if names.len() > MOST_ARGUMENTS {
                names.pop_last();
            }
        }
        self.method = Some(short(message.method()));
        self.tool = message.tool().map(short);
        self.arguments = names.into_iter().collect();
        self.payload_length = message.body.len();
    }

    /// Completes the record when the request was answered.
    pub fn ended(&mut self, passage: &Passage, took: Duration) {
        let refused = passage.refused;
        self.failed_check = refused.map(|refused| refused.check);
        self.reason = refused.map(|refused| refused.description);
        self.error = refused.map(|refused| refused.error).or(passage.outcome.failure());
        self.decision = if refused.is_some() { "refused" } else { "allowed" };
        self.status = passage.status.as_u16();
        self.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    }

    pub fn describe(&mut self, caller: &Caller) {
        self.scheme = Some(caller.scheme);
        self.known = caller.is_known();
        self.principal = Some(caller.principal[..2].join(" "));
        self.subject = Some(caller.subject().to_owned());
        self.username = caller.username().or(Some(caller.subject())).map(str::to_owned);
        self.scope = caller.scopes.as_ref().map(|scopes| scopes.join(" "));
        self.expires_at = caller.expires_at.and_then(|at: OffsetDateTime| at.format(&Rfc3339).ok());
        if let Some(access) = &caller.access {
            self.client_id = Some(access.client_id.clone());
            self.grant_type.clone_from(&access.grant_type);
            self.audience = Some(access.audience.clone());
            self.issuer = Some(access.issuer.clone());
        }
        let said = [
            &mut self.principal,
            &mut self.subject,
            &mut self.username,
            &mut self.scope,
            &mut self.client_id,
            &mut self.grant_type,
            &mut self.issuer,
        ];
        for text in said.into_iter().flatten() {
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(end);
            }
        }
    }

    /// The texts that other parties chose.
    pub fn told(&mut self) -> impl Iterator<Item = &mut String> {
        let all = [
            &mut self.method,
            &mut self.tool,
            &mut self.principal,
            &mut self.subject,
            &mut self.client_id,
            &mut self.scope,
            &mut self.grant_type,
            &mut self.audience,
            &mut self.issuer,
            &mut self.username,
            &mut self.user_agent,
        ];
        all.into_iter().flatten().chain(&mut self.arguments)
    }

    /// The event for the audit trail: for calls and for refusals, except of callers without credentials.
    pub fn to_audit(&self) -> Option<audit::Event> {
        let kind = match self.failed_check {
            Some(CheckName::RateLimit) => EventKind::RateLimitExceeded,
            Some(CheckName::Own(own::POLICY | own::ENVIRONMENT)) => EventKind::PolicyDenied,
            Some(CheckName::Origin) => EventKind::SecurityViolation,
            Some(CheckName::Credential) if self.error == Some(ErrorCode::Unauthorized) => return None,
            Some(CheckName::Credential | CheckName::Audience | CheckName::Scope | CheckName::SignIn) => {
                EventKind::AccessDenied
            }
            Some(CheckName::Own(own::TOOL)) => EventKind::McpRequest,
            None if ["tools/call", "resources/read"].contains(&self.method.as_deref()?) => EventKind::McpRequest,
            _ => return None,
        };
        Some(self.event(kind))
    }

    pub fn event(&self, kind: EventKind) -> audit::Event {
        audit::Event {
            // Without authentication nobody is identified.
            user_id: self.subject.clone().filter(|_| self.known),
            username: self.username.clone(),
            client_id: self.client_id.clone(),
            resource: Some(self.surface.clone()),
            action: self.tool.clone().or_else(|| self.method.clone()),
            details: json!({"check": self.failed_check, "arguments": self.arguments}),
            client_info: json!({
                "ip_address": self.source_ip,
                "user_agent": self.user_agent,
                "transport": self.transport,
                "surface": self.surface,
            }),
            error_message: self.reason.or(self.error.map(ErrorCode::as_str)),
            request_id: Some(self.request_id.clone()),
            ..audit::Event::new(kind, self.error.is_none())
        }
    }
}
