//! Access tokens: short-lived JWTs (RFC 9068) for one audience, not stored; a denylist ends one before its time.
use crate::{
    app::App,
    error::OAuthError,
    model::{ClientId, Grant, GrantId, Scopes, User},
    storage::{grants, revoked_tokens, users},
};
use serde::{Deserialize, Serialize};

pub const TYPE: &str = "at+jwt";

/// RFC 9068 §2.2; dates in seconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub client_id: ClientId,
    pub exp: i64,
    pub iat: i64,
    pub jti: String,
    pub scope: String,
    /// A name to greet people by (RFC 9068 §2.2.2); `sub` is who they are.
    pub preferred_username: String,
    pub auth_time: i64,
    /// The grant it hangs from: revoked with it.
    pub grant_id: String,
}

/// A token that is good right now, with what it hangs from.
pub struct Active {
    pub claims: AccessTokenClaims,
    pub grant: Grant,
    pub user: User,
}

/// Ours by signature and type; possibly expired or revoked.
#[must_use]
pub fn parse(app: &App, token: &str) -> Option<AccessTokenClaims> {
    app.keys.verify::<AccessTokenClaims>(token, TYPE).filter(|claims| claims.iss == app.config.issuer)
}

/// Judges everything that can end a token: time, denylist, grant, user, client.
pub async fn find_active(app: &App, token: &str) -> Result<Option<Active>, OAuthError> {
    let now = app.clock.now();
    let Some(claims) = parse(app, token).filter(|claims| claims.exp > now.unix_timestamp()) else { return Ok(None) };
    let Ok(grant_id) = claims.grant_id.parse::<GrantId>() else { return Ok(None) };
    if revoked_tokens::contains(&app.db, &claims.jti).await? {
        return Ok(None);
    }
    let Some(grant) = grants::find(&app.db, grant_id).await?.filter(|grant| grant.revoked_at.is_none()) else {
        return Ok(None);
    };
    let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
    let client = app.clients.find(grant.client_id.as_str()).await?;
    let enabled = client.is_some_and(|client| client.disabled_at.is_none());
    Ok(user.filter(|_| enabled).map(|user| Active { claims, grant, user }))
}

impl Active {
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        Scopes::from(self.claims.scope.clone())
    }
}
