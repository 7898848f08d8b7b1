//! The decision trace: what was decided lately, for whom and by which rule. Kept in memory for `/debug/traces`, and
//! logged. Names and rules are our own words; of a request there is at most the identifier of its client.
use crate::{clock::Clock, error::OAuthError, model::ClientId, telemetry};
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use time::{OffsetDateTime, serde::rfc3339};

/// Decisions remembered.
const KEPT: usize = 1000;

#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    pub event_type: &'static str,
    pub client_id: Option<ClientId>,
    pub detail: &'static str,
    pub result: Verdict,
    /// The broken one.
    pub rule: Option<Cow<'static, str>>,
    pub request_id: Option<String>,
    #[serde(with = "rfc3339")]
    pub timestamp: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Success,
    Failure,
    /// Not for what was asked, but for what it would do or has done: an address, a copy, a flood.
    Blocked,
}

pub struct Trace {
    clock: Clock,
    recent: Mutex<VecDeque<Decision>>,
}

impl Trace {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, recent: Mutex::default() }
    }

    pub fn success(&self, event_type: &'static str, client: Option<&ClientId>, detail: &'static str) {
        self.add(event_type, client, detail, Verdict::Success, None);
    }

    pub fn failure(&self, event_type: &'static str, client: Option<&ClientId>, error: &OAuthError) {
        let flood = error.code == "too_many_requests";
        let result = if flood { Verdict::Blocked } else { Verdict::Failure };
        self.add(event_type, client, error.code, result, Some(error.description.clone()));
    }

    pub fn blocked(&self, event_type: &'static str, client: Option<&ClientId>, rule: &'static str) {
        self.add(event_type, client, "blocked", Verdict::Blocked, Some(rule.into()));
    }

    /// One of two, by how it came out.
    pub fn outcome<T>(
        &self,
        [success, failure]: [&'static str; 2],
        client: Option<&ClientId>,
        detail: &'static str,
        outcome: &Result<T, OAuthError>,
    ) {
        match outcome {
            Ok(_) => self.success(success, client, detail),
            Err(error) => self.failure(failure, client, error),
        }
    }

    /// Newest first.
    #[must_use]
    pub fn recent(&self) -> Vec<Decision> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// `rule` is the broken one, if one is.
    pub fn add(
        &self,
        event_type: &'static str,
        client: Option<&ClientId>,
        detail: &'static str,
        result: Verdict,
        rule: Option<Cow<'static, str>>,
    ) {
        let (client_id, rule_text) = (client.map(ClientId::as_str), rule.as_deref());
        if result == Verdict::Success {
            tracing::debug!(event_type, client_id, detail, "decision");
        } else {
            tracing::info!(event_type, client_id, detail, ?result, rule = rule_text, "decision");
        }
        let (client_id, request_id) = (client.cloned(), telemetry::request_id());
        let timestamp = self.clock.now();
        let decision = Decision { event_type, client_id, detail, result, rule, request_id, timestamp };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.truncate(KEPT - 1);
        recent.push_front(decision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thousand_decisions_are_kept_newest_first() {
        let trace = Trace::new(Clock::default());
        trace.success("first", None, "");
        let error = OAuthError::too_many_requests("slower");
        trace.outcome::<()>(["yes", "no"], Some(&ClientId::from("c")), "", &Err(error));
        assert_eq!(trace.recent()[0].result, Verdict::Blocked);
        (0..KEPT).for_each(|_| trace.outcome(["yes", "no"], None, "went well", &Ok(())));
        let recent = trace.recent();
        assert_eq!((recent.len(), recent[0].detail), (KEPT, "went well"));
        assert!(recent.iter().all(|decision| decision.event_type == "yes"));
    }
}
