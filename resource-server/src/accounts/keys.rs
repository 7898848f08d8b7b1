//! Keys of a server, one for each purpose, all derived from one random value (RFC 5869). The value is in a file beside
//! the store; without a store it is only in memory.
use crate::settings::Settings;
use anyhow::{Context, anyhow};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac, rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64ct::{Base64Unpadded, Encoding};
use jsonwebtoken::{DecodingKey, EncodingKey};
use keyward_guard::{digest, sessions::SessionKey};
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::Path,
};

type Key = [u8; 32];

pub(crate) struct Keys {
    pub signing: EncodingKey,
    pub verifying: DecodingKey,
    sealing: RandomizedNonceKey,
    renewing: hmac::Key,
}

impl Keys {
    /// The keys of the server with this store; creates the key file if it is missing.
    pub fn of_store(store: Option<&Path>) -> anyhow::Result<Self> {
        let master = master(store)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&derive(&master, "session+jwt")?)?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(pair.to_pkcs8v1()?.as_ref()),
            verifying: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &derive(&master, "secure notes")?)?,
            renewing: hmac::Key::new(hmac::HMAC_SHA256, &derive(&master, "refresh tokens")?),
        })
    }

    /// A value derived from this secret: always the same, and nobody else can compute it.
    pub fn successor(&self, secret: &str) -> hmac::Tag {
        hmac::sign(&self.renewing, secret.as_bytes())
    }

    /// Encrypts for one place: a copy of the ciphertext cannot be decrypted in another place.
    pub fn seal(&self, place: &str, text: &str) -> anyhow::Result<String> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self.sealing.seal_in_place_append_tag(Aad::from(place), &mut sealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(Base64Unpadded::encode_string(&whole))
    }

    pub fn open(&self, place: &str, sealed: &str) -> anyhow::Result<String> {
        let whole = Base64Unpadded::decode_vec(sealed).map_err(|_| anyhow!("what was sealed is not base64"))?;
        let (nonce, sealed) = whole.split_at_checked(NONCE_LEN).context("what was sealed is cut short")?;
        let mut text = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let text = self.sealing.open_in_place(nonce, Aad::from(place), &mut text);
        let text = text.map_err(|_| anyhow!("what was sealed does not open with this key file"))?;
        Ok(String::from_utf8(text.to_vec())?)
    }
}

/// The key that authenticates session ids: from the configured secret, else of the store, else random for this process.
pub(crate) fn session_key(settings: &Settings) -> anyhow::Result<SessionKey> {
    let master = match (&settings.session_key, &settings.store) {
        (Some(secret), _) => digest::of(secret.expose().as_bytes()),
        (None, store) => master(store.as_deref())?,
    };
    SessionKey::new(&derive(&master, "mcp sessions")?)
}

/// The master key of the server with this store; creates the key file if it is missing.
fn master(store: Option<&Path>) -> anyhow::Result<Key> {
    let Some(store) = store else { return random() };
    let file = store.with_added_extension("key");
    read_or_make(&file).with_context(|| format!("the key file {}", file.display()))
}

fn random() -> anyhow::Result<Key> {
    let mut key = [0; 32];
    rand::fill(&mut key)?;
    Ok(key)
}

fn derive(master: &Key, purpose: &str) -> anyhow::Result<Key> {
    let mut key = [0; 32];
    let secret = Salt::new(HKDF_SHA256, b"keyward-resource-server").extract(master);
    secret.expand(&[purpose.as_bytes()], HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}

fn read_or_make(file: &Path) -> anyhow::Result<Key> {
    if !file.exists() {
        make(file)?;
    }
    let text = std::fs::read_to_string(file)?;
    let key = Base64Unpadded::decode_vec(text.trim()).ok().and_then(|key| Key::try_from(key).ok());
    key.context("it does not hold 32 bytes in base64")
}

/// Writes the complete file before it gets its name; if two programs create it at once, the first one wins.
fn make(file: &Path) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let draft = file.with_added_extension(uuid::Uuid::now_v7().to_string());
    options.open(&draft)?.write_all(Base64Unpadded::encode_string(&random()?).as_bytes())?;
    let named = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match named {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_with_the_same_key_file_only() {
        let keys = Keys::of_store(None).unwrap();
        let sealed = keys.seal("alice/1", "grüße").unwrap();
        assert!(!sealed.contains("gr"));
        assert_eq!(keys.open("alice/1", &sealed).unwrap(), "grüße");
        assert!(keys.open("bob/1", &sealed).is_err());
        assert!(Keys::of_store(None).unwrap().open("alice/1", &sealed).is_err());
        for broken in ["", "AAAA", "not base64!"] {
            assert!(keys.open("alice/1", broken).is_err());
        }
    }

    #[test]
    fn a_key_file_is_made_once_private_and_read_from_then_on() {
        let store = std::env::temp_dir().join(format!("keys-{}.db", uuid::Uuid::now_v7()));
        let sealed = Keys::of_store(Some(&store)).unwrap().seal("here", "text").unwrap();
        assert_eq!(Keys::of_store(Some(&store)).unwrap().open("here", &sealed).unwrap(), "text");
        let file = store.with_added_extension("key");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(Keys::of_store(Some(&store)).is_err());
        std::fs::remove_file(file).unwrap();
    }
}
