//! People of a session surface, and what shows who they are: passwords, sessions, API keys.
mod api_keys;
mod keys;
mod known;
mod logins;
pub(crate) mod passwords;
mod people;
pub(crate) mod roles;
mod tokens;

use crate::{
    attempts::Attempts,
    audit::{self, Audit},
    settings::{Settings, SurfaceSettings},
    store::{Renewal, Session, Store},
};
use anyhow::Context;
use aws_lc_rs::rand;
use base64ct::{Base64UrlUnpadded, Encoding};
use keys::Keys;
pub(crate) use keys::session_key;
use keyward_guard::{
    clock::Clock,
    digest::{self, Digest},
};
pub(crate) use known::Known;
pub(crate) use logins::Bound;
use logins::Logins;
use people::Person;
pub(crate) use people::User;
use roles::Permission;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use time::Duration;
use tokens::Claims;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// In a configuration, and at a login.
pub(crate) fn is_username(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (3..=50).contains(&text.len()) && text.bytes().all(plain)
}

/// The kind of surface that has people.
pub(crate) const KIND: &str = "session";
const REFRESH_TOKEN: &str = "srt_";

/// By what somebody is known; it counts only while it is neither ended nor revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Session(String),
    ApiKey(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub user: Arc<User>,
    /// Of the role, and no more than the API key has.
    pub permissions: Vec<Permission>,
    pub proof: Proof,
}

/// What a login brings.
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

pub(crate) struct Accounts {
    pub surface: String,
    /// Audience of session tokens.
    url: String,
    /// Their issuer: this server.
    origin: String,
    people: Vec<Person>,
    /// What a guess at somebody without a hash is compared with.
    nobody: OnceCell<String>,
    /// And the digest of a password that nobody has.
    unguessable: Digest,
    pub attempts: Attempts,
    pub logins: Logins,
    pub keys: Keys,
    /// Of session tokens.
    token_lifetime: Duration,
    pub store: Store,
    pub audit: Arc<Audit>,
    pub clock: Clock,
}

/// Those of all surfaces that have people, by the surface's id.
pub(crate) type All = BTreeMap<String, Arc<Accounts>>;

pub(crate) fn all(settings: &Settings, store: &Store, audit: &Arc<Audit>) -> anyhow::Result<All> {
    let with_people = settings.surfaces.iter().filter(|surface| surface.enabled && surface.kind == KIND);
    let accounts = |own: &SurfaceSettings| {
        let origins = own.listen.map_or_else(|| settings.origins(), |listen| own.origins(listen));
        let origin = origins.into_iter().next().context("there is no origin")?;
        anyhow::Ok((
            own.id.clone(),
            Arc::new(Accounts {
                url: format!("{origin}{}", own.path()),
                origin,
                people: own.users.iter().map(|user| Person::new(&own.id, user)).collect::<Result<_, _>>()?,
                nobody: OnceCell::new(),
                unguessable: random()?,
                attempts: Attempts::new(settings.clock.clone()),
                logins: Logins::default(),
                keys: Keys::of_store(settings.store.as_deref())?,
                token_lifetime: Duration::seconds(settings.sessions.token_lifetime.into()),
                store: store.clone(),
                audit: Arc::clone(audit),
                clock: settings.clock.clone(),
                surface: own.id.clone(),
            }),
        ))
    };
    with_people.map(accounts).collect()
}

impl Accounts {
    pub fn user(&self, id: &str) -> Option<&Arc<User>> {
        self.people.iter().map(|person| &person.user).find(|user| user.id == id)
    }

    /// How many are guessed at from so many places that new ones have to wait.
    pub fn accounts_under_attack(&self) -> usize {
        self.people.iter().filter(|person| self.attempts.is_under_attack(&person.user.username)).count()
    }

    /// Begins a session.
    pub async fn log_in(&self, user: &User) -> anyhow::Result<Tokens> {
        self.note_login(user).await?;
        let session = Session { id: Uuid::now_v7().to_string(), user_id: user.id.clone() };
        let refresh_token = refresh_token(&random::<32>()?);
        self.store.open_session(&self.surface, &session, &digest::of(refresh_token.as_bytes())).await?;
        self.tokens(user, session, refresh_token)
    }

    /// Uses a refresh token up. One that was used before brings the same for a while, and then ends its session.
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

    /// Whose session token or API key this is.
    pub async fn identify(&self, text: &str) -> anyhow::Result<Option<Identity>> {
        if text.starts_with(api_keys::PREFIX) {
            return self.identify_key(text).await;
        }
        let claims = tokens::verify(&self.keys, text, &self.origin, &self.url, self.clock.now());
        let Some(claims) = claims else { return Ok(None) };
        self.identify_by(&Proof::Session(claims.sid)).await
    }

    /// Looked up anew, as what was proven may have ended since.
    pub async fn identify_by(&self, proof: &Proof) -> anyhow::Result<Option<Identity>> {
        let (user_id, key) = match proof {
            Proof::Session(id) => (self.store.session(&self.surface, id).await?.map(|session| session.user_id), None),
            Proof::ApiKey(id) => {
                let key = self.store.api_key(&self.surface, id).await?;
                let key = key.filter(|key| !key.has_expired(self.clock.now()));
                (key.as_ref().map(|key| key.user_id.clone()), key)
            }
        };
        let Some(user) = user_id.and_then(|id| self.user(&id)) else { return Ok(None) };
        let in_key = |permission: &Permission| key.as_ref().is_none_or(|key| api_keys::allows(key, *permission));
        let permissions = user.role.permissions().iter().copied().filter(in_key).collect();
        Ok(Some(Identity { user: Arc::clone(user), permissions, proof: proof.clone() }))
    }

    /// Audits what happened to somebody, whatever call brought it about.
    async fn audit(&self, kind: &'static str, user: &User, details: Value) {
        let event = audit::Event {
            user_id: Some(user.id.clone()),
            username: Some(user.username.clone()),
            resource: Some(self.surface.clone()),
            details,
            ..audit::Event::new(kind, true)
        };
        self.audit.record(event).await;
    }
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn refresh_token(secret: &[u8]) -> String {
    format!("{REFRESH_TOKEN}{}", base64url(secret))
}
