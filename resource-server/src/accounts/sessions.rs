//! Sessions of people: begun at a login, renewed with refresh tokens, and shown with session tokens.
use super::{
    Accounts,
    person::User,
    secrets::{base64url, random},
    tokens::{self, Claims},
};
use crate::store::{Renewal, Session};
use keyward_guard::digest;
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

const REFRESH_TOKEN: &str = "srt_";

/// The result of a login.
pub(crate) struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in: Duration,
    pub session_id: String,
}

pub(crate) enum Refreshed {
    Tokens(Arc<User>, Tokens),
    Reused(Arc<User>),
    Unknown,
}

impl Accounts {
    /// Begins a session.
    pub async fn log_in(&self, user: &User) -> anyhow::Result<Tokens> {
        self.note_login(user).await?;
        let session = Session { id: Uuid::now_v7().to_string(), user_id: user.id.clone() };
        let refresh_token = refresh_token(&random::<32>()?);
        self.store.open_session(&self.surface, &session, &digest::of(refresh_token.as_bytes())).await?;
        self.tokens(user, session, refresh_token)
    }

    /// Uses up a refresh token. Presenting a used one again returns the same result for a short while; later it ends
    /// the session.
    pub async fn renew(&self, old: &str) -> anyhow::Result<Refreshed> {
        let presented = digest::of(old.as_bytes());
        let next = refresh_token(self.keys.successor(old).as_ref());
        let renewal = self.store.renew_session(&self.surface, &presented, &digest::of(next.as_bytes())).await?;
        let (Renewal::Renewed(session) | Renewal::Reused(session)) = &renewal else { return Ok(Refreshed::Unknown) };
        let Some(user) = self.user(&session.user_id).cloned() else { return Ok(Refreshed::Unknown) };
        Ok(match renewal {
            Renewal::Renewed(session) => {
                let tokens = self.tokens(&user, session, next)?;
                Refreshed::Tokens(user, tokens)
            }
            _ => Refreshed::Reused(user),
        })
    }

    fn tokens(&self, user: &User, session: Session, refresh_token: String) -> anyhow::Result<Tokens> {
        let now = self.clock.now().unix_timestamp();
        let claims = Claims {
            iss: self.origin.clone(),
            sub: user.id.clone(),
            aud: self.url.clone(),
            role: user.role,
            sid: session.id.clone(),
            iat: now,
            exp: now + self.token_lifetime.whole_seconds(),
            jti: Uuid::now_v7().to_string(),
        };
        let access_token = tokens::sign(&self.keys, &claims)?;
        Ok(Tokens { access_token, refresh_token, expires_in: self.token_lifetime, session_id: session.id })
    }
}

fn refresh_token(secret: &[u8]) -> String {
    format!("{REFRESH_TOKEN}{}", base64url(secret))
}
