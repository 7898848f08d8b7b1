//! The supported signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
use aws_lc_rs::digest::{self, SHA256, SHA512};

/// The names as sentences list them; a macro, because `concat!` takes no constant.
macro_rules! one_of {
    () => {
        "ES256, RS256 or EdDSA"
    };
}
pub(crate) use one_of;

/// All are asymmetric, and each needs one type of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Es256,
    Rs256,
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];
    /// As metadata lists them.
    pub const NAMES: [&str; 3] = [Self::Es256.as_str(), Self::Rs256.as_str(), Self::EdDsa.as_str()];
    /// With both names of `EdDSA`.
    pub const ANY_NAMES: &[&str] = &[Self::Es256.as_str(), Self::Rs256.as_str(), Self::EdDsa.as_str(), Self::ED25519];
    /// As sentences list them.
    pub const ONE_OF: &str = one_of!();
    /// The newer name of `EdDSA` with this curve, the only one supported here (RFC 9864 §2.2).
    pub const ED25519: &str = "Ed25519";

    /// The name in `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The left half of the text's digest, which ID tokens hold as `at_hash` (OpenID Connect Core §3.1.3.6).
    #[must_use]
    pub fn half_digest(self, text: &str) -> Vec<u8> {
        let hash = match self {
            Self::Es256 | Self::Rs256 => &SHA256,
            // The hash of Ed25519 (RFC 8032 §5.1).
            Self::EdDsa => &SHA512,
        };
        let all = digest::digest(hash, text.as_bytes());
        all.as_ref()[..all.as_ref().len() / 2].to_vec()
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Accepts either name of `EdDSA`.
    #[must_use]
    pub fn parse_any_name(name: &str) -> Option<Self> {
        if name == Self::ED25519 { Some(Self::EdDsa) } else { Self::parse(name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_half_of_the_digest_that_the_algorithm_itself_takes() {
        let half = |algorithm: Algorithm| crate::digest::base64url(algorithm.half_digest("abc"));
        assert_eq!(half(Algorithm::Es256), "ungWv48Bz-pBQUDeXa4iIw");
        assert_eq!(half(Algorithm::Rs256), "ungWv48Bz-pBQUDeXa4iIw");
        assert_eq!(half(Algorithm::EdDsa), "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05o");
    }

    #[test]
    fn an_algorithm_is_known_by_its_name_and_sentences_list_all() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        for unknown in ["", "none", "HS256", "es256", "ES384", "RS512", "PS256", Algorithm::ED25519] {
            assert_eq!(Algorithm::parse(unknown), None, "{unknown}");
        }
        assert_eq!(Algorithm::parse_any_name(Algorithm::ED25519), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::ONE_OF.replace(" or ", ", "), Algorithm::NAMES.join(", "));
        assert_eq!(Algorithm::ANY_NAMES, [&Algorithm::NAMES[..], &[Algorithm::ED25519]].concat());
    }
}
