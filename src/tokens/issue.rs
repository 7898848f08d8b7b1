//! The one place where tokens are issued: user, client, grant and policy are judged again each time.
use super::{access_token, id_token, refresh_token::RefreshToken};
use crate::{
    app::App,
    error::OAuthError,
    model::{Client, Grant, Scopes, User},
    oauth::{
        params::Params,
        resource::{OFFLINE_ACCESS, OIDC_SCOPES, Resource, token_scopes},
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
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// What of a grant a token request asks for, already within it and within what its user may.
pub struct Ask<'a> {
    audience: Audience<'a>,
    /// What the audience knows and the user's role still allows.
    scopes: Scopes,
    user: User,
}

enum Audience<'a> {
    /// A resource server (RFC 8707).
    Resource(&'a Resource),
    /// Ourselves: the userinfo endpoint.
    Issuer,
}

impl Audience<'_> {
    fn allowed(&self, scopes: &Scopes, user: &User) -> Scopes {
        match self {
            Self::Issuer => scopes.filter(|scope| OIDC_SCOPES.contains(&scope)),
            Self::Resource(resource) => {
                let known = token_scopes(scopes, resource);
                let oidc = |scope: &str| OIDC_SCOPES.contains(&scope);
                let allowed = known.filter(|scope| oidc(scope) || resource.allows(scope, user.role));
                allowed.union(&scopes.filter(|scope| scope == OFFLINE_ACCESS))
            }
        }
    }
}

impl<'a> Ask<'a> {
    /// RFC 6749 §6 and RFC 8707 §2.2: `scope` and `resource` may narrow the grant, never widen it. Whatever is wrong
    /// is found here, before a code or a refresh token is spent on an answer that brings none.
    pub async fn parse(app: &'a App, params: &Params, grant: &Grant) -> Result<Self, OAuthError> {
        let scopes = match params.get("scope")? {
            None => grant.scopes.clone(),
            Some(text) => Scopes::parse(text)
                .filter(|asked| asked.is_subset(&grant.scopes))
                .ok_or_else(|| OAuthError::invalid_scope("scope exceeds what was granted (RFC 6749 section 6)"))?,
        };
        let audience = Self::audience(app, params, grant)?;
        let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or_else(|| OAuthError::invalid_grant("the user's account is gone or disabled"))?;
        let scopes = audience.allowed(&scopes, &user);
        if scopes.iter().all(|scope| scope == OFFLINE_ACCESS) {
            return Err(OAuthError::invalid_scope("no scope is left that means something there and that the user may"));
        }
        Ok(Self { audience, scopes, user })
    }

    fn audience(app: &'a App, params: &Params, grant: &Grant) -> Result<Audience<'a>, OAuthError> {
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
            return openid.then_some(Audience::Issuer).ok_or_else(outside);
        }
        let resource = app.resources.find(identifier).ok_or_else(outside)?;
        let granted = grant.resources.contains(&resource.identifier);
        granted.then_some(Audience::Resource(resource)).ok_or_else(outside)
    }
}

/// Issues what `ask` wants of `grant`. `refresh` is the token that goes with it, if any.
pub async fn issue(
    app: &App,
    client: &Client,
    grant: &Grant,
    ask: Ask<'_>,
    refresh: Option<RefreshToken>,
    nonce: Option<&str>,
) -> Result<TokenResponse, OAuthError> {
    let now = app.clock.now();
    if grant.revoked_at.is_some() || grant.expires_at <= now {
        return Err(OAuthError::invalid_grant("the grant was revoked or has expired"));
    }
    let Ask { audience, scopes, user } = ask;
    let (audience, lifetime, algorithm) = match audience {
        Audience::Issuer => (app.config.issuer.as_str(), None, None),
        Audience::Resource(resource) => {
            (resource.identifier.as_str(), resource.access_token_lifetime, resource.signing_alg.as_deref())
        }
    };
    let lifetime = i64::try_from(lifetime.unwrap_or(app.config.tokens.access_token_lifetime.into()))
        .map_err(OAuthError::server_error)?;
    let claims = AccessTokenClaims {
        iss: app.config.issuer.clone(),
        sub: user.id.to_string(),
        aud: audience.to_owned(),
        client_id: client.id.clone(),
        iat: now.unix_timestamp(),
        exp: now.unix_timestamp() + lifetime,
        jti: crate::secrets::random(),
        // A promise about refreshing is nothing a resource server acts on (OpenID Connect Core §11).
        scope: scopes.filter(|scope| scope != OFFLINE_ACCESS).to_string(),
        auth_time: grant.auth_time.unix_timestamp(),
        grant_id: grant.id.to_string(),
    };
    let access_token = app.keys.sign(algorithm.unwrap_or(app.signing_alg()), access_token::TYPE, &claims)?;
    let id_token = match scopes.contains("openid") {
        true => Some(id_token::sign(app, client, grant, &user, &access_token, nonce)?),
        false => None,
    };
    Ok(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: lifetime,
        refresh_token: refresh.map(|token| token.expose(app)),
        scope: scopes.to_string(),
        id_token,
    })
}
