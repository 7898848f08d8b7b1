//! All keys at one moment: what signs, what verifies, what is published.
use super::{MasterKey, signer::Signer};
use crate::{
    error::OAuthError,
    model::{KeyStatus, SigningKey},
    secrets::base64url,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::Jwk};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// Never changes; a changed database makes another one.
#[derive(Default)]
pub struct Ring {
    stored: Vec<SigningKey>,
    keys: HashMap<String, Arc<Key>>,
    /// By algorithm.
    current: HashMap<&'static str, Arc<Key>>,
}

struct Key {
    signer: Signer,
    algorithm: Algorithm,
    verifier: DecodingKey,
}

impl Ring {
    /// What the database holds, with the keys that we hold already.
    pub(super) fn with(&self, stored: Vec<SigningKey>, master: &MasterKey) -> anyhow::Result<Self> {
        let mut ring = Self::default();
        for row in &stored {
            let key = match self.keys.get(&row.kid) {
                Some(key) => key.clone(),
                None => Arc::new(Key::open(row, master)?),
            };
            if row.status == KeyStatus::Current {
                ring.current.insert(key.signer.algorithm, key.clone());
            }
            ring.keys.insert(row.kid.clone(), key);
        }
        Ok(Self { stored, ..ring })
    }

    /// Oldest first.
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

    /// The JWK Set (RFC 7517 §5), public members only, oldest first.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> = self.stored.iter().filter_map(|row| self.keys.get(&row.kid)).collect();
        json!({ "keys": keys.iter().map(|key| &key.signer.jwk).collect::<Vec<_>>() })
    }

    pub(super) fn sign(&self, algorithm: &str, typ: &str, claims: &impl Serialize) -> Result<String, OAuthError> {
        let key = self.current.get(algorithm);
        let key = key.ok_or_else(|| OAuthError::server_error(anyhow::anyhow!("no current {algorithm} key")))?;
        let signer = &key.signer;
        let header = json!({"alg": signer.algorithm, "typ": typ, "kid": signer.kid});
        let claims = serde_json::to_vec(claims).map_err(OAuthError::server_error)?;
        let mut jws = format!("{}.{}", base64url(header.to_string()), base64url(claims));
        let signature = signer
            .sign(jws.as_bytes())
            .map_err(|_| OAuthError::server_error(anyhow::anyhow!("signing with {} failed", signer.kid)))?;
        jws.push('.');
        jws.push_str(&base64url(signature));
        Ok(jws)
    }

    /// `said` is the `typ` of its header, `typ` the one it must be.
    pub(super) fn verify<T: DeserializeOwned>(&self, jws: &str, kid: &str, said: Option<&str>, typ: &str) -> Option<T> {
        let key = self.keys.get(kid).filter(|_| said.is_some_and(|said| said.eq_ignore_ascii_case(typ)))?;
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(jws, &key.verifier, &validation).ok().map(|token| token.claims)
    }
}

impl Key {
    fn open(row: &SigningKey, master: &MasterKey) -> anyhow::Result<Self> {
        let signer = Signer::parse(&row.algorithm, &master.open(&row.kid, &row.sealed)?)?;
        let jwk = serde_json::from_value::<Jwk>(signer.jwk.clone())?;
        Ok(Self { algorithm: signer.algorithm.parse()?, verifier: DecodingKey::from_jwk(&jwk)?, signer })
    }
}
