//! The audience of an access token.
use crate::{
    app::App,
    clock,
    error::OAuthError,
    model::{Grant, Role, Scopes},
    oauth::{
        params::Params,
        resource::{AccessTokenFormat, OIDC_SCOPES, Resource},
    },
    storage::access_tokens::{self, AccessToken},
    tokens::{access_token::AccessTokenClaims, opaque::OpaqueToken},
};

pub enum Audience<'a> {
    /// A resource server (RFC 8707).
    Resource(&'a Resource),
    /// This server itself, for the userinfo endpoint.
    Issuer,
}

impl<'a> Audience<'a> {
    /// An access token has a single audience (RFC 9068 §3).
    pub fn choose(app: &'a App, params: &Params, grant: &Grant) -> Result<Self, OAuthError> {
        let asked: Vec<_> = params.all("resource").collect();
        let identifier = match asked[..] {
            // Several resources were granted and none is named: the token is for the first, never for all (RFC 8707
            // §2.2).
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

    /// These granted scopes and all scopes that they include at the audience.
    pub fn reach(&self, granted: &Scopes) -> Scopes {
        match self {
            Self::Issuer => granted.clone(),
            Self::Resource(resource) => resource.reach(granted),
        }
    }

    /// The access token, in the format of the audience.
    pub async fn access_token(&self, app: &App, claims: &AccessTokenClaims) -> Result<String, OAuthError> {
        let (format, algorithm) = match self {
            Self::Issuer => (None, None),
            Self::Resource(resource) => (resource.access_token_format, resource.signing_alg.as_deref()),
        };
        match format.unwrap_or(app.config.tokens.access_token_format) {
            AccessTokenFormat::Jwt => {
                app.keys.sign(algorithm.unwrap_or(app.signing_alg()), AccessTokenClaims::TYPE, claims)
            }
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

    /// Whether the audience knows the scope, and the role may still have it.
    pub fn knows(&self, scope: &str, role: Role) -> bool {
        match self {
            _ if OIDC_SCOPES.contains(&scope) => true,
            Self::Issuer => false,
            Self::Resource(resource) => resource.allows(scope, role),
        }
    }
}
