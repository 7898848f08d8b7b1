//! Secrets that are known here, by their hashes only, and their use as bearer tokens.
use super::{Credential, quotable};
use crate::{
    attempts::Attempts,
    caller::Caller,
    challenge::Refusal,
    clock::Clock,
    digest::{self, Digest},
    scopes::words,
    settings::KeySettings,
    wire,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;
use std::sync::{PoisonError, RwLock};
use time::OffsetDateTime;

#[derive(Clone)]
pub(crate) struct Key {
    pub hash: Digest,
    /// `None`: it is not limited to scopes.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Default)]
pub(crate) struct Keys(RwLock<Vec<Key>>);

impl Keys {
    pub fn new(settings: &[KeySettings]) -> Self {
        let key = |settings: &KeySettings| {
            let scopes = settings.scope.as_deref().map(words);
            Key { hash: settings.secret.digest(), scopes, expires_at: None }
        };
        Self(RwLock::new(settings.iter().map(key).collect()))
    }

    pub fn add(&self, key: Key, now: OffsetDateTime) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| key.expires_at.is_none_or(|at| at > now));
        keys.push(key);
    }

    /// Looks at all of them, and at each in constant time.
    pub fn find(&self, presented: &str, now: OffsetDateTime) -> Option<Key> {
        let hash = digest::of(presented.as_bytes());
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let alive = keys.iter().filter(|key| key.expires_at.is_none_or(|at| at > now));
        alive.fold(None, |found, key| {
            let same = verify_slices_are_equal(&key.hash, &hash).is_ok();
            if same { Some(key.clone()) } else { found }
        })
    }
}

/// Secrets as bearer tokens that no authorization server issued.
pub(super) struct BearerKeys {
    /// The kind of credential.
    pub kind: &'static str,
    pub realm: String,
    pub keys: Keys,
    pub attempts: Attempts,
    pub clock: Clock,
}

impl BearerKeys {
    fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let asker = self.attempts.check(None, &parts.extensions)?;
        let judged = self.find(parts);
        if judged.is_err() {
            self.attempts.failed(None, asker);
        }
        parts.headers.remove(header::AUTHORIZATION);
        judged
    }

    fn find(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let Ok(value) = wire::single(&parts.headers, &header::AUTHORIZATION) else {
            let text = "the Authorization header must occur once, in visible ASCII";
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", text);
            return Err(self.challenge(refusal, Some(("invalid_request", text)), None));
        };
        let (scheme, presented) = value.unwrap_or_default().split_once(' ').unwrap_or_default();
        let presented = presented.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || presented.is_empty() {
            let text = "this resource needs a bearer credential";
            return Err(self.challenge(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", text), None, None));
        }
        let Some(key) = self.keys.find(presented, self.clock.now()) else {
            let text = "unknown: the credential is not known here, or has expired";
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "invalid_token", text);
            return Err(self.challenge(refusal, Some(("invalid_token", text)), None));
        };
        let caller = Caller::of_kind(self.kind, &digest::fingerprint(&key.hash), "Bearer");
        Ok(Caller { scopes: key.scopes, expires_at: key.expires_at, ..caller })
    }

    /// RFC 6750 §3, and never `resource_metadata`: there is nowhere to get such a credential.
    fn challenge(&self, refusal: Refusal, error: Option<(&str, &str)>, scope: Option<&str>) -> Refusal {
        let mut value = format!("Bearer realm=\"{}\"", quotable(&self.realm));
        for (name, text) in [("scope", scope), ("error", error.map(|e| e.0)), ("error_description", error.map(|e| e.1))]
        {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                value = format!("{value}, {name}=\"{text}\"");
            }
        }
        challenge(refusal, &value)
    }
}

pub(super) fn challenge(refusal: Refusal, value: &str) -> Refusal {
    let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("Bearer"));
    refusal.header(header::WWW_AUTHENTICATE, value)
}

impl Credential for BearerKeys {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        ready(self.judge(parts)).boxed()
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, scope: &str, data: Value) -> Refusal {
        let text = "the credential lacks a scope this call needs";
        let refusal = Refusal::insufficient_scope(id, text, data);
        self.challenge(refusal, Some(("insufficient_scope", text)), Some(scope))
    }
}
