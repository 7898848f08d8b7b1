//! The keys that a server publishes, and whether a token is signed by one of them.
use anyhow::{Context, ensure};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

/// Members of private keys (RFC 7518 §6.2.2, §6.3.2), of which a JWKS has none.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

pub struct Keys(JwkSet);

impl Keys {
    pub fn read(body: &[u8]) -> anyhow::Result<Self> {
        let set: Value = serde_json::from_slice(body)?;
        let keys = set["keys"].as_array().context("no keys")?;
        ensure!(!keys.is_empty(), "no keys");
        let leaks = |key: &Value| PRIVATE.iter().any(|member| key.get(member).is_some());
        ensure!(!keys.iter().any(leaks), "a private key is published");
        Ok(Self(serde_json::from_value(set)?))
    }

    /// Signed with this algorithm, by one of these keys, for this audience.
    pub fn check(&self, token: &str, alg: &str, audience: &str) -> anyhow::Result<Value> {
        let header = decode_header(token)?;
        ensure!(serde_json::to_value(header.alg)? == alg, "signed with {:?} instead of {alg}", header.alg);
        let kid = header.kid.as_deref().context("no kid")?;
        let jwk = self.0.find(kid).context("signed by a key that is not published")?;
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[audience]);
        Ok(decode::<Value>(token, &DecodingKey::from_jwk(jwk)?, &validation)?.claims)
    }
}
