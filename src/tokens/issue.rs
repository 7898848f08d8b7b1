//! The one place where tokens are issued.
mod exchange;

use super::{access_token, dpop::Presented, id_token, opaque::OpaqueToken, refresh_token::Refresh};
use crate::{
    app::App,
    audit::Event,
    authorization::request::within_limit,
    clock,
    error::OAuthError,
    events::EventType,
    grants::{TokenRequest, client_credentials, refresh_token},
    model::{AccessToken, Client, ClientSource, Grant, GrantId, Role, Scopes, User},
    oauth::{
        params::Params,
        resource::{AccessTokenFormat, OFFLINE_ACCESS, OIDC_SCOPES, Resource},
        token_exchange,
    },
    storage::{access_tokens, users},
};
use access_token::{AccessTokenClaims, Confirmation, PersonClaims};
use exchange::Delegation;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    /// In answer to an exchange only (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds, where a setting wants it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// What of a grant one token request gets, judged before anything is consumed: user, grant, client and policy anew
/// each time, for all of them may have changed since the consent.
pub struct Permit<'a> {
    client: &'a Client,
    subject: Subject,
    audience: Audience<'a>,
    /// What the audience knows and the subject still may.
    scopes: Scopes,
    /// Thumbprint of the key that the access token is bound to.
    jkt: Option<&'a str>,
    proof: Option<&'a Presented>,
    /// Seconds since the epoch: when what it comes from ends, grant or token, and the access token at the latest.
    ends_at: i64,
    /// Of an exchange only.
    delegation: Option<Delegation>,
    /// What it all began with; of an exchanged token nobody asks.
    grant_type: Option<String>,
    /// What the audit trail calls it.
    event: EventType,
}

/// A permit whose proof of possession was used up for it: what is left is to consume and to issue.
pub struct Proven<'a>(Permit<'a>);

/// On whose behalf.
enum Subject {
    /// Through a grant, since when they last proved who they are, and how well.
    Person { user: User, grant_id: GrantId, auth_time: OffsetDateTime, acr: Option<String> },
    /// The client itself (RFC 6749 §4.4).
    Client,
    /// Another client, which this one acts for (RFC 8693 §1.1).
    Other { sub: String },
}

enum Audience<'a> {
    /// A resource server (RFC 8707).
    Resource(&'a Resource),
    /// Ourselves: the userinfo endpoint.
    Issuer,
}

impl<'a> Permit<'a> {
    pub async fn judge(request: TokenRequest<'a>, grant: &Grant) -> Result<Self, OAuthError> {
        let TokenRequest { app, params, .. } = request;
        if grant.revoked_at.is_some() || grant.expires_at <= app.clock.now() {
            return Err(OAuthError::invalid_grant("the grant was revoked or has expired"));
        }
        let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(|| OAuthError::invalid_grant("the user's account is gone or disabled"))?;
        // A wrong resource is told after a wrong scope.
        let audience = Audience::choose(app, params, grant);
        let asked = asked(params, &grant.scopes, audience.as_ref().ok())?;
        Self::for_audience(request, grant, user, &asked, audience?)
    }

    /// What is left for this user of the scopes asked for, all of them part of the grant.
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
        let refreshed = params.get("grant_type")? == Some(refresh_token::NAME);
        let event = if refreshed { EventType::TokenRefresh } else { EventType::TokenIssued };
        Ok(Self { client, subject, audience, scopes, jkt, proof, ends_at, delegation: None, grant_type, event })
    }

    /// For the client itself (RFC 6749 §4.4): within the ceiling it is registered with, and nothing of a person.
    pub fn for_client(request: TokenRequest<'a>) -> Result<Self, OAuthError> {
        let TokenRequest { app, client, params, jkt, proof, .. } = request;
        let asked: Vec<_> = params.all("resource").chain(client.metadata.default_resource.as_deref()).collect();
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
        let (subject, grant_type) = (Subject::Client, Some(client_credentials::NAME.to_owned()));
        let (ends_at, delegation, event) = (i64::MAX, None, EventType::TokenIssued);
        Ok(Self { client, subject, audience, scopes, jkt, proof, ends_at, delegation, grant_type, event })
    }

    /// Uses up the proof that came with the request, if one did.
    pub async fn proven(self, app: &App) -> Result<Proven<'a>, OAuthError> {
        if let Some(proof) = self.proof {
            proof.spend(app).await?;
        }
        Ok(Proven(self))
    }
}

