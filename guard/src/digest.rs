//! SHA-256 of secrets: what is kept of them, and what may be shown.
use keyward_oauth::digest::sha256;
use std::fmt::Write;

pub type Digest = [u8; 32];

pub fn of(bytes: &[u8]) -> Digest {
    sha256(bytes)
}

/// The first 12 hexadecimal digits: enough to tell secrets apart, and nothing of the secret.
pub fn fingerprint(hash: &Digest) -> String {
    hex(&hash[..6])
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
