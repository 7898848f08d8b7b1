//! SHA-256 (RFC 6234) and base64url (RFC 4648 §5).
use aws_lc_rs::{constant_time, digest};
use base64ct::{Base64UrlUnpadded, Encoding};

/// SHA-256 of a secret; secrets are stored in no other form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
pub struct Digest(Vec<u8>);

impl Digest {
    #[must_use]
    pub fn of(secret: impl AsRef<[u8]>) -> Self {
        Self(sha256(secret).to_vec())
    }

    /// Wraps an existing digest.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first 12 hexadecimal digits: enough to tell secrets apart, without revealing one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let first = self.0.iter().take(6).fold(0_u64, |first, byte| first << 8 | u64::from(*byte));
        format!("{first:012x}")
    }
}

#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes.as_ref()).as_ref());
    hash
}

#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}
