//! The parts that all requests share (settings, database, keys, ...), built once.
mod clients;
mod demo;
mod due_documents;

use crate::{
    audit::Trail,
    clock::Clock,
    config::Config,
    fetch::{Fetch, Fetcher, Network},
    keys::{DerivedKeys, MasterKey, SigningKeys},
    limits::Limits,
    metrics::Metrics,
    oauth::resource::Resources,
    passwords::Passwords,
    storage::{Db, Sessions, changes::Changes, writable::Writable},
    trace::DecisionTrace,
};
use anyhow::Context;
pub use clients::Clients;
pub use demo::Demo;
use keyward_limits::source::canonical;
use keyward_shared::mask::Masker;
use secrecy::ExposeSecret;
use std::sync::Arc;
use time::Duration;

pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    /// Whether the database takes writes.
    pub writable: Writable,
    /// Reports what other processes change in the database.
    pub changes: Arc<Changes>,
    /// The keys that sign tokens.
    pub keys: SigningKeys,
    pub derived_keys: DerivedKeys,
    pub clients: Clients,
    pub resources: Resources,
    pub fetch: Fetch,
    pub passwords: Passwords,
    pub limits: Limits,
    pub audit: Trail,
    pub trace: DecisionTrace,
    pub metrics: Metrics,
    pub demo: Option<Demo>,
}

impl App {
    /// The result is boxed: an `App` is large, and would make every future that holds it large.
    pub async fn build(config: Config, db: Db, clock: Clock) -> anyhow::Result<Box<Self>> {
        let master = match &config.keys.master_key {
            Some(key) => MasterKey::parse(key.expose_secret())?,
            None => MasterKey::load_or_create(&config.keys.master_key_file, &db).await?,
        };
        let derived_keys = DerivedKeys::of(&master)?;
        let changes = Arc::new(Changes::new(db.clone(), clock.clone()));
        let hides = Arc::new(Masker::of(config.secrets().iter().map(String::as_str))?);
        let (audit, audit_key) = (config.audit.clone(), derived_keys.audit_trail().clone());
        let documents = config.client_metadata_documents.clone();
        let registration = (config.registration.burst, config.registration.per_minute);
        let network = network(&config);
        // Both take long, the keys at the first start only.
        let (keys, fetcher) = tokio::try_join!(SigningKeys::load(db.clone(), master, clock.clone()), fetcher(network))?;
        Ok(Box::new(Self {
            writable: Writable::new(db.clone(), clock.clone()),
            keys,
            derived_keys,
            clients: Clients::new(db.clone(), documents, clock.clone(), changes.clone()),
            changes,
            resources: config.resources()?,
            fetch: Fetch::new(fetcher, clock.clone()),
            passwords: Passwords::new()?,
            limits: Limits::new(registration, &config.trusted_proxies, &clock),
            audit: Trail::new(db.clone(), clock.clone(), audit, audit_key, hides),
            trace: DecisionTrace::new(clock.clone()),
            metrics: Metrics::new()?,
            demo: None,
            config,
            clock,
            db,
        }))
    }

    /// The store of browser sessions.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        let lifetime = Duration::seconds(self.config.sessions.lifetime.into());
        Sessions { db: self.db.clone(), clock: self.clock.clone(), lifetime }
    }

    /// Masks the secrets of the settings, and anything that looks like a secret we issue.
    #[must_use]
    pub fn masker(&self) -> &Arc<Masker> {
        &self.audit.masker
    }

    /// The default algorithm for signing ID tokens and access tokens.
    #[must_use]
    pub fn signing_alg(&self) -> &str {
        &self.config.keys.signing_alg
    }
}

fn network(config: &Config) -> Network {
    Network {
        ports: config.fetch.ports.clone(),
        denied: config.fetch.deny_networks.iter().copied().map(canonical).collect(),
        own_folder: config.client_metadata_documents.own_folder.clone(),
        ..Network::default()
    }
}

async fn fetcher(network: Network) -> anyhow::Result<Fetcher> {
    let made = tokio::task::spawn_blocking(|| Fetcher::new(network)).await?;
    made.context("no other server can be verified; install ca-certificates or set SSL_CERT_FILE")
}
