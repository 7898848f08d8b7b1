//! The one place where tokens are issued.
use super::{access_token, id_token, refresh_token::RefreshToken};
use crate::{
    app::App,
    error::OAuthError,
    grants::TokenRequest,
    model::{Client, Grant, Role, Scopes, User},
    oauth::{
        params::Params,
        resource::{OFFLINE_ACCESS, OIDC_SCOPES, Resource},
    },
    storage::users,
};
use access_token::AccessTokenClaims;
use serde::Serialize;

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// What of a grant one token request gets, judged before anything is consumed: user, grant, client and policy anew
/// each time, for all of them may have changed since the consent.
pub struct Permit<'a> {
    client: &'a Client,
    user: User,
    audience: Audience<'a>,
    /// What the audience knows and the user's role still allows.
    scopes: Scopes,
}

enum Audience<'a> {
    /// A resource server (RFC 8707).
    Resource(&'a Resource),
    /// Ourselves: the userinfo endpoint.
    Issuer,
}

impl<'a> Permit<'a> {
    pub async fn judge(request: TokenRequest<'a>, grant: &Grant) -> Result<Self, OAuthError> {
        let TokenRequest { app, client, params } = request;
        if grant.revoked_at.is_some() || grant.expires_at <= app.clock.now() {
            return Err(OAuthError::invalid_grant("the grant was revoked or has expired"));
        }
        let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(|| OAuthError::invalid_grant("the user's account is gone or disabled"))?;
        // RFC 6749 §6 and RFC 8707 §2.2: scope and resource may narrow the grant, never widen it.
        let asked = match params.get("scope")? {
            None => grant.scopes.clone(),
            Some(text) => Scopes::parse(text)
                .filter(|asked| asked.is_subset(&grant.scopes))
                .ok_or_else(|| OAuthError::invalid_scope("scope exceeds what was granted (RFC 6749 section 6)"))?,
        };
        let audience = Audience::choose(app, params, grant)?;
        let scopes = asked.filter(|scope| audience.knows(scope, user.role));
        if scopes.iter().all(|scope| scope == OFFLINE_ACCESS) {
            return Err(OAuthError::invalid_scope("none of these scopes is for this resource, or allowed any longer"));
        }
        Ok(Self { client, user, audience, scopes })
    }

    /// Signs what was judged. `refresh` is the token that goes with it, if any.
    pub fn issue(
        self,
        app: &App,
        grant: &Grant,
        refresh: Option<RefreshToken>,
        nonce: Option<&str>,
    ) -> Result<TokenResponse, OAuthError> {
        let now = app.clock.now().unix_timestamp();
        let (audience, lifetime, algorithm) = match self.audience {
            Audience::Issuer => (app.config.issuer.as_str(), None, None),
            Audience::Resource(resource) => {
                (resource.identifier.as_str(), resource.access_token_lifetime, resource.signing_alg.as_deref())
            }
        };
        let lifetime = lifetime.unwrap_or(app.config.tokens.access_token_lifetime);
        let claims = AccessTokenClaims {
            iss: app.config.issuer.clone(),
            sub: self.user.id.to_string(),
            aud: audience.to_owned(),
            client_id: self.client.id.clone(),
            iat: now,
            exp: now + i64::from(lifetime),
            jti: crate::secrets::random(),
            // A promise about refreshing is nothing a resource server acts on (OpenID Connect Core §11).
            scope: self.scopes.filter(|scope| scope != OFFLINE_ACCESS).to_string(),
            preferred_username: self.user.username.clone(),
            auth_time: grant.auth_time.unix_timestamp(),
            grant_id: grant.id.to_string(),
        };
        let access_token = app.keys.sign(algorithm.unwrap_or(app.signing_alg()), access_token::TYPE, &claims)?;
        let id_token = self
            .scopes
            .contains("openid")
            .then(|| id_token::sign(app, self.client, grant, &self.user, &access_token, nonce))
            .transpose()?;
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: lifetime,
            refresh_token: refresh.map(|token| token.expose(app)),
            scope: self.scopes.to_string(),
            id_token,
        })
    }
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

    /// Whether the scope means something there, and the role still has it.
    fn knows(&self, scope: &str, role: Role) -> bool {
        match self {
            _ if OIDC_SCOPES.contains(&scope) => true,
            Self::Issuer => false,
            Self::Resource(resource) => resource.allows(scope, role),
        }
    }
}
