//! The master key: never stored in the database, it seals the signing keys and begets one key per purpose.
use anyhow::{Context, bail, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf, hmac,
};
use std::{fs, io::Write, path::Path};

/// 256 bits, from the environment or a file.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

const NONCE: usize = 12;
/// For the operator.
pub const HOW_TO_MAKE_ONE: &str = "`openssl rand 32 | basenc --base64url | tr -d '='` makes one";

impl MasterKey {
    /// 32 bytes, base64url without padding: the form of the file and of `KEYWARD__KEYS__MASTER_KEY`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = crate::secrets::from_base64url(text.trim()).context("the master key is not base64url")?;
        Ok(Self(bytes.try_into().map_err(|_| anyhow::anyhow!("the master key is not 32 bytes long"))?))
    }

    /// Reads the file, or makes it, readable by its owner alone.
    pub fn load_or_create(file: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).with_context(|| format!("in {}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::create(file),
            Err(error) => Err(error).with_context(|| format!("cannot read the master key in {}", file.display())),
        }
    }

    fn create(file: &Path) -> anyhow::Result<Self> {
        let text = crate::secrets::random();
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut created =
            options.open(file).with_context(|| format!("cannot write the master key to {}", file.display()))?;
        writeln!(created, "{text}")?;
        // Losing it loses every key sealed under it: it must be on disk before anything is.
        created.sync_all()?;
        Self::parse(&text)
    }

    /// One key per purpose (RFC 5869).
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

    /// AES-256-GCM: nonce, ciphertext, tag; bound to `label`.
    pub fn seal(&self, label: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .aead()?
            .seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut sealed)
            .map_err(|_| anyhow::anyhow!("sealing failed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    pub fn open(&self, label: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        ensure!(sealed.len() > NONCE, "the sealed key is cut short");
        let (nonce, sealed) = sealed.split_at(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow::anyhow!("bad nonce"))?;
        let mut plain = sealed.to_vec();
        match self.aead()?.open_in_place(nonce, Aad::from(label.as_bytes()), &mut plain) {
            Ok(opened) => Ok(opened.to_vec()),
            Err(_) => bail!("the master key does not open the signing keys in this database: it is the wrong one"),
        }
    }
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
        let made = MasterKey::load_or_create(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load_or_create(&file).unwrap().0, made.0);
    }
}
