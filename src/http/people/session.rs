//! The browser's session: the user, when they signed in, and for which request.
use crate::{
    app::App,
    clock,
    error::OAuthError,
    model::{User, UserId},
    secrets::{Digest, base64url},
    storage::{SESSION_USER as USER, VERIFIED_HASH, users},
};
use time::{Duration, OffsetDateTime};
use tower_sessions::{Session, session};

const AUTH_TIME: &str = "auth_time";
/// The page that demanded the last sign-in: it satisfies `prompt=login` and `max_age` for that page only.
const SIGNED_IN_FOR: &str = "signed_in_for";
/// The form of the last sign-in.
const SIGNED_IN_BY: &str = "signed_in_by";

pub struct SignedInUser {
    pub user: User,
    pub auth_time: OffsetDateTime,
    /// Only this browser knows it.
    pub session_id: String,
}

impl From<session::Error> for OAuthError {
    fn from(error: session::Error) -> Self {
        Self::unavailable(error)
    }
}

pub async fn current(app: &App, session: &Session) -> Result<Option<SignedInUser>, OAuthError> {
    let Some(id) = session.get::<String>(USER).await?.and_then(|id| id.parse::<UserId>().ok()) else {
        return Ok(None);
    };
    let user = users::find(&app.db, id).await?.filter(|user| user.disabled_at.is_none());
    let auth_time = session.get::<i64>(AUTH_TIME).await?.unwrap_or_default();
    let auth_time = clock::date(auth_time).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let lifetime = Duration::seconds(app.config.sessions.lifetime.into());
    if auth_time + lifetime <= app.clock.now() {
        return Ok(None);
    }
    let session_id = session.id().map(|id| id.to_string());
    Ok(user.zip(session_id).map(|(user, session_id)| SignedInUser { user, auth_time, session_id }))
}

/// A new id, so that one planted before signing in is worth nothing after. `false`, and nobody is signed in, if the
/// account was disabled or got another password since this one was verified.
pub async fn begin(app: &App, session: &Session, user: &User, page: &str, form: &Digest) -> Result<bool, OAuthError> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(USER, user.id.to_string()).await?;
    session.insert(AUTH_TIME, app.clock.now().unix_timestamp()).await?;
    session.insert(SIGNED_IN_FOR, short(page)).await?;
    session.insert(SIGNED_IN_BY, base64url(form.as_bytes())).await?;
    session.insert(VERIFIED_HASH, &user.password_hash).await?;
    session.save().await?;
    let began = session.get_value(USER).await?.is_some();
    if !began {
        session.flush().await?;
    }
    Ok(began)
}

/// Whether this form began the session.
pub async fn began_by(session: &Session, form: &Digest) -> Result<bool, OAuthError> {
    Ok(session.get::<String>(SIGNED_IN_BY).await?.is_some_and(|began| began == base64url(form.as_bytes())))
}

pub async fn began_for(session: &Session, page: &str) -> Result<bool, OAuthError> {
    Ok(session.get::<String>(SIGNED_IN_FOR).await?.is_some_and(|demanded| demanded == short(page)))
}

/// A digest instead of the URL, whose length a stranger can choose.
fn short(page: &str) -> String {
    base64url(Digest::of(page).as_bytes())
}

/// Marks the demand as satisfied; the same demand made again needs another sign-in.
pub async fn satisfied(session: &Session) -> Result<(), OAuthError> {
    // A removal alone would mark the session as changed, and have it saved.
    if session.get_value(SIGNED_IN_FOR).await?.is_some() {
        session.remove_value(SIGNED_IN_FOR).await?;
    }
    Ok(())
}
