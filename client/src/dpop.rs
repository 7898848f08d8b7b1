//! Proofs that the caller holds the key a token is bound to (RFC 9449).
use crate::{clock, encode, error::Result, keys::SigningKey};
use reqwest::header::HeaderMap;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use url::Url;

/// The last nonce of each origin (RFC 9449 §8.2).
#[derive(Default)]
pub struct Nonces(Mutex<HashMap<String, String>>);

impl Nonces {
    pub fn remember(&self, url: &Url, headers: &HeaderMap) {
        if let Some(nonce) = headers.get("dpop-nonce").and_then(|value| value.to_str().ok()) {
            let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.insert(url.origin().ascii_serialization(), nonce.to_owned());
        }
    }

    fn of(&self, url: &Url) -> Option<String> {
        let nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(&url.origin().ascii_serialization()).cloned()
    }
}

/// A proof for one request (RFC 9449 §4.2). With a token it holds the token's digest, `ath`.
pub fn proof(key: &SigningKey, nonces: &Nonces, method: &str, url: &Url, token: Option<&str>) -> Result<String> {
    let mut target = url.clone();
    target.set_query(None);
    target.set_fragment(None);
    let mut claims = json!({"jti": encode::random(), "htm": method, "htu": target, "iat": clock::now()});
    if let Some(token) = token {
        claims["ath"] = encode::base64url(encode::sha256(token)).into();
    }
    if let Some(nonce) = nonces.of(url) {
        claims["nonce"] = nonce.into();
    }
    key.sign("dpop+jwt", true, &claims)
}
