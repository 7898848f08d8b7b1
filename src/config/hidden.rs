//! Serializes secret settings: shows only that they are set.
use crate::secrets::base64url;
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::cell::RefCell;

thread_local! {
    /// While this key is set, a secret is serialized as its digest under the key.
    static KEY: RefCell<Option<hmac::Key>> = const { RefCell::new(None) };
}

#[derive(Serialize)]
struct Shown {
    set: bool,
}

/// A setting whose value is secret.
pub(super) trait SecretSetting {
    fn digest(&self, key: &hmac::Key) -> String;
}

impl SecretSetting for SecretString {
    fn digest(&self, key: &hmac::Key) -> String {
        base64url(hmac::sign(key, self.expose_secret().as_bytes()).as_ref())
    }
}

impl SecretSetting for Value {
    fn digest(&self, key: &hmac::Key) -> String {
        base64url(hmac::sign(key, self.to_string().as_bytes()).as_ref())
    }
}

pub(super) fn one<T: SecretSetting, S: Serializer>(secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
    shown(Some(secret), serializer)
}

#[allow(clippy::ref_option)] // serde's signature
pub(super) fn maybe<T: SecretSetting, S: Serializer>(secret: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    shown(secret.as_ref(), serializer)
}

fn shown<T: SecretSetting, S: Serializer>(secret: Option<&T>, serializer: S) -> Result<S::Ok, S::Error> {
    match KEY.with_borrow(Clone::clone) {
        Some(key) => secret.map(|secret| secret.digest(&key)).serialize(serializer),
        None => Shown { set: secret.is_some() }.serialize(serializer),
    }
}

/// The settings as a tree in which each secret is a digest, so that two trees can be compared. The digests are keyed,
/// so that short secrets cannot be guessed from them.
pub(super) fn with_digests(settings: &impl Serialize, key: &hmac::Key) -> serde_json::Result<Value> {
    KEY.set(Some(key.clone()));
    let tree = serde_json::to_value(settings);
    KEY.set(None);
    tree
}
