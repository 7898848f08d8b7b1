//! Access tokens as a credential of a protected resource (RFC 6750, RFC 9449, RFC 9470, RFC 9728).
use crate::{
    access::{Access, Scheme},
    caller::Caller,
    challenge::{Challenge, DpopPolicy, Refusal},
    clock::Clock,
    credential::Credential,
    dpop,
    error_code::ErrorCode,
    metadata::ProtectedResource,
    source::source_of,
    step_up::StepUp,
    verify::{Rejection, Verifier},
    wire::{self, Message},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::Value;
use std::sync::Arc;
use url::form_urlencoded;

const DPOP: HeaderName = HeaderName::from_static("dpop");

pub struct AccessTokens {
    pub challenge: Challenge,
    pub verifier: Verifier,
    /// What proofs must be for.
    pub url: String,
    pub proofs: Arc<dpop::Used>,
    pub step_up: StepUp,
    pub metadata: ProtectedResource,
    pub clock: Clock,
}

impl AccessTokens {
    async fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let (scheme, token) = self.token(&parts.headers, &parts.uri)?;
        if scheme == Scheme::Bearer && self.challenge.dpop == DpopPolicy::Required {
            return Err(self.challenge.invalid_token(Scheme::Dpop, "unknown: this resource takes no bearer tokens"));
        }
        let source = source_of(&parts.extensions);
        let verified = self.verifier.verify(scheme, token, source, self.clock.now()).await;
        let access = verified.map_err(|rejection| self.refuse(scheme, &rejection))?;
        self.prove(&parts.method, &parts.headers, token, &access)?;
        // Token and proof were for us, and go no further.
        parts.headers.remove(header::AUTHORIZATION);
        parts.headers.remove(DPOP);
        Ok(Caller::from(access))
    }

    /// RFC 6750 §2.1, the one way MCP allows: never the query (§2.3), never twice (§3.1).
    fn token<'a>(&self, headers: &'a HeaderMap, uri: &Uri) -> Result<(Scheme, &'a str), Refusal> {
        let query = uri.query().unwrap_or_default();
        if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
            return Err(self.challenge.invalid_request("an access token must not be in the query"));
        }
        let Ok(value) = wire::single(headers, &header::AUTHORIZATION) else {
            return Err(self.challenge.invalid_request("the Authorization header must occur once, in visible ASCII"));
        };
        let (scheme, token) = value.unwrap_or_default().split_once(' ').unwrap_or_default();
        let token = token.trim();
        let Some(scheme) = Scheme::parse(scheme).filter(|_| !token.is_empty()) else {
            return Err(self.challenge.unauthorized());
        };
        let b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !token.bytes().all(b64token) {
            return Err(self.challenge.invalid_request("the Authorization header must hold one access token"));
        }
        Ok((scheme, token))
    }

    /// RFC 9449 §7.1: the key that the token is bound to signed a proof for this very request.
    fn prove(&self, method: &Method, headers: &HeaderMap, token: &str, access: &Access) -> Result<(), Refusal> {
        let Some(jkt) = &access.jkt else { return Ok(()) };
        let refuse = |description| self.challenge.invalid_dpop_proof(description);
        let proof = wire::single(headers, &DPOP).ok().flatten();
        let proof = proof.ok_or_else(|| refuse("the DPoP header with the proof must occur once"))?;
        let (method, url, now) = (method.as_str(), self.url.as_str(), self.clock.now());
        let trace =
            dpop::verify(proof, &dpop::Demand { method, url, access_token: token, jkt, now }).map_err(refuse)?;
        let first = self.proofs.first(jkt, trace, now);
        first.then_some(()).ok_or_else(|| refuse("the DPoP proof was used before (jti)"))
    }

    fn refuse(&self, scheme: Scheme, rejection: &Rejection) -> Refusal {
        match rejection {
            Rejection::Invalid(reason) => self.challenge.invalid_token(scheme, reason),
            Rejection::ForAnother(reason) => self.challenge.invalid_token(scheme, reason).for_another(true),
            Rejection::Unavailable(reason) => Refusal::new(ErrorCode::TemporarilyUnavailable, reason)
                .header(header::RETRY_AFTER, HeaderValue::from_static("5")),
        }
    }
}

impl Credential for AccessTokens {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        self.judge(parts).boxed()
    }

    fn insufficient_scope(&self, caller: &Caller, id: &Value, scope: &str, data: Value) -> Refusal {
        let scheme = caller.access.as_ref().map_or(Scheme::Bearer, |access| access.scheme);
        self.challenge.insufficient_scope(scheme, id, scope, data)
    }

    /// The new token is to be good for what the old one was, and for this call at once.
    fn check_sign_in(&self, caller: &Caller, message: Option<&Message>) -> Result<(), Refusal> {
        let Some(access) = &caller.access else { return Ok(()) };
        let demand = self.step_up.demand(message.and_then(Message::tool));
        let Some(missing) = demand.unmet(access, self.clock.now()) else { return Ok(()) };
        let policy = &access.policy;
        let needed = message.map_or(&[][..], |message| policy.needed(message.method(), message.tool()));
        let scope = if needed.is_empty() && access.scopes.is_empty() {
            self.challenge.scope.clone()
        } else {
            caller.beside_those_held(policy, needed).join(" ")
        };
        Err(self.challenge.insufficient_user_authentication(access.scheme, &scope, missing, &demand))
    }

    fn metadata(&self) -> Option<ProtectedResource> {
        Some(self.metadata.clone())
    }
}
