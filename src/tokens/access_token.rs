//! Access tokens, short-lived and for one audience: either JWTs (RFC 9068), which are not stored and can be revoked by
//! a denylist, or opaque tokens, which are stored.
use super::opaque::OpaqueToken;
use crate::{
    app::App,
    clock,
    error::OAuthError,
    model::{ClientId, GrantId, Scopes, User},
    storage::{access_tokens, grants, revoked_tokens, users},
};
use std::sync::Arc;

pub use crate::model::{AccessTokenClaims, Confirmation, PersonClaims};

pub const TYPE: &str = AccessTokenClaims::TYPE;

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
    // A revoked opaque token is deleted, so it was not found above.
    let revoked = OpaqueToken::parse(token).is_none() && revoked_tokens::contains(&app.db, &claims.jti).await?;
    if revoked || !is_enabled(app, claims.client_id.as_str()).await? {
        return Ok(None);
    }
    match &claims.person {
        // An exchanged token depends on both clients: the subject and the holder.
        None if claims.sub != claims.client_id.as_str() && !is_enabled(app, &claims.sub).await? => Ok(None),
        None => Ok(Some(ActiveToken { claims, user: None })),
        Some(person) => {
            let user = find_user(app, &person.grant_id, &claims.client_id).await?;
            Ok(user.map(|user| ActiveToken { claims, user: Some(user) }))
        }
    }
}

async fn is_enabled(app: &App, client_id: &str) -> Result<bool, OAuthError> {
    Ok(app.clients.find(client_id).await?.is_some_and(|client| client.disabled_at.is_none()))
}

/// The user of a live grant, if the account is enabled; the caller has checked that the client `holder` is enabled.
async fn find_user(app: &App, grant_id: &str, holder: &ClientId) -> Result<Option<User>, OAuthError> {
    let Ok(grant_id) = grant_id.parse::<GrantId>() else { return Ok(None) };
    let grant = grants::find(&app.db, grant_id).await?.filter(|grant| grant.revoked_at.is_none());
    let Some(grant) = grant else { return Ok(None) };
    if grant.client_id != *holder && !is_enabled(app, grant.client_id.as_str()).await? {
        return Ok(None);
    }
    Ok(users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none()))
}

impl ActiveToken {
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        Scopes::from(self.claims.scope.clone())
    }
}
