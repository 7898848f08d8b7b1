//! People of a session surface, and how they authenticate: passwords, sessions, API keys.
mod api_keys;
mod identify;
mod identity;
mod keys;
mod known;
mod logins;
pub(crate) mod passwords;
mod people;
mod person;
pub(crate) mod roles;
pub(crate) mod rules;
mod secrets;
mod sessions;
mod tokens;

pub(crate) use identity::{Identity, Proof};
pub(crate) use keys::session_key;
pub(crate) use known::Known;
pub(crate) use logins::Bound;
pub(crate) use person::User;
pub(crate) use rules::{KIND, is_username};
pub(crate) use sessions::{Refreshed, Tokens};

use crate::{
    attempts::Attempts,
    audit::{self, Audit, EventKind},
    settings::{Settings, SurfaceSettings},
    store::Store,
};
use anyhow::Context;
use keys::Keys;
use keyward_guard::{clock::Clock, digest::Digest};
use logins::Logins;
use person::Person;
use secrets::random;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use time::Duration;
use tokio::sync::OnceCell;

pub(crate) struct Accounts {
    pub surface: String,
    /// Audience of session tokens.
    url: String,
    /// Issuer of session tokens: this server.
    origin: String,
    people: Vec<Person>,
    /// A hash for comparing the password of an unknown user with, so that it takes the same time.
    nobody: OnceCell<String>,
    /// The digest of a random password, for the same purpose.
    unguessable: Digest,
    pub attempts: Attempts,
    pub logins: Logins,
    pub keys: Keys,
    /// Lifetime of session tokens.
    token_lifetime: Duration,
    pub store: Store,
    pub audit: Arc<Audit>,
    pub clock: Clock,
}

/// The accounts of all surfaces that have people, by surface id.
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

    /// The number of accounts that are guessed at from so many sources that new sources have to wait.
    pub fn accounts_under_attack(&self) -> usize {
        self.people.iter().filter(|person| self.attempts.is_under_attack(&person.user.username)).count()
    }

    /// Records an event about a user, whichever call caused it.
    async fn audit(&self, kind: EventKind, user: &User, details: Value) {
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
