//! Bearer tokens that no authorization server issued: configured or minted secrets, and people's own API keys.
use super::kind::quotable;
use crate::{
    accounts::{Accounts, Identity, Known},
    attempts::{Asker, Attempts},
    keys::Keys,
};
use axum::http::{HeaderMap, HeaderValue, header, request::Parts};
use futures_util::future::{BoxFuture, FutureExt};
use keyward_guard::{
    ErrorCode,
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    credential::Credential,
    digest, wire,
};
use serde_json::Value;
use std::sync::Arc;

/// The realm of challenges for bearer tokens that no authorization server issues.
pub(super) struct Realm(pub String);

impl Realm {
    /// RFC 6750 §3, without `resource_metadata`, because no authorization server issues such a credential.
    fn challenge(&self, refusal: Refusal, error: Option<(ErrorCode, &str)>, scope: Option<&str>) -> Refusal {
        let mut value = format!("Bearer realm=\"{}\"", quotable(&self.0));
        for (name, text) in
            [("scope", scope), ("error", error.map(|e| e.0.as_str())), ("error_description", error.map(|e| e.1))]
        {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                value = format!("{value}, {name}=\"{text}\"");
            }
        }
        challenge(refusal, &value)
    }

    pub fn unauthorized(&self) -> Refusal {
        let text = "this resource needs a bearer credential";
        self.challenge(Refusal::new(ErrorCode::Unauthorized, text), None, None)
    }

    pub fn invalid_token(&self, text: &'static str) -> Refusal {
        let refusal = Refusal::new(ErrorCode::InvalidToken, text);
        self.challenge(refusal, Some((ErrorCode::InvalidToken, text)), None)
    }
}

pub(super) fn challenge(refusal: Refusal, value: &str) -> Refusal {
    let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("Bearer"));
    refusal.header(header::WWW_AUTHENTICATE, value)
}

/// The bearer token, if there is one.
pub(super) fn bearer<'a>(headers: &'a HeaderMap, realm: &Realm) -> Result<Option<&'a str>, Refusal> {
    let Ok(value) = wire::single(headers, &header::AUTHORIZATION) else {
        let text = "the Authorization header must occur once, in visible ASCII";
        let refusal = Refusal::new(ErrorCode::InvalidRequest, text);
        return Err(realm.challenge(refusal, Some((ErrorCode::InvalidRequest, text)), None));
    };
    let (scheme, presented) = value.unwrap_or_default().split_once(' ').unwrap_or_default();
    Ok(Some(presented.trim()).filter(|presented| scheme.eq_ignore_ascii_case("bearer") && !presented.is_empty()))
}

/// Bearer tokens that no authorization server issued: configured or minted secrets, and people's own API keys.
pub(super) struct BearerKeys {
    /// The kind of credential.
    pub kind: &'static str,
    pub realm: Realm,
    pub keys: Keys,
    /// Accounts whose own API keys are accepted too.
    pub people: Vec<Arc<Accounts>>,
    pub attempts: Attempts,
    pub clock: Clock,
}

impl BearerKeys {
    async fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let judged = self.find(parts).await;
        parts.headers.remove(header::AUTHORIZATION);
        judged
    }

    async fn find(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let presented = bearer(&parts.headers, &self.realm)?.ok_or_else(|| self.realm.unauthorized())?;
        if let Some(key) = self.keys.find(presented, self.clock.now()) {
            let caller = Caller::of_kind(self.kind, &digest::fingerprint(&key.hash), "Bearer");
            return Ok(Caller { scopes: key.scopes, expires_at: key.expires_at, ..caller });
        }
        for accounts in &self.people {
            let found = accounts.identify_key(presented).await.map_err(|error| broken(&error, parts))?;
            if let Some(identity) = found {
                return Ok(self.in_name_of(identity));
            }
        }
        let refusal = self.realm.invalid_token("unknown: the credential is not known here, or has expired");
        Err(self.attempts.noise(Asker::of(&parts.extensions), refusal))
    }

    /// The caller of an API key that a user made.
    fn in_name_of(&self, identity: Identity) -> Caller {
        let scopes = identity.permissions.iter().filter_map(|permission| permission.scope());
        let scopes = Some(scopes.map(str::to_owned).collect());
        let caller = Caller::of_kind(self.kind, &identity.user.id, "Bearer");
        Known { bearer: Some(identity), connection: None }.introduce(Caller { scopes, ..caller })
    }
}

/// An internal error never grants access.
pub(super) fn broken(error: &anyhow::Error, parts: &Parts) -> Refusal {
    let request_id = parts.extensions.get::<RequestId>().map(RequestId::as_str);
    tracing::error!(request_id, error = format!("{error:#}"), "a credential could not be judged");
    let text = "the server could not judge the credential";
    Refusal::new(ErrorCode::ServerError, text)
}

impl Credential for BearerKeys {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        self.judge(parts).boxed()
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, scope: &str, data: Value) -> Refusal {
        let text = "the credential lacks a scope this call needs";
        let refusal = Refusal::insufficient_scope(id, text, data);
        self.realm.challenge(refusal, Some((ErrorCode::InsufficientScope, text)), Some(scope))
    }
}
