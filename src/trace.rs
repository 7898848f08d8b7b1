//! The decision trace: recent decisions, each with its client and rule, kept in memory for `/debug/traces` and logged.
//! Names and rules are our own words; of the request it holds at most the client identifier and, cut, a redirect URI
//! that is not registered.
use crate::{
    clock::Clock,
    error::{ErrorCode, OAuthError},
    events::EventType,
    model::ClientId,
    oauth::compared::RedirectUriComparison,
    telemetry,
};
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use time::{OffsetDateTime, serde::rfc3339};

/// Decisions kept in memory.
const MAX_DECISIONS: usize = 1000;

#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    pub event_type: EventType,
    pub client_id: Option<ClientId>,
    pub detail: &'static str,
    pub result: Verdict,
    /// The broken rule.
    pub rule: Option<Cow<'static, str>>,
    /// The value that was sent and the registered value, if a redirect URI is not registered.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub compared: Option<RedirectUriComparison>,
    pub request_id: Option<String>,
    #[serde(with = "rfc3339")]
    pub timestamp: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Success,
    Failure,
    /// Refused for its possible effect, not for the request itself: an address, a copy, a flood.
    Blocked,
    /// Accepted now, but not for ever.
    Warning,
}

pub struct DecisionTrace {
    clock: Clock,
    recent: Mutex<VecDeque<Decision>>,
}

impl DecisionTrace {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, recent: Mutex::default() }
    }

    pub fn success(&self, event_type: EventType, client: Option<&ClientId>, detail: &'static str) {
        self.add(event_type, client, detail, Verdict::Success, None);
    }

    pub fn failure(&self, event_type: EventType, client: Option<&ClientId>, error: &OAuthError) {
        let flood = error.code == ErrorCode::TooManyRequests;
        let result = if flood { Verdict::Blocked } else { Verdict::Failure };
        self.add(event_type, client, error.code.as_str(), result, Some(error.description.clone()));
    }

    /// Adds a failed decision with the sent value beside the registered one.
    pub fn compared(
        &self,
        event_type: EventType,
        client: Option<&ClientId>,
        error: &OAuthError,
        compared: &RedirectUriComparison,
    ) {
        let (sent, registered) = (compared.sent.as_deref(), compared.registered.join(" "));
        tracing::info!(%event_type, sent, registered, "redirect_uri");
        let rule = Some(error.description.clone());
        let decision = self.decided(event_type, client, error.code.as_str(), Verdict::Failure, rule);
        self.keep(Decision { compared: Some(compared.clone()), ..decision });
    }

    pub fn blocked(&self, event_type: EventType, client: Option<&ClientId>, rule: &'static str) {
        self.add(event_type, client, "blocked", Verdict::Blocked, Some(rule.into()));
    }

    pub fn warning(&self, event_type: EventType, client: Option<&ClientId>, rule: &'static str) {
        self.add(event_type, client, "goes on for now", Verdict::Warning, Some(rule.into()));
    }

    /// Adds a passed or failed decision, depending on the result.
    pub fn outcome<T>(
        &self,
        [success, failure]: [EventType; 2],
        client: Option<&ClientId>,
        detail: &'static str,
        outcome: &Result<T, OAuthError>,
    ) {
        match outcome {
            Ok(_) => self.success(success, client, detail),
            Err(error) => self.failure(failure, client, error),
        }
    }

    /// The newest decisions first.
    #[must_use]
    pub fn recent(&self) -> Vec<Decision> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// `rule` is the broken rule, if any.
    pub fn add(
        &self,
        event_type: EventType,
        client: Option<&ClientId>,
        detail: &'static str,
        result: Verdict,
        rule: Option<Cow<'static, str>>,
    ) {
        self.keep(self.decided(event_type, client, detail, result, rule));
    }

    fn decided(
        &self,
        event_type: EventType,
        client: Option<&ClientId>,
        detail: &'static str,
        result: Verdict,
        rule: Option<Cow<'static, str>>,
    ) -> Decision {
        debug_assert!(event_type.entry().sinks.trace(), "{event_type} is not for the decision trace");
        let (client_id, rule_text) = (client.map(ClientId::as_str), rule.as_deref());
        if result == Verdict::Success {
            tracing::debug!(%event_type, client_id, detail, "decision");
        } else {
            tracing::info!(%event_type, client_id, detail, ?result, rule = rule_text, "decision");
        }
        let (client_id, request_id) = (client.cloned(), telemetry::request_id());
        let timestamp = self.clock.now();
        Decision { event_type, client_id, detail, result, rule, compared: None, request_id, timestamp }
    }

    fn keep(&self, decision: Decision) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.truncate(MAX_DECISIONS - 1);
        recent.push_front(decision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [EventType; 2] = [EventType::DeviceApproved, EventType::DeviceDenied];

    #[test]
    fn the_last_thousand_decisions_are_kept_newest_first() {
        let trace = DecisionTrace::new(Clock::stopped());
        trace.success(EventType::DcrRegisterStart, None, "");
        let error = OAuthError::too_many_requests("slower");
        trace.outcome::<()>(ENDS, Some(&ClientId::from("c")), "", &Err(error));
        assert_eq!(trace.recent()[0].result, Verdict::Blocked);
        (0..MAX_DECISIONS).for_each(|_| trace.outcome(ENDS, None, "went well", &Ok(())));
        let recent = trace.recent();
        assert_eq!((recent.len(), recent[0].detail), (MAX_DECISIONS, "went well"));
        assert!(recent.iter().all(|decision| decision.event_type == ENDS[0]));
    }
}
