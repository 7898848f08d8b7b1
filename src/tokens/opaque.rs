//! Opaque access tokens: a prefix that secret scanners know, 256 random bits, and a checksum that detects typing errors
//! and foreign tokens without a database query.
use crate::secrets::{Digest, base64url, from_base64url};
use std::fmt;

const PREFIX: &str = "kwa_";
const SECRET_BYTES: usize = 32;
/// Bytes of the SHA-256 digest of prefix and secret that follow the secret.
const CHECKSUM_BYTES: usize = 4;

#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken(String);

impl OpaqueToken {
    #[must_use]
    pub fn random() -> Self {
        let secret = rand::random::<[u8; SECRET_BYTES]>();
        Self(format!("{PREFIX}{}", base64url([&secret[..], &checksum(&secret)].concat())))
    }

    /// `None` if the text cannot be a token of this server.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = from_base64url(text.strip_prefix(PREFIX)?)?;
        let (secret, check) = bytes.split_at_checked(SECRET_BYTES)?;
        (check == checksum(secret)).then(|| Self(text.to_owned()))
    }

    /// The digest that storage keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// The only way to read the secret, for the response that delivers it.
    #[must_use]
    pub fn expose(self) -> String {
        self.0
    }
}

/// Not keyed: anybody can make a text with a valid checksum.
fn checksum(secret: &[u8]) -> Vec<u8> {
    Digest::of([PREFIX.as_bytes(), secret].concat()).as_bytes()[..CHECKSUM_BYTES].to_vec()
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_told_by_its_form_and_one_wrong_letter_shows() {
        let token = OpaqueToken::random();
        let text = token.clone().expose();
        assert!(text.len() == 52 && text.starts_with("kwa_"), "{text}");
        assert_eq!(OpaqueToken::parse(&text), Some(token.clone()));
        assert_ne!(OpaqueToken::random(), token);
        assert_eq!(format!("{token:?}"), "OpaqueToken(hidden)");
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let typo = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(OpaqueToken::parse(&typo), None, "letter {at}");
        }
        for stranger in ["", "kwa_", &text[..51], &format!("{text}A"), &text[4..], &format!("{text}=")] {
            assert_eq!(OpaqueToken::parse(stranger), None, "{stranger}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC*") {
            prop_assert_eq!(OpaqueToken::parse(&text), None);
            prop_assert_eq!(OpaqueToken::parse(&format!("{PREFIX}{text}")), None);
        }
    }
}
