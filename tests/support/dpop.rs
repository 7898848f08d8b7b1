//! A client's key for proofs of possession, and its proofs (RFC 9449 §4).
use aws_lc_rs::{
    io::Positive,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use keyward::secrets::{Digest, base64url, random};
use serde_json::{Value, json};
use time::OffsetDateTime;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

pub struct DpopKey {
    pub alg: &'static str,
    pub jwk: Value,
    sign: Sign,
}

impl DpopKey {
    pub fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({"crv": "P-256", "kty": "EC", "x": base64url(&point[1..33]), "y": base64url(&point[33..])});
        let sign = move |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        Self { alg: "ES256", jwk, sign: Box::new(sign) }
    }

    pub fn eddsa() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"crv": "Ed25519", "kty": "OKP", "x": base64url(pair.public_key())});
        Self { alg: "EdDSA", jwk, sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()) }
    }

    pub fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let numbers = pair.public_key();
        let number = |number: Positive| base64url(number.big_endian_without_leading_zero());
        let jwk = json!({"e": number(numbers.exponent()), "kty": "RSA", "n": number(numbers.modulus())});
        let sign = move |message: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        };
        Self { alg: "RS256", jwk, sign: Box::new(sign) }
    }

    /// RFC 7638.
    pub fn thumbprint(&self) -> String {
        // The members above stand in lexicographic order.
        base64url(Digest::of(self.jwk.to_string()).as_bytes())
    }

    pub fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk})
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Of header and claims as they are written.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = (self.sign)(signed.as_bytes());
        format!("{signed}.{}", base64url(signature))
    }

    /// A good proof but for these claims.
    #[allow(clippy::needless_pass_by_value)] // what tests write in place is no one else's
    pub fn proof_with(&self, method: &str, url: &str, now: OffsetDateTime, changes: Value) -> String {
        self.sign(&self.header(), &with(&claims(method, url, now), &changes))
    }

    pub fn proof(&self, method: &str, url: &str, now: OffsetDateTime) -> String {
        self.proof_with(method, url, now, json!({}))
    }

    /// With the access token it comes with.
    pub fn proof_for(&self, token: &str, method: &str, url: &str, now: OffsetDateTime) -> String {
        self.proof_with(method, url, now, json!({"ath": base64url(Digest::of(token).as_bytes())}))
    }
}

pub fn claims(method: &str, url: &str, now: OffsetDateTime) -> Value {
    json!({"jti": random(), "htm": method, "htu": url, "iat": now.unix_timestamp()})
}

/// These members over those; `null` leaves one out.
pub fn with(members: &Value, changes: &Value) -> Value {
    let mut all = members.clone();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}
