//! Keys, and all that is signed, authenticated or drawn with them.
use anyhow::Context;
use aws_lc_rs::{
    digest::SHA256,
    hmac,
    rand::{SystemRandom, fill},
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use base64ct::{Base64UrlUnpadded as Base64Url, Encoding};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Mutex, time::SystemTime};

pub const LIFETIME: u64 = 600;
const REMEMBERED: usize = 100_000;

pub struct Keys {
    pub jwks: String,
    signing: EcdsaKeyPair,
    header: String,
    random: SystemRandom,
    mac: hmac::Key,
    /// Tokens verified before, by their digest: whose they are, and until when.
    verified: Mutex<HashMap<Vec<u8>, (String, u64)>>,
}

pub fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

pub fn digest(text: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

/// RFC 7636 §4.2.
pub fn challenge(verifier: &str) -> String {
    Base64Url::encode_string(&digest(verifier))
}

fn random<const N: usize>() -> String {
    let mut bytes = [0; N];
    // It fails only where the kernel has no random numbers; then nothing is signed either.
    let _ = fill(&mut bytes);
    Base64Url::encode_string(&bytes)
}

/// 256 random bits, and their digest.
pub fn secret() -> (String, Vec<u8>) {
    let secret = random::<32>();
    let digest = digest(&secret);
    (secret, digest)
}

impl Keys {
    pub fn new() -> anyhow::Result<Self> {
        let signing = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let point = signing.public_key().as_ref();
        let (x, y) = point.get(1..).and_then(|point| point.split_at_checked(32)).context("no point of P-256")?;
        let (x, y) = (Base64Url::encode_string(x), Base64Url::encode_string(y));
        let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": x, "y": y});
        let header = Base64Url::encode_string(br#"{"alg":"ES256","typ":"at+jwt","kid":"1"}"#);
        let mac = hmac::Key::new(hmac::HMAC_SHA256, random::<32>().as_bytes());
        let jwks = json!({"keys": [jwk]}).to_string();
        Ok(Self { jwks, signing, header, random: SystemRandom::new(), mac, verified: Mutex::default() })
    }

    /// RFC 9068.
    pub fn sign(&self, issuer: &str, client_id: &str, resource: &str) -> anyhow::Result<String> {
        let (now, jti) = (now(), random::<16>());
        let claims = json!({"iss": issuer, "sub": client_id, "client_id": client_id, "aud": resource,
            "scope": "mcp:read", "iat": now, "exp": now + LIFETIME, "jti": jti});
        let message = format!("{}.{}", self.header, Base64Url::encode_string(claims.to_string().as_bytes()));
        let signature = self.signing.sign(&self.random, message.as_bytes())?;
        Ok(format!("{message}.{}", Base64Url::encode_string(signature.as_ref())))
    }

    /// Whose token it is, and until when.
    pub fn verify(&self, token: &str, digest: &[u8]) -> Option<(String, u64)> {
        if let Some(known) = self.verified.lock().ok()?.get(digest) {
            return Some(known.clone());
        }
        let (message, signature) = token.rsplit_once('.')?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.signing.public_key());
        key.verify(message.as_bytes(), &Base64Url::decode_vec(signature).ok()?).ok()?;
        let claims = Base64Url::decode_vec(message.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let known = (claims["client_id"].as_str()?.to_owned(), claims["exp"].as_u64()?);
        let mut verified = self.verified.lock().ok()?;
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(digest.to_vec(), known.clone());
        Some(known)
    }

    /// A refresh token says which grant it is of and how often that was refreshed; the code proves that we said so.
    pub fn refresh(&self, id: i64, generation: i64) -> String {
        self.authenticate(&[id.to_be_bytes(), generation.to_be_bytes()].concat())
    }

    pub fn open_refresh(&self, token: &str) -> Option<(i64, i64)> {
        let said = self.open(token)?;
        let (id, generation) = said.split_at_checked(8)?;
        Some((i64::from_be_bytes(id.try_into().ok()?), i64::from_be_bytes(generation.try_into().ok()?)))
    }

    pub fn authenticate(&self, said: &[u8]) -> String {
        Base64Url::encode_string(&[said, hmac::sign(&self.mac, said).as_ref()].concat())
    }

    pub fn open(&self, text: &str) -> Option<Vec<u8>> {
        let mut bytes = Base64Url::decode_vec(text).ok()?;
        let mac = bytes.split_off(bytes.len().checked_sub(32)?);
        hmac::verify(&self.mac, &bytes, &mac).ok()?;
        Some(bytes)
    }
}
