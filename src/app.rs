//! The tools, built once and handed to every request.
use crate::{
    audit::{Noted, tally::Tally},
    clients::{Clients, metadata_document::Refreshes},
    clock::Clock,
    config::Config,
    fetch::{Fetcher, Network, keys::FetchedKeys},
    keys::{Keys, MasterKey},
    limits::{Arrivals, Fetches, Floods, Guesses, Notices, Registrations},
    metrics::Metrics,
    oauth::resource::Resources,
    passwords::Passwords,
    storage::{Db, Sessions, changes::Changes, writable::Writable},
    trace::Trace,
};
use anyhow::Context;
use aws_lc_rs::hmac;
use keyward_limits::source::{TrustedProxies, canonical};
use keyward_shared::mask::Masker;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use time::Duration;

pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    /// Whether the database takes writes.
    pub writable: Writable,
    pub keys: Keys,
    /// Seals the audit trail.
    pub audit_key: hmac::Key,
    /// Digests of settings, to tell which changed.
    pub settings_key: hmac::Key,
    /// Events of it that wait to be written.
    pub noted: Noted,
    /// Events that are counted rather than written one by one.
    pub tally: Tally,
    /// Ratchets and authenticates refresh tokens.
    pub refresh_key: hmac::Key,
    /// Authenticates the forms of our own pages, and makes the links to them that nobody can guess.
    pub form_key: hmac::Key,
    /// Authenticates the marks of browsers that signed in before.
    pub known_browser_key: hmac::Key,
    /// Makes the nonces that proofs of possession must hold.
    pub dpop_key: hmac::Key,
    pub passwords: Passwords,
    pub resources: Resources,
    /// What other processes do to the database.
    pub changes: Arc<Changes>,
    pub clients: Clients,
    pub refreshes: Refreshes,
    pub fetched_keys: FetchedKeys,
    pub fetcher: Fetcher,
    pub guesses: Guesses,
    pub registrations: Registrations,
    pub fetches: Fetches,
    pub pushes: Arrivals,
    pub devices: Arrivals,
    pub assertions: Arrivals,
    pub floods: Floods,
    pub notices: Notices,
    pub proxies: Arc<TrustedProxies>,
    pub trace: Trace,
    /// Knows the secrets of the settings, and what those look like that are issued.
    pub masker: Arc<Masker>,
    pub metrics: Metrics,
    /// User names and passwords that the demo publishes; empty otherwise.
    pub demo_people: &'static [(&'static str, &'static str)],
    /// Metadata documents that the demo serves, by file name; none otherwise.
    pub demo_documents: BTreeMap<&'static str, Value>,
}

impl App {
    /// Of browsers.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        let lifetime = Duration::seconds(self.config.sessions.lifetime.into());
        Sessions { db: self.db.clone(), clock: self.clock.clone(), lifetime }
    }

    /// In a box: it is large, and futures that hold it would be.
    pub async fn build(config: Config, db: Db, clock: Clock) -> anyhow::Result<Box<Self>> {
        let master = match &config.keys.master_key {
            Some(key) => MasterKey::parse(key.expose_secret())?,
            None => MasterKey::load_or_create(&config.keys.master_key_file, &db).await?,
        };
        let changes = Arc::new(Changes::new(db.clone(), clock.clone()));
        Ok(Box::new(Self {
            refresh_key: master.hmac("refresh tokens")?,
            audit_key: master.hmac("audit trail")?,
            settings_key: master.hmac("settings")?,
            noted: Noted::default(),
            tally: Tally::default(),
            form_key: master.hmac("forms")?,
            known_browser_key: master.hmac("known browsers")?,
            dpop_key: master.hmac("dpop nonces")?,
            keys: Keys::load(db.clone(), master, clock.clone()).await?,
            passwords: Passwords::new()?,
            resources: config.resources()?,
            clients: Clients::new(db.clone(), config.client_metadata_documents.clone(), clock.clone(), changes.clone()),
            changes,
            refreshes: Refreshes::default(),
            fetched_keys: FetchedKeys::default(),
            fetcher: Fetcher::new(Network {
                ports: config.fetch.ports.clone(),
                denied: config.fetch.deny_networks.iter().copied().map(canonical).collect(),
                own_folder: config.client_metadata_documents.own_folder.clone(),
                ..Network::default()
            })
            .context("no other server can be verified; install ca-certificates or set SSL_CERT_FILE")?,
            guesses: Guesses::new(clock.clone()),
            registrations: Registrations::new(config.registration.burst, config.registration.per_minute, clock.clone()),
            fetches: Fetches::new(clock.clone()),
            pushes: Arrivals::of_pushed_requests(clock.clone()),
            devices: Arrivals::of_devices(clock.clone()),
            assertions: Arrivals::of_assertions(clock.clone()),
            floods: Floods::new(clock.clone()),
            notices: Notices::new(clock.clone()),
            proxies: Arc::new(TrustedProxies::new(&config.trusted_proxies)),
            writable: Writable::new(db.clone(), clock.clone()),
            metrics: Metrics::new()?,
            trace: Trace::new(clock.clone()),
            masker: Arc::new(Masker::of(config.secrets().iter().map(String::as_str))?),
            demo_people: &[],
            demo_documents: BTreeMap::new(),
            config,
            clock,
            db,
        }))
    }

    /// What ID tokens and access tokens are signed with when nobody asked otherwise.
    #[must_use]
    pub fn signing_alg(&self) -> &str {
        &self.config.keys.signing_alg
    }
}
