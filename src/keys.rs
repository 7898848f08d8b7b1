//! Signing keys: made on the first start, sealed at rest, published, rotated, and kept in memory in parsed form.
mod derived;
mod master;
mod ring;
mod rotation;
mod signer;

pub use derived::DerivedKeys;
pub use master::{HOW_TO_MAKE_ONE, MasterKey};
pub use ring::KeyRing;

use crate::{
    clock::{Clock, Moment},
    error::OAuthError,
    model::{AccessTokenClaims, KeyStatus, Ready, SigningKey},
    oauth::{algorithm::Algorithm, digest::sha256, jws::Jws},
    secrets::from_base64url,
    storage::{Db, signing_keys},
};
use keyward_limits::verified::VerifiedTokens;
use serde::{Serialize, de::DeserializeOwned};
use signer::Signer;
use std::sync::{Arc, PoisonError, RwLock};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

/// How long the keys are published without reading the database: it bounds how late this node notices a withdrawn key,
/// to the default lifetime of an access token.
const MAX_AGE: Duration = Duration::minutes(10);

/// The signing keys in memory, and the means to reload them.
pub struct SigningKeys {
    db: Db,
    master: MasterKey,
    clock: Clock,
    ring: RwLock<Arc<KeyRing>>,
    /// Serialises reads: otherwise an older result could replace a newer one.
    reading: Mutex<()>,
    read_at: RwLock<Moment>,
    verified: VerifiedTokens<Signer, AccessTokenClaims>,
}

impl SigningKeys {
    /// Loads the keys of the database and makes missing ones. If two nodes start at once, both use the keys stored
    /// first.
    pub async fn load(db: Db, master: MasterKey, clock: Clock) -> anyhow::Result<Self> {
        let read_at = RwLock::new(clock.moment());
        let (ring, reading, verified) = (RwLock::default(), Mutex::default(), VerifiedTokens::default());
        let keys = Self { db, master, clock, ring, reading, read_at, verified };
        keys.reload().await?;
        for algorithm in Algorithm::NAMES {
            if keys.ring().find(algorithm, KeyStatus::Current).is_none() {
                let first = keys.make(algorithm, KeyStatus::Current).await?;
                signing_keys::insert_if_absent(&keys.db, &first).await?;
            }
        }
        keys.reload().await?;
        Ok(keys)
    }

    /// All keys at this moment.
    #[must_use]
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The JWK Set (RFC 7517 §5), at most ten minutes old.
    pub async fn published(&self) -> Result<Arc<Ready>, OAuthError> {
        let read_at = *self.read_at.read().unwrap_or_else(PoisonError::into_inner);
        if self.clock.age(read_at) >= MAX_AGE {
            self.reload().await.map_err(OAuthError::unavailable)?;
        }
        Ok(self.ring().jwks())
    }

    /// Reads the keys from the database. Unchanged keys are not parsed again.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let _alone = self.reading.lock().await;
        let asked = self.clock.moment();
        let stored = signing_keys::all(&self.db).await?;
        let held = self.ring();
        if held.all() != stored {
            let ring = Arc::new(held.with(stored, &self.master)?);
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        }
        *self.read_at.write().unwrap_or_else(PoisonError::into_inner) = asked;
        Ok(())
    }

    /// A compact JWS (RFC 7515 §7.1) of one explicit type (RFC 8725 §3.11).
    pub fn sign(&self, algorithm: &str, typ: &str, claims: &impl Serialize) -> Result<String, OAuthError> {
        self.ring().sign(algorithm, typ, claims)
    }

    /// The claims of a JWS that this server signed as `typ`. The caller checks the dates. An unknown key is looked up
    /// in the database: another node may have just made it.
    pub async fn verify<T: DeserializeOwned>(&self, jws: &str, typ: &str) -> Result<Option<T>, OAuthError> {
        Ok(self.verify_with(jws, typ).await?.map(|(_, claims)| claims))
    }

    /// The same, of an access token. The signature of one that was verified a moment ago, by a key that is still in the
    /// ring, is not verified again.
    pub async fn access_token(&self, jws: &str) -> Result<Option<Arc<AccessTokenClaims>>, OAuthError> {
        let (digest, now) = (sha256(jws), self.clock.now());
        if let Some(claims) = self.verified.find(&digest, now, |key| self.ring().holds(key)) {
            return Ok(Some(claims));
        }
        let Some((key, claims)) = self.verify_with(jws, AccessTokenClaims::TYPE).await? else { return Ok(None) };
        let claims: Arc<AccessTokenClaims> = Arc::new(claims);
        if claims.exp > now.unix_timestamp() {
            self.verified.remember(digest, (jws.len(), &claims.sub), &key, &claims, now);
        }
        Ok(Some(claims))
    }

    /// Forgets the tokens that were verified too long ago.
    pub fn sweep(&self, now: OffsetDateTime) {
        self.verified.sweep(now);
    }

    async fn verify_with<T: DeserializeOwned>(
        &self,
        jws: &str,
        typ: &str,
    ) -> Result<Option<(Arc<Signer>, T)>, OAuthError> {
        let Ok(jws) = Jws::parse(jws) else { return Ok(None) };
        let Some(kid) = jws.kid.as_deref() else { return Ok(None) };
        let mut ring = self.ring();
        if !ring.contains(kid) && is_thumbprint(kid) && signing_keys::contains(&self.db, kid).await? {
            self.reload().await.map_err(OAuthError::server_error)?;
            ring = self.ring();
        }
        Ok(ring.verify(jws, typ))
    }

    async fn make(&self, algorithm: &'static str, status: KeyStatus) -> anyhow::Result<SigningKey> {
        // Making an RSA key takes long, so it must not block the async threads.
        let pkcs8 = tokio::task::spawn_blocking(move || signer::generate(algorithm)).await??;
        let kid = Signer::parse(algorithm, &pkcs8)?.kid;
        let sealed = self.master.seal(&kid, &pkcs8)?;
        let now = self.clock.now();
        let activated_at = (status == KeyStatus::Current).then_some(now);
        let algorithm = algorithm.into();
        Ok(SigningKey { kid, algorithm, status, sealed, created_at: now, activated_at, retired_at: None })
    }
}

/// SHA-256, base64url (RFC 7638 §3): any other `kid` is not of this server, so the database is not asked.
fn is_thumbprint(kid: &str) -> bool {
    from_base64url(kid).is_some_and(|bytes| bytes.len() == 32)
}
