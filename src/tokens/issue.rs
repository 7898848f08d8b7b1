//! The one place where tokens are issued.
mod audience;
mod delegation;
mod exchange;
mod subject;

use super::{
    access_token::{AccessTokenClaims, Confirmation},
    dpop::PresentedProof,
    id_token,
    limit::within_limit,
    refresh_token::IssuedRefreshToken,
    request::TokenRequest,
};
use crate::{
    app::App,
    error::OAuthError,
    events::EventType,
    model::{
        Client, ClientSource, Grant, Scopes, User,
        grant_type::{CLIENT_CREDENTIALS, REFRESH_TOKEN},
    },
    oauth::{
        params::Params,
        resource::{OFFLINE_ACCESS, Resource},
        token_exchange,
    },
    storage::users,
};
use audience::Audience;
use delegation::Delegation;
use serde::Serialize;
use subject::Subject;

/// The token response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    /// Only in response to an exchange (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds; only if a setting asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// The part of a grant that one token request gets. User, grant, client and policy are checked again before anything is
/// consumed, because all of them may have changed since the consent.
pub struct Issuance<'a> {
    client: &'a Client,
    subject: Subject,
    audience: Audience<'a>,
    /// The scopes that the audience knows and the subject may still have.
    scopes: Scopes,
    /// Thumbprint of the key that the access token is bound to.
    jkt: Option<&'a str>,
    proof: Option<&'a PresentedProof>,
    /// Seconds since the epoch: the end of the underlying grant or token, which the access token does not outlive.
    ends_at: i64,
    /// Set in an exchange only.
    delegation: Option<Delegation>,
    /// The grant type of the original grant; unused in an exchange.
    grant_type: Option<String>,
    /// The event for the audit trail.
    event: EventType,
}

/// An issuance whose proof of possession was used up: the next steps are to consume the code or token, and to issue.
pub struct ProvenIssuance<'a>(Issuance<'a>);

impl<'a> Issuance<'a> {
    pub async fn judge(request: TokenRequest<'a>, grant: &Grant) -> Result<Self, OAuthError> {
        let TokenRequest { app, params, .. } = request;
        if grant.revoked_at.is_some() || grant.expires_at <= app.clock.now() {
            return Err(OAuthError::invalid_grant("the grant was revoked or has expired"));
        }
        let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(|| OAuthError::invalid_grant("the user's account is gone or disabled"))?;
        // Computed now, but a wrong resource is reported after a wrong scope.
        let audience = Audience::choose(app, params, grant);
        let asked = asked(params, &grant.scopes, audience.as_ref().ok())?;
        Self::for_audience(request, grant, user, &asked, audience?)
    }

    /// The requested scopes that this user may still have, all of them within the grant.
    pub fn for_person(
        request: TokenRequest<'a>,
        grant: &Grant,
        user: User,
        asked: &Scopes,
    ) -> Result<Self, OAuthError> {
        let audience = Audience::choose(request.app, request.params, grant)?;
        Self::for_audience(request, grant, user, asked, audience)
    }

    fn for_audience(
        request: TokenRequest<'a>,
        grant: &Grant,
        user: User,
        asked: &Scopes,
        audience: Audience<'a>,
    ) -> Result<Self, OAuthError> {
        let TokenRequest { client, params, jkt, proof, .. } = request;
        let scopes = asked.filter(|scope| audience.knows(scope, user.role));
        if scopes.iter().all(|scope| scope == OFFLINE_ACCESS) {
            return Err(OAuthError::invalid_scope("none of these scopes is for this resource, or allowed any longer"));
        }
        let (auth_time, acr) = (grant.auth_time, grant.acr.clone());
        let subject = Subject::Person { user, grant_id: grant.id, auth_time, acr };
        let (ends_at, grant_type) = (grant.expires_at.unix_timestamp(), Some(grant.grant_type.clone()));
        let refreshed = params.get("grant_type")? == Some(REFRESH_TOKEN);
        let event = if refreshed { EventType::TokenRefresh } else { EventType::TokenIssued };
        Ok(Self { client, subject, audience, scopes, jkt, proof, ends_at, delegation: None, grant_type, event })
    }

    /// An issuance for the client itself (RFC 6749 §4.4): within the client's registered scopes, and without claims
    /// about a user.
    pub fn for_client(request: TokenRequest<'a>) -> Result<Self, OAuthError> {
        let TokenRequest { app, client, params, jkt, proof, .. } = request;
        let asked: Vec<_> = params.all("resource").chain(client.policy.default_resource.as_deref()).collect();
        let resource = match (params.count("resource"), asked.first()) {
            (2.., _) => {
                return Err(OAuthError::invalid_target("ask for one resource at a time (RFC 8707 section 2.2)"));
            }
            (_, Some(identifier)) => app.resources.find(identifier),
            (_, None) => app.resources.default(),
        };
        let resource = resource.ok_or_else(|| OAuthError::invalid_target("resource is not known to this server"))?;
        let ceiling = within_limit(client, resource, ceiling(client, resource))?;
        let scopes = match params.get("scope")? {
            None => ceiling,
            Some(text) => {
                let asked = Scopes::parse(text).and_then(|asked| resource.held_of(&ceiling, &asked));
                asked.ok_or_else(|| {
                    OAuthError::invalid_scope("scope exceeds what the client may have of this resource")
                })?
            }
        };
        if scopes.is_empty() {
            return Err(OAuthError::invalid_scope("the client may have no scope of this resource"));
        }
        let audience = Audience::Resource(resource);
        let (subject, grant_type) = (Subject::Client, Some(CLIENT_CREDENTIALS.to_owned()));
        let (ends_at, delegation, event) = (i64::MAX, None, EventType::TokenIssued);
        Ok(Self { client, subject, audience, scopes, jkt, proof, ends_at, delegation, grant_type, event })
    }

