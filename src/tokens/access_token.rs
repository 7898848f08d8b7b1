//! Access tokens, short-lived and for one audience: either JWTs (RFC 9068), which are not stored and can be revoked by
//! a denylist, or opaque tokens, which are stored.
use super::opaque::OpaqueToken;
use crate::{
    app::App,
    clock,
    error::OAuthError,
    model::{GrantId, Scopes, User},
    storage::{access_tokens, grants, revoked_tokens},
};
use std::sync::Arc;

pub use crate::model::{AccessTokenClaims, Confirmation, PersonClaims};

/// A valid token, and the user of its grant.
pub struct ActiveToken {
    pub claims: Arc<AccessTokenClaims>,
    /// `None` if the client acts for itself.
    pub user: Option<User>,
}

/// The claims of a token that this server issued; it may be expired or revoked.
pub async fn parse(app: &App, token: &str) -> Result<Option<Arc<AccessTokenClaims>>, OAuthError> {
    let claims = match OpaqueToken::parse(token) {
        None => app.keys.access_token(token).await?,
        Some(opaque) => {
            let found = access_tokens::find(&app.db, &opaque.digest()).await?;
            let claims = found.map(|found| serde_json::from_value(found.claims)).transpose();
            claims.map_err(OAuthError::server_error)?.map(Arc::new)
        }
    };
    Ok(claims.filter(|claims| claims.iss == app.config.issuer))
}

/// Revokes a token that [`parse`] found.
pub async fn revoke(app: &App, token: &str, claims: &AccessTokenClaims) -> Result<(), OAuthError> {
    if let Some(opaque) = OpaqueToken::parse(token) {
        return Ok(access_tokens::delete(&app.db, &opaque.digest()).await?);
    }
    let expires_at = clock::date(claims.exp).map_err(OAuthError::server_error)?;
    Ok(revoked_tokens::insert(&app.db, &claims.jti, expires_at).await?)
}

/// Checks everything that can invalidate a token: time, denylist, client, grant, user.
pub async fn find_active(app: &App, token: &str) -> Result<Option<ActiveToken>, OAuthError> {
    let now = app.clock.now().unix_timestamp();
    let Some(claims) = parse(app, token).await?.filter(|claims| claims.exp > now) else { return Ok(None) };
    if !is_enabled(app, claims.client_id.as_str()).await? {
        return Ok(None);
    }
    if let Some(person) = &claims.person {
        let user = find_user(app, &person.grant_id, &claims).await?;
        return Ok(user.map(|user| ActiveToken { claims, user: Some(user) }));
    }
    // A revoked opaque token is deleted, so it was not found above.
    let revoked = OpaqueToken::parse(token).is_none() && revoked_tokens::contains(&app.db, &claims.jti).await?;
    // An exchanged token depends on both clients: the subject and the holder.
    let both = claims.sub == claims.client_id.as_str() || is_enabled(app, &claims.sub).await?;
    Ok((!revoked && both).then_some(ActiveToken { claims, user: None }))
}

async fn is_enabled(app: &App, client_id: &str) -> Result<bool, OAuthError> {
    Ok(app.clients.find(client_id).await?.is_some_and(|client| client.disabled_at.is_none()))
}

/// The user of a live grant, if the account is enabled and the token not revoked; the caller has checked that the client
/// that holds the token is enabled.
async fn find_user(app: &App, grant_id: &str, claims: &AccessTokenClaims) -> Result<Option<User>, OAuthError> {
    let Ok(grant_id) = grant_id.parse::<GrantId>() else { return Ok(None) };
    let Some(holder) = grants::holder(&app.db, grant_id, &claims.jti).await? else { return Ok(None) };
    let enabled = holder.client_id == claims.client_id || is_enabled(app, holder.client_id.as_str()).await?;
    Ok(enabled.then_some(holder.user))
}

impl ActiveToken {
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        Scopes::from(self.claims.scope.clone())
    }
}
