//! Signing keys: made on the first start, sealed at rest, published, and kept parsed for as long as we run.
mod master;
mod signer;

pub use master::MasterKey;
pub use signer::ALGORITHMS;

use crate::{
    clock::Clock,
    error::OAuthError,
    model::SigningKey,
    secrets::base64url,
    storage::{Db, signing_keys},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::Jwk};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use signer::Signer;
use std::collections::HashMap;

pub struct Keys {
    signers: HashMap<&'static str, Signer>,
    verifiers: HashMap<String, (Algorithm, DecodingKey)>,
    jwks: Value,
}

impl Keys {
    /// Opens what the database holds; makes what is missing. Two nodes starting at once agree on the first.
    pub async fn load(db: &Db, master: &MasterKey, clock: &Clock) -> anyhow::Result<Self> {
        let stored = signing_keys::all(db).await?;
        for algorithm in ALGORITHMS {
            if !stored.iter().any(|key| key.algorithm == algorithm) {
                let key = make(algorithm, master, clock).await?;
                signing_keys::insert_if_absent(db, &key).await?;
            }
        }
        let mut keys = Self { signers: HashMap::new(), verifiers: HashMap::new(), jwks: Value::Null };
        let mut published = Vec::new();
        for stored in signing_keys::all(db).await? {
            let signer = Signer::parse(&stored.algorithm, &master.open(&stored.kid, &stored.sealed)?)?;
            let jwk = serde_json::from_value::<Jwk>(signer.jwk.clone())?;
            let verifier = (signer.algorithm.parse()?, DecodingKey::from_jwk(&jwk)?);
            keys.verifiers.insert(signer.kid.clone(), verifier);
            published.push(signer.jwk.clone());
            if stored.status == "current" {
                keys.signers.insert(signer.algorithm, signer);
            }
        }
        keys.jwks = json!({ "keys": published });
        Ok(keys)
    }

    /// The JWK Set (RFC 7517 §5), public members only.
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// A compact JWS (RFC 7515 §7.1) of one explicit type (RFC 8725 §3.11).
    pub fn sign(&self, algorithm: &str, typ: &str, claims: &impl Serialize) -> Result<String, OAuthError> {
        let signer = self
            .signers
            .get(algorithm)
            .ok_or_else(|| OAuthError::server_error(anyhow::anyhow!("no current {algorithm} key")))?;
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

    /// The claims of a JWS that we signed as `typ`; dates are the caller's to judge, by our clock.
    #[must_use]
    pub fn verify<T: DeserializeOwned>(&self, jws: &str, typ: &str) -> Option<T> {
        let header = jsonwebtoken::decode_header(jws).ok()?;
        let (algorithm, key) = self.verifiers.get(header.kid.as_deref()?)?;
        if !header.typ.as_deref().is_some_and(|is| is.eq_ignore_ascii_case(typ)) {
            return None;
        }
        let mut validation = Validation::new(*algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(jws, key, &validation).ok().map(|token| token.claims)
    }
}

async fn make(algorithm: &'static str, master: &MasterKey, clock: &Clock) -> anyhow::Result<SigningKey> {
    // An RSA key takes its time: not on the threads that answer.
    let pkcs8 = tokio::task::spawn_blocking(move || signer::generate(algorithm)).await??;
    let kid = Signer::parse(algorithm, &pkcs8)?.kid;
    let sealed = master.seal(&kid, &pkcs8)?;
    Ok(SigningKey { kid, algorithm: algorithm.into(), status: "current".into(), sealed, created_at: clock.now() })
}
