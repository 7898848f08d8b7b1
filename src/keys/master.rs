//! The master key: it is never stored in the database, seals the signing keys, and yields a derived key for each
//! purpose.
use crate::storage::{Db, signing_keys};
use anyhow::{Context, bail, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf, hmac,
};
use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

/// 256 bits, from the environment or a file.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

const NONCE_BYTES: usize = 12;
/// Tells operators how to make a master key.
pub const HOW_TO_MAKE_ONE: &str = "`openssl rand 32 | basenc --base64url | tr -d '='` makes one";

impl MasterKey {
    /// 32 bytes, base64url without padding: the form of the file and of `KEYWARD__KEYS__MASTER_KEY`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = crate::secrets::from_base64url(text.trim()).context("the master key is not base64url")?;
        Ok(Self(bytes.try_into().map_err(|_| anyhow::anyhow!("the master key is not 32 bytes long"))?))
    }

    /// The master key is created together with the first signing keys. If the database has keys, a new master key could
    /// not open them, so none is created.
    pub async fn load_or_create(file: &Path, db: &Db) -> anyhow::Result<Self> {
        match Self::load(file)? {
            Some(key) => Ok(key),
            None if signing_keys::all(db).await?.is_empty() => Self::create(file),
            None => bail!(
                "the master key is missing: there is no {}, but the database holds signing keys that only it opens. \
                 Put it back from your backup, or say where it is (keys.master_key_file); no new one is made",
                file.display()
            ),
        }
    }

    /// The key in the file; `None` if there is no file. A file that other users can read is refused.
    pub fn load(file: &Path) -> anyhow::Result<Option<Self>> {
        let unread = || format!("cannot read the master key in {}", file.display());
        let mut opened = match fs::File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(unread),
        };
        #[cfg(unix)]
        is_private(&opened.metadata().with_context(unread)?, file)?;
        let mut text = String::new();
        opened.read_to_string(&mut text).with_context(unread)?;
        Self::parse(&text).map(Some).with_context(|| format!("in {}", file.display()))
    }

    /// Creates the file, readable only by its owner.
    pub fn create(file: &Path) -> anyhow::Result<Self> {
        let text = crate::secrets::random();
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut created =
            options.open(file).with_context(|| format!("cannot write the master key to {}", file.display()))?;
        writeln!(created, "{text}")?;
        // Without this file all sealed keys are lost, so it must be on disk before they are.
        created.sync_all()?;
        Self::parse(&text)
    }

    /// Derives the key for one purpose (RFC 5869).
    fn derive(&self, purpose: &str) -> anyhow::Result<[u8; 32]> {
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward")
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .map_err(|_| anyhow::anyhow!("key derivation failed"))?;
        Ok(key)
    }

    pub fn hmac(&self, purpose: &str) -> anyhow::Result<hmac::Key> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &self.derive(purpose)?))
    }

    fn aead(&self) -> anyhow::Result<RandomizedNonceKey> {
        let key = self.derive("seal signing keys")?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| anyhow::anyhow!("sealing key rejected"))
    }

    /// AES-256-GCM: nonce, ciphertext and tag, bound to `label`.
    pub fn seal(&self, label: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .aead()?
            .seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut sealed)
            .map_err(|_| anyhow::anyhow!("sealing failed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    pub fn open(&self, label: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        ensure!(sealed.len() > NONCE_BYTES, "the sealed key is cut short");
        let (nonce, sealed) = sealed.split_at(NONCE_BYTES);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow::anyhow!("bad nonce"))?;
        let mut plain = sealed.to_vec();
        match self.aead()?.open_in_place(nonce, Aad::from(label.as_bytes()), &mut plain) {
            Ok(opened) => Ok(opened.to_vec()),
            Err(_) => bail!("the master key does not open the signing keys in this database: it is the wrong one"),
        }
    }
}

/// A file of our own must be readable by its owner only. An orchestrator's file belongs to another user and is read
/// through our group: Kubernetes mounts secrets for `fsGroup` with mode 0440.
#[cfg(unix)]
fn is_private(metadata: &fs::Metadata, file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (mode, file) = (metadata.mode() & 0o777, file.display());
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let (others, cure) = if is_ours {
        (0o077, format!("`chmod 600 {file}`"))
    } else {
        (0o037, format!("its owner does `chmod 440 {file}`, or it is mounted with that mode"))
    };
    ensure!(mode & others == 0, "others can read or change the master key in {file} (mode {mode:04o}): {cure}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_master_key_seals_another_refuses() {
        let (right, wrong) = (MasterKey([1; 32]), MasterKey([2; 32]));
        let sealed = right.seal("kid", b"private").unwrap();
        assert_eq!(right.open("kid", &sealed).unwrap(), b"private");
        assert!(right.open("another kid", &sealed).is_err());
        assert!(wrong.open("kid", &sealed).unwrap_err().to_string().contains("the wrong one"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_made_once_and_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        assert!(MasterKey::load(&file).unwrap().is_none());
        let made = MasterKey::create(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load(&file).unwrap().unwrap().0, made.0);
        assert!(MasterKey::create(&file).is_err(), "it is never made anew");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_read_is_refused_and_what_is_mounted_for_our_group_is_not() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        MasterKey::create(&file).unwrap();
        let told = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            MasterKey::load(&file).err().map(|error| error.to_string())
        };
        for mode in [0o400, 0o600, 0o700] {
            assert_eq!(told(mode), None, "{mode:o}");
        }
        for mode in [0o640, 0o440, 0o604, 0o644, 0o660, 0o601] {
            let error = told(mode).unwrap();
            assert!(error.contains(&format!("mode {mode:04o}")) && error.contains("`chmod 600 "), "{error}");
        }
        // Only root can change the owner.
        if rustix::process::geteuid().is_root() {
            chown(&file, Some(12_345), None).unwrap();
            assert_eq!(told(0o440), None);
            for mode in [0o444, 0o460, 0o644] {
                assert!(told(mode).unwrap().contains("chmod 440"), "{mode:o}");
            }
        }
    }
}
