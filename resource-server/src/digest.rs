//! SHA-256 of secrets: what is kept of them, and what may be shown.
use aws_lc_rs::digest::{SHA256, digest};

pub(crate) type Digest = [u8; 32];

pub(crate) fn of(bytes: &[u8]) -> Digest {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The first 12 hexadecimal digits: enough to tell secrets apart, and nothing of the secret.
pub(crate) fn fingerprint(hash: &Digest) -> String {
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