impl Proven<'_> {
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// Makes of it what was judged. `refresh` is the token that goes with it, if any.
    pub async fn issue(
        self,
        app: &App,
        refresh: Option<Refresh>,
        nonce: Option<&str>,
    ) -> Result<TokenResponse, OAuthError> {
        let permit = self.0;
        let now = app.clock.now().unix_timestamp();
        let (audience, lifetime) = match permit.audience {
            Audience::Issuer => (&app.config.issuer, None),
            Audience::Resource(resource) => (&resource.identifier, resource.access_token_lifetime),
        };
        let lifetime = lifetime.unwrap_or(app.config.tokens.access_token_lifetime);
        let exp = permit.ends_at.min(now + i64::from(lifetime));
        let issued_token_type = permit.delegation.as_ref().map(|_| token_exchange::ACCESS_TOKEN);
        let (act, may_act) = permit.delegation.map(|delegation| (delegation.actor, delegation.may_act)).unzip();
        let claims = AccessTokenClaims {
            iss: app.config.issuer.clone(),
            sub: permit.subject.identifier(permit.client),
            aud: audience.clone(),
            client_id: permit.client.id.clone(),
            iat: now,
            exp,
            jti: crate::secrets::random(),
            // A promise about refreshing is nothing a resource server acts on (OpenID Connect Core §11).
            scope: permit.scopes.filter(|scope| scope != OFFLINE_ACCESS).to_string(),
            grant_type: permit.grant_type,
            cnf: permit.jkt.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
            act,
            may_act: may_act.flatten(),
            person: permit.subject.person(),
        };
        let access_token = permit.audience.access_token(app, &claims).await?;
        let id_token = match &permit.subject {
            Subject::Person { user, auth_time, acr, .. } if permit.scopes.contains("openid") => {
                let signed_in = (*auth_time, acr.as_deref());
                Some(id_token::sign(app, permit.client, user, signed_in, &access_token, nonce)?)
            }
            _ => None,
        };
        if app.config.audit.tokens {
            let details = json!({"jti": claims.jti, "scope": claims.scope, "resource": claims.aud,
                "grant_type": claims.grant_type});
            permit
                .subject
                .put_into(Event::new(permit.event).client(&permit.client.id).details(details))
                .note(app)
                .await;
        }
        Ok(TokenResponse {
            access_token,
            issued_token_type,
            token_type: claims.token_type(),
            expires_in: exp - now,
            refresh_token_expires_in: refresh.as_ref().and_then(|refresh| told_lifetime(app, refresh, permit.ends_at)),
            refresh_token: refresh.map(|refresh| refresh.token.expose(app)),
            scope: permit.scopes.to_string(),
            id_token,
        })
    }
}

/// Until it is idle for too long, or its grant ends.
fn told_lifetime(app: &App, refresh: &Refresh, grant_ends_at: i64) -> Option<i64> {
    let settings = &app.config.tokens;
    let idle_until = refresh.rotated_at.unix_timestamp() + i64::from(settings.refresh_idle);
    settings.refresh_token_expires_in.then(|| idle_until.min(grant_ends_at) - app.clock.now().unix_timestamp())
}

impl Subject {
    fn identifier(&self, client: &Client) -> String {
        match self {
            Self::Person { user, .. } => user.id.to_string(),
            Self::Client => client.id.to_string(),
            Self::Other { sub } => sub.clone(),
        }
    }

    fn put_into(&self, event: Event) -> Event {
        match self {
            Self::Person { user, grant_id, .. } => event.user(user.id).grant(*grant_id),
            Self::Client | Self::Other { .. } => event,
        }
    }