    /// Uses up the proof of the request, if it has one.
    pub async fn proven(self, app: &App) -> Result<ProvenIssuance<'a>, OAuthError> {
        if let Some(proof) = self.proof {
            proof.spend(app).await?;
        }
        Ok(ProvenIssuance(self))
    }
}

impl ProvenIssuance<'_> {
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// Issues the tokens. `refresh` is the refresh token to include, if any.
    pub async fn issue(
        self,
        app: &App,
        refresh: Option<IssuedRefreshToken>,
        nonce: Option<&str>,
    ) -> Result<TokenResponse, OAuthError> {
        let issuance = self.0;
        let now = app.clock.now().unix_timestamp();
        let (audience, lifetime) = match issuance.audience {
            Audience::Issuer => (&app.config.issuer, None),
            Audience::Resource(resource) => (&resource.identifier, resource.access_token_lifetime),
        };
        let lifetime = lifetime.unwrap_or(app.config.tokens.access_token_lifetime);
        let exp = issuance.ends_at.min(now + i64::from(lifetime));
        let issued_token_type = issuance.delegation.as_ref().map(|_| token_exchange::ACCESS_TOKEN);
        let (act, may_act) = issuance.delegation.map(|delegation| (delegation.actor, delegation.may_act)).unzip();
        let claims = AccessTokenClaims {
            iss: app.config.issuer.clone(),
            sub: issuance.subject.identifier(issuance.client),
            aud: audience.clone(),
            client_id: issuance.client.id.clone(),
            iat: now,
            exp,
            jti: crate::secrets::random(),
            // `offline_access` means nothing to a resource server (OpenID Connect Core §11).
            scope: issuance.scopes.filter(|scope| scope != OFFLINE_ACCESS).to_string(),
            grant_type: issuance.grant_type,
            cnf: issuance.jkt.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
            act,
            may_act: may_act.flatten(),
            person: issuance.subject.person(),
        };
        let access_token = issuance.audience.access_token(app, &claims).await?;
        let id_token = match &issuance.subject {
            Subject::Person { user, auth_time, acr, .. } if issuance.scopes.contains("openid") => {
                let signed_in = (*auth_time, acr.as_deref());
                Some(id_token::sign(app, issuance.client, user, signed_in, &access_token, nonce)?)
            }
            _ => None,
        };
        if app.config.audit.tokens {
            issuance.subject.record(app, issuance.event, issuance.client, &claims).await;
        }
        Ok(TokenResponse {
            access_token,
            issued_token_type,
            token_type: claims.token_type(),
            expires_in: exp - now,
            refresh_token_expires_in: refresh
                .as_ref()
                .and_then(|refresh| told_lifetime(app, refresh, issuance.ends_at)),
            refresh_token: refresh.map(|refresh| refresh.token.expose(app)),
            scope: issuance.scopes.to_string(),
            id_token,
        })
    }
}

/// Seconds until the refresh token is idle for too long, or its grant ends.
fn told_lifetime(app: &App, refresh: &IssuedRefreshToken, grant_ends_at: i64) -> Option<i64> {
    let settings = &app.config.tokens;
    let idle_until = refresh.rotated_at.unix_timestamp() + i64::from(settings.refresh_idle);
    settings.refresh_token_expires_in.then(|| idle_until.min(grant_ends_at) - app.clock.now().unix_timestamp())
}

/// The most scopes that a client may have for itself: its registered scopes, or else the resource's default scopes.
/// Scopes restricted to some roles need the operator's configuration; the client's own registration is not enough.
fn ceiling(client: &Client, resource: &Resource) -> Scopes {
    let registered = client.metadata.scope.clone().map(Scopes::from);
    let trusted = registered.is_some() && client.source == ClientSource::Seed;
    let ceiling = registered.unwrap_or_else(|| resource.default_scopes.clone());
    ceiling.filter(|scope| resource.scope(scope).is_some_and(|rule| trusted || rule.roles.is_empty()))
}

/// The parameter `scope`, or all granted scopes. RFC 6749 §6 allows narrower scopes, never broader ones.
fn asked(params: &Params, granted: &Scopes, audience: Option<&Audience<'_>>) -> Result<Scopes, OAuthError> {
    let Some(text) = params.get("scope")? else { return Ok(granted.clone()) };
    let held = audience.map_or_else(|| granted.clone(), |audience| audience.reach(granted));
    let asked = Scopes::parse(text).filter(|asked| asked.is_subset(&held));
    asked.ok_or_else(|| OAuthError::invalid_scope("scope exceeds what was granted (RFC 6749 section 6)"))
}
