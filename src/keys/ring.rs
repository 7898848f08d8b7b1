//! All keys at one moment: those that sign, those that verify, those that are published.
use super::{MasterKey, signer::Signer};
use crate::{
    error::OAuthError,
    model::{KeyStatus, Ready, SigningKey},
    oauth::jws::Jws,
    secrets::base64url,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// Immutable; a change in the database produces a new `KeyRing`.
#[derive(Default)]
pub struct KeyRing {
    stored: Vec<SigningKey>,
    keys: HashMap<String, Arc<Signer>>,
    /// The signing key of each algorithm.
    current: HashMap<&'static str, Arc<Signer>>,
    /// Made for the first reader of this ring.
    jwks: OnceLock<Arc<Ready>>,
}

impl KeyRing {
    /// The keys of the database; keys that this ring has are reused.
    pub(super) fn with(&self, stored: Vec<SigningKey>, master: &MasterKey) -> anyhow::Result<Self> {
        let mut ring = Self::default();
        for row in &stored {
            let key = match self.keys.get(&row.kid) {
                Some(key) => key.clone(),
                None => Arc::new(Signer::parse(&row.algorithm, &master.open(&row.kid, &row.sealed)?)?),
            };
            if row.status == KeyStatus::Current {
                ring.current.insert(key.algorithm.as_str(), key.clone());
            }
            ring.keys.insert(row.kid.clone(), key);
        }
        Ok(Self { stored, ..ring })
    }

    /// All keys, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[SigningKey] {
        &self.stored
    }

    #[must_use]
    pub fn find(&self, algorithm: &str, status: KeyStatus) -> Option<&SigningKey> {
        self.stored.iter().find(|key| key.algorithm == algorithm && key.status == status)
    }

    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// Whether this very key is one of them.
    pub(super) fn holds(&self, key: &Arc<Signer>) -> bool {
        self.keys.get(&key.kid).is_some_and(|own| Arc::ptr_eq(own, key))
    }

    /// The JWK Set (RFC 7517 §5): only public members, the oldest key first.
    #[must_use]
    pub fn jwks(&self) -> Arc<Ready> {
        let made = || {
            let keys: Vec<_> = self.stored.iter().filter_map(|row| Some(&self.keys.get(&row.kid)?.jwk)).collect();
            Arc::new(Ready::new(json!({ "keys": keys }).to_string()))
        };
        self.jwks.get_or_init(made).clone()
    }

    pub(super) fn sign(&self, algorithm: &str, typ: &str, claims: &impl Serialize) -> Result<String, OAuthError> {
        let signer = self.current.get(algorithm);
        let signer = signer.ok_or_else(|| OAuthError::server_error(anyhow::anyhow!("no current {algorithm} key")))?;
        let header = json!({"alg": signer.algorithm.as_str(), "typ": typ, "kid": signer.kid});
        let claims = serde_json::to_vec(claims).map_err(OAuthError::server_error)?;
        let mut jws = format!("{}.{}", base64url(header.to_string()), base64url(claims));
        let signature = signer
            .sign(jws.as_bytes())
            .map_err(|_| OAuthError::server_error(anyhow::anyhow!("signing with {} failed", signer.kid)))?;
        jws.push('.');
        jws.push_str(&base64url(signature));
        Ok(jws)
    }

    pub(super) fn verify<T: DeserializeOwned>(&self, jws: Jws, typ: &str) -> Option<(Arc<Signer>, T)> {
        let key = self.keys.get(jws.kid.as_deref()?)?;
        let is_right = jws.typ.as_deref().is_some_and(|said| said.eq_ignore_ascii_case(typ));
        let claims = (is_right && jws.is_signed_with(&key.public)).then_some(jws.claims)?;
        Some((key.clone(), serde_json::from_value(Value::Object(claims)).ok()?))
    }
}