    fn person(&self) -> Option<PersonClaims> {
        match self {
            Self::Person { user, grant_id, auth_time, acr } => Some(PersonClaims {
                preferred_username: user.username.clone(),
                auth_time: auth_time.unix_timestamp(),
                acr: acr.clone(),
                grant_id: grant_id.to_string(),
            }),
            Self::Client | Self::Other { .. } => None,
        }
    }
}

/// What a client may have for itself: the scopes its operator registered, else the resource's default ones. What is
/// kept for people of some role a client may have only if its operator said so, not if it said so itself.
fn ceiling(client: &Client, resource: &Resource) -> Scopes {
    let registered = client.metadata.scope.clone().map(Scopes::from);
    let trusted = registered.is_some() && client.source == ClientSource::Seed;
    let ceiling = registered.unwrap_or_else(|| resource.default_scopes.clone());
    ceiling.filter(|scope| resource.scope(scope).is_some_and(|rule| trusted || rule.roles.is_empty()))
}

/// `scope`, or all that was granted; RFC 6749 §6 lets it narrow what is held there, never widen it.
fn asked(params: &Params, granted: &Scopes, audience: Option<&Audience<'_>>) -> Result<Scopes, OAuthError> {
    let Some(text) = params.get("scope")? else { return Ok(granted.clone()) };
    let held = audience.map_or_else(|| granted.clone(), |audience| audience.reach(granted));
    let asked = Scopes::parse(text).filter(|asked| asked.is_subset(&held));
    asked.ok_or_else(|| OAuthError::invalid_scope("scope exceeds what was granted (RFC 6749 section 6)"))
}

impl<'a> Audience<'a> {
    /// One for each token (RFC 9068 §3).
    fn choose(app: &'a App, params: &Params, grant: &Grant) -> Result<Self, OAuthError> {
        let asked: Vec<_> = params.all("resource").collect();
        let identifier = match asked[..] {
            // Several granted, none named: the first, never one token for all (RFC 8707 §2.2).
            [] => grant.resources.first().map_or(app.config.issuer.as_str(), String::as_str),
            [one] => one,
            _ => return Err(OAuthError::invalid_target("ask for one resource at a time (RFC 8707 section 2.2)")),
        };
        let outside = || OAuthError::invalid_target("resource is not part of the grant (RFC 8707 section 2.2)");
        if identifier == app.config.issuer {
            let openid = grant.scopes.contains("openid") || grant.resources.is_empty();
            return openid.then_some(Self::Issuer).ok_or_else(outside);
        }
        let resource = app.resources.find(identifier).ok_or_else(outside)?;
        let granted = grant.resources.contains(&resource.identifier);
        granted.then_some(Self::Resource(resource)).ok_or_else(outside)
    }

    /// All that these scopes of a grant bring along there.
    fn reach(&self, granted: &Scopes) -> Scopes {
        match self {
            Self::Issuer => granted.clone(),
            Self::Resource(resource) => resource.reach(granted),
        }
    }

    /// In the form that it is given there.
    async fn access_token(&self, app: &App, claims: &AccessTokenClaims) -> Result<String, OAuthError> {
        let (format, algorithm) = match self {
            Self::Issuer => (None, None),
            Self::Resource(resource) => (resource.access_token_format, resource.signing_alg.as_deref()),
        };
        match format.unwrap_or(app.config.tokens.access_token_format) {
            AccessTokenFormat::Jwt => app.keys.sign(algorithm.unwrap_or(app.signing_alg()), access_token::TYPE, claims),
            AccessTokenFormat::Opaque => {
                let token = OpaqueToken::random();
                let stored = AccessToken {
                    token_hash: token.digest(),
                    claims: serde_json::to_value(claims).map_err(OAuthError::server_error)?,
                    expires_at: clock::date(claims.exp).map_err(OAuthError::server_error)?,
                };
                access_tokens::insert(&app.db, &stored).await?;
                Ok(token.expose())
            }
        }
    }

    /// Whether the scope means something there, and the role still has it.
    fn knows(&self, scope: &str, role: Role) -> bool {
        match self {
            _ if OIDC_SCOPES.contains(&scope) => true,
            Self::Issuer => false,
            Self::Resource(resource) => resource.allows(scope, role),
        }
    }
}
