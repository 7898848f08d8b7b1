//! Private keys, read from PEM or generated, and the JWTs that they sign (RFC 7515).
use crate::{
    encode,
    error::{Failure, Result},
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::Value;

pub struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
    /// The key as the profile stores it.
    pem: String,
}

impl SigningKey {
    /// Generates a P-256 key for ES256, which every server accepts that binds tokens to keys.
    pub fn generate() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| broken())?;
        let der = pair.to_pkcs8v1().map_err(|_| broken())?;
        let lines: Vec<_> = encode::base64(der.as_ref()).as_bytes().chunks(64).map(<[u8]>::to_vec).collect();
        let lines = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n");
        Self::from_pem(&format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"))
    }

    /// Reads a PKCS#8 key: EC P-256 or P-384, Ed25519, RSA.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let ec = |algorithm| move |pem: &[u8]| EncodingKey::from_ec_pem(pem).ok().map(|key| (key, algorithm));
        let bytes = pem.as_bytes();
        let found = ec(Algorithm::ES256)(bytes)
            .filter(|(key, algorithm)| Jwk::from_encoding_key(key, *algorithm).is_ok() && signs(key, *algorithm))
            .or_else(|| ec(Algorithm::ES384)(bytes).filter(|(key, algorithm)| signs(key, *algorithm)))
            .or_else(|| EncodingKey::from_ed_pem(bytes).ok().map(|key| (key, Algorithm::EdDSA)))
            .or_else(|| EncodingKey::from_rsa_pem(bytes).ok().map(|key| (key, Algorithm::RS256)));
        let (key, algorithm) = found.ok_or_else(|| {
            Failure::usage("the private key is no PKCS#8 PEM of an EC (P-256, P-384), Ed25519 or RSA key")
        })?;
        Ok(Self { key, algorithm, pem: pem.to_owned() })
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The public half (RFC 7517).
    pub fn jwk(&self) -> Result<Jwk> {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).map_err(|_| broken())?;
        jwk.common.key_algorithm = None;
        Ok(jwk)
    }

    /// Signs a compact JWT with this `typ`. `show_key` puts the public key into its header.
    pub fn sign(&self, typ: &str, show_key: bool, claims: &Value) -> Result<String> {
        let header = Header {
            typ: Some(typ.to_owned()),
            jwk: if show_key { Some(self.jwk()?) } else { None },
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| broken())
    }
}

fn signs(key: &EncodingKey, algorithm: Algorithm) -> bool {
    jsonwebtoken::encode(&Header::new(algorithm), &serde_json::json!({}), key).is_ok()
}

fn broken() -> Failure {
    Failure::new("key", "the private key cannot sign")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64UrlUnpadded, Encoding};

    #[test]
    fn a_made_key_survives_being_stored_and_shows_only_its_public_half() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(key.pem()).unwrap();
        assert_eq!(key.jwk().unwrap(), again.jwk().unwrap());
        let proof = again.sign("dpop+jwt", true, &serde_json::json!({"jti": "1"})).unwrap();
        let header: Value =
            serde_json::from_slice(&Base64UrlUnpadded::decode_vec(proof.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["jwk"]["crv"], "P-256");
        assert!(header["jwk"].get("d").is_none());
    }
}
