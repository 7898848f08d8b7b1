//! Judges access tokens: of a trusted issuer by its signature or its word, made for this resource, in time (RFC 9068
//! §4, RFC 8725 §3, RFC 7662 §4).
use crate::{
    access::{Access, Scheme},
    claims::Claims,
    clock,
    digest::{self, Digest},
    introspection::Introspector,
    jwks::{Issuer, Unavailable},
    scopes::{Policy, well_formed, words},
};
use keyward_limits::source::Source;
use keyward_oauth::{
    digest::from_base64url,
    jws::{Jws, JwsError},
};
use serde_json::{Map, Value};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How far ahead of ours the issuer's clock may be. Expiry has no leeway.
const AHEAD: Duration = Duration::seconds(30);

/// Why a token was not accepted.
#[derive(Debug)]
pub enum Rejection {
    /// RFC 6750 §3.1 `invalid_token`; the text begins with the class of reason.
    Invalid(&'static str),
    /// The same, of one that is good elsewhere.
    ForAnother(&'static str),
    /// There is nothing to judge it by.
    Unavailable(&'static str),
}

impl From<Unavailable> for Rejection {
    fn from(Unavailable(reason): Unavailable) -> Self {
        Self::Unavailable(reason)
    }
}

const UNKNOWN: Rejection = Rejection::Invalid("unknown: the access token is not a JWT signed by a known key");
const INACTIVE: Rejection =
    Rejection::Invalid("unknown: the authorization server knows no such access token for this resource");
const TYPE: Rejection = Rejection::Invalid("unknown: the token is not an access token (typ must be at+jwt)");
const CRITICAL: Rejection = Rejection::Invalid("unknown: the access token has a critical header parameter");
const CLAIMS: Rejection = Rejection::Invalid("unknown: the access token lacks a required claim or has a malformed one");
const BOUND: Rejection = Rejection::Invalid("unknown: a sender-constrained access token cannot be used as a bearer");
const UNBOUND: Rejection =
    Rejection::Invalid("unknown: the access token is bound to no key; send it as a bearer token");
const ISSUER: Rejection = Rejection::Invalid("issuer: the access token is from an issuer this resource does not trust");
const AUDIENCE: Rejection = Rejection::ForAnother("audience: the access token was not issued for this resource");
const GRANT: Rejection =
    Rejection::ForAnother("grant: the access token is from a grant that this resource does not take");
const EXPIRED: Rejection = Rejection::Invalid("expired: the access token has expired");
const EARLY: Rejection = Rejection::Invalid("unknown: the access token is not valid yet");

pub struct Verifier {
    /// Identifiers of the one resource.
    pub resources: Vec<String>,
    /// The grants a token may come from; empty: any.
    pub grants: &'static [&'static str],
    pub issuers: Vec<Arc<Issuer>>,
    /// Asks the first of them, if it is to be asked.
    pub introspector: Option<Introspector>,
    pub policy: Arc<Policy>,
}

impl Verifier {
    /// A bound token's key is yet to prove itself.
    pub async fn verify(
        &self,
        scheme: Scheme,
        token: &str,
        source: Source,
        now: OffsetDateTime,
    ) -> Result<Access, Rejection> {
        if let Some(introspector) = &self.introspector {
            let said = said(token);
            if !self.is_of_another(said.as_ref()) {
                self.judge_unseen(said.as_ref(), now)?;
                let active = introspector.ask(token, source, now).await?.ok_or(INACTIVE)?;
                return self.judge_claims(scheme, &active.claims, &active.issuer, now);
            }
        }
        let digest = digest::of(token.as_bytes());
        for issuer in &self.issuers {
            if let Some(claims) = issuer.verified(&digest, now) {
                return self.judge_claims(scheme, &claims, &issuer.identifier, now);
            }
        }
        self.verify_signature(scheme, token, digest, now).await
    }

    async fn verify_signature(
        &self,
        scheme: Scheme,
        token: &str,
        digest: Digest,
        now: OffsetDateTime,
    ) -> Result<Access, Rejection> {
        let jws = Jws::parse(token).map_err(|error| if error == JwsError::Critical { CRITICAL } else { UNKNOWN })?;
        if jws.typ.as_deref() != Some("at+jwt") {
            return Err(TYPE);
        }
        // Only chooses whose keys to try; the signature covers it.
        let iss = jws.claim("iss").ok_or(UNKNOWN)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.identifier == iss).ok_or(ISSUER)?;
        let (kid, algorithm) = (jws.kid.as_deref(), jws.algorithm);
        let key = if let Some(key) = issuer.known(kid, algorithm, now) {
            key
        } else {
            // What would be refused with any key is not worth a look at the issuer's.
            let claims = Claims::parse(&jws.claims).map_err(|_| CLAIMS)?;
            let issued_at = clock::date(claims.iat).map_err(|_| CLAIMS)?;
            self.judge_claims(scheme, &claims, iss, now)?;
            issuer.look_up(kid, algorithm, issued_at, now).await?.ok_or(UNKNOWN)?
        };
        if !jws.is_signed_with(&key.key) {
            return Err(UNKNOWN);
        }
        let claims = Arc::new(Claims::parse(&jws.claims).map_err(|_| CLAIMS)?);
        let access = self.judge_claims(scheme, &claims, iss, now)?;
        issuer.tokens.remember(digest, (token.len(), &claims.sub), &key, &claims, now);
        Ok(access)
    }

    /// Whether it says that it is from another issuer than the first: who is not its issuer must not get to see it.
    fn is_of_another(&self, said: Option<&Map<String, Value>>) -> bool {
        let iss = said.and_then(|claims| claims.get("iss")?.as_str());
        iss.is_some_and(|iss| self.issuers.iter().skip(1).any(|issuer| issuer.identifier == iss))
    }

    /// What a JWT says of itself, true or not: whoever is not its issuer, or has no use for it, does not get to see it.
    /// A token that says nothing is the issuer's to judge.
    fn judge_unseen(&self, said: Option<&Map<String, Value>>, now: OffsetDateTime) -> Result<(), Rejection> {
        let Some(claims) = said else { return Ok(()) };
        let claim = |name| claims.get(name);
        let issuer = self.issuers.first().map(|issuer| issuer.identifier.as_str());
        if claim("iss").is_some_and(|iss| iss.as_str() != issuer) {
            return Err(ISSUER);
        }
        let named = |aud: &Value| aud.as_str().is_some_and(|aud| self.resources.iter().any(|own| own == aud));
        if claim("aud").is_some_and(|aud| !named(aud) && !aud.as_array().is_some_and(|all| all.iter().any(named))) {
            return Err(AUDIENCE);
        }
        #[allow(clippy::cast_precision_loss)] // of the year 287396
        let ended = |exp: &Value| exp.as_f64().is_none_or(|exp| exp <= now.unix_timestamp() as f64);
        if claim("exp").is_some_and(ended) { Err(EXPIRED) } else { Ok(()) }
    }

    fn judge_claims(
        &self,
        scheme: Scheme,
        claims: &Claims,
        issuer: &str,
        now: OffsetDateTime,
    ) -> Result<Access, Rejection> {
        let audience = claims.aud.find(&self.resources).ok_or(AUDIENCE)?;
        let grant_type = claims.grant_type();
        if !self.grants.is_empty() && !grant_type.as_ref().is_some_and(|one| self.grants.contains(&one.as_str())) {
            return Err(GRANT);
        }
        let expires_at = clock::date(claims.exp).map_err(|_| CLAIMS)?;
        if expires_at <= now {
            return Err(EXPIRED);
        }
        let latest = (now + AHEAD).unix_timestamp();
        if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(EARLY);
        }
        let jkt = match (scheme, claims.cnf.as_ref().map(|cnf| &cnf.jkt)) {
            (Scheme::Bearer, None) => None,
            (Scheme::Dpop, Some(Some(jkt))) => Some(jkt.clone()),
            (Scheme::Dpop, None) => return Err(UNBOUND),
            (_, Some(_)) => return Err(BOUND),
        };
        let auth_time = claims.auth_time.map(clock::date).transpose().map_err(|_| CLAIMS)?;
        let scope = claims.scope.as_deref().unwrap_or_default();
        if claims.sub.is_empty() || claims.client_id.is_empty() || claims.jti.is_empty() || !well_formed(scope) {
            return Err(CLAIMS);
        }
        let own = self.issuers.iter().find(|known| known.identifier == issuer);
        let implied = own.map(|issuer| issuer.implied(audience)).unwrap_or_default();
        Ok(Access {
            implied,
            issuer: issuer.to_owned(),
            subject: claims.sub.clone(),
            username: claims.preferred_username.clone(),
            client_id: claims.client_id.clone(),
            actor: claims.act.as_ref().map(|act| act.sub.clone()),
            scopes: words(scope),
            audience: audience.clone(),
            grant_type,
            expires_at,
            auth_time,
            acr: claims.acr.clone(),
            token_id: claims.jti.clone(),
            scheme,
            jkt,
            policy: Arc::clone(&self.policy),
        })
    }
}

/// What a JWT says of itself, to whoever reads it.
fn said(token: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&from_base64url(token.split('.').nth(1)?)?).ok()
}
