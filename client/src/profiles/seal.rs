//! Secrets of a login, sealed with a key in the keyring of the operating system.
//!
//! The sealed secrets stay in `profiles.json`, which is replaced whole, so a renewal is stored in one place. The
//! keyring holds only the key, since some keyrings hold little (Windows: 2560 bytes) and tokens may be longer.
use super::profile::{Extra, Profile, without_secrets};
use crate::{
    encode,
    error::{Failure, Result},
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use keyring::{Entry, Error};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// The name under which people see the keys in their keyring.
const SERVICE: &str = "mcp-auth";

type Key = [u8; 32];

/// The keys that this process got from the keyring. Each is asked for once, so that renewed tokens can be sealed even
/// if the keyring is locked meanwhile.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Mutex<HashMap<String, Key>>>);

/// The secrets of a login.
#[derive(Deserialize, Serialize)]
struct Secrets {
    access_token: Option<String>,
    refresh_token: Option<String>,
    client_secret: Option<String>,
    dpop_key: Option<String>,
    client_private_key: Option<String>,
    headers: BTreeMap<String, String>,
}

impl Secrets {
    fn take(profile: &mut Profile, extra: &mut Extra) -> Self {
        if let Some(registration) = &mut profile.dynamic_client_registration {
            without_secrets(registration);
        }
        Self {
            access_token: profile.access_token.take(),
            refresh_token: profile.refresh_token.take(),
            client_secret: profile.client_secret.take(),
            dpop_key: extra.dpop_key.take(),
            client_private_key: extra.client_private_key.take(),
            headers: std::mem::take(&mut extra.headers),
        }
    }

    fn put(self, profile: &mut Profile, extra: &mut Extra) {
        profile.access_token = self.access_token;
        profile.refresh_token = self.refresh_token;
        profile.client_secret = self.client_secret;
        extra.dpop_key = self.dpop_key;
        extra.client_private_key = self.client_private_key;
        extra.headers = self.headers;
    }
}

impl Keyring {
    /// Checks that the keyring can hold a key, before a person signs in. A locked keyring asks to be opened now.
    pub fn check() -> Result<()> {
        let entry = entry(&encode::random())?;
        let tried = entry.set_password("check").and_then(|()| entry.delete_credential());
        tried.map_err(|error| unreachable(&error))
    }

    /// Seals a login's secrets as the file holds them.
    pub fn seal(&self, profile: &mut Profile, extra: &mut Extra) -> Result<()> {
        if extra.sealed.is_some() {
            let key = self.key(&profile.profile_id, true)?;
            let secrets = Secrets::take(profile, extra);
            extra.sealed = Some(seal(&key, &profile.profile_id, &secrets)?);
        }
        Ok(())
    }

    /// Opens a login's secrets for use.
    pub fn open(&self, profile: &mut Profile, extra: &mut Extra) -> Result<()> {
        if let Some(sealed) = &extra.sealed {
            let key = self.key(&profile.profile_id, false)?;
            let secrets = open(&key, &profile.profile_id, sealed).ok_or_else(lost)?;
            secrets.put(profile, extra);
        }
        Ok(())
    }

    /// Deletes the key of a login, so that no copy of its sealed secrets can be opened any more.
    pub fn forget(id: &str) {
        let _ = entry(id).map(|entry| entry.delete_credential());
    }

    fn key(&self, id: &str, make: bool) -> Result<Key> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(id) {
            return Ok(*key);
        }
        let entry = entry(id)?;
        let key = match entry.get_password() {
            Ok(text) => decode(&text).ok_or_else(lost)?,
            Err(Error::NoEntry) if make => {
                let key = encode::random_bytes();
                entry.set_password(&encode::base64url(key)).map_err(|error| unreachable(&error))?;
                key
            }
            Err(Error::NoEntry) => return Err(lost()),
            Err(error) => return Err(unreachable(&error)),
        };
        keys.insert(id.to_owned(), key);
        Ok(key)
    }
}

fn entry(id: &str) -> Result<Entry> {
    Entry::store_status().as_ref().map_err(unreachable)?;
    Entry::new(SERVICE, id).map_err(|error| unreachable(&error))
}

fn seal(key: &Key, id: &str, secrets: &Secrets) -> Result<String> {
    let sealed = || {
        let mut text = serde_json::to_vec(secrets).ok()?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
        let nonce = key.seal_in_place_append_tag(Aad::from(id), &mut text).ok()?;
        Some(encode::base64url([nonce.as_ref().as_slice(), &text].concat()))
    };
    sealed().ok_or_else(|| Failure::new("keyring", "the secrets cannot be sealed"))
}

fn open(key: &Key, id: &str, sealed: &str) -> Option<Secrets> {
    let bytes = Base64UrlUnpadded::decode_vec(sealed).ok()?;
    let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
    let (nonce, mut text) = (Nonce::try_assume_unique_for_key(nonce).ok()?, text.to_vec());
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    serde_json::from_slice(key.open_in_place(nonce, Aad::from(id), &mut text).ok()?).ok()
}

fn decode(text: &str) -> Option<Key> {
    Base64UrlUnpadded::decode_vec(text).ok()?.try_into().ok()
}

fn lost() -> Failure {
    Failure::new("login_required", "the keyring no longer has the key of this login. Run login again.")
}

fn unreachable(error: &Error) -> Failure {
    let which = if cfg!(target_os = "linux") { " (Secret Service: GNOME Keyring, KWallet, KeePassXC)" } else { "" };
    Failure::new("keyring", format!("the keyring of this machine{which} cannot be used: {error}"))
}

#[cfg(test)]
mod tests;
