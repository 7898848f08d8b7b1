//! Random values, digests and base64url.
use aws_lc_rs::{digest, rand};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    Base64::encode_string(bytes.as_ref())
}

pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

pub fn from_base64(text: &str) -> Option<String> {
    String::from_utf8(Base64::decode_vec(text).ok()?).ok()
}

pub fn sha256(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes.as_ref()).as_ref().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 256 random bits, as 43 unreserved characters.
pub fn random() -> String {
    base64url(random_bytes::<32>())
}

pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // This is the operating system's source of randomness. Without it nothing here is safe, so it is asked until it
    // answers.
    while rand::fill(&mut bytes).is_err() {}
    bytes
}
