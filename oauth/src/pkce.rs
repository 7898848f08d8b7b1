//! Proof Key for Code Exchange (RFC 7636), S256 only.
use super::params::Params;
use crate::{digest::base64url, error::ProtocolError};
use aws_lc_rs::{constant_time, digest};

/// A `code_challenge` of the method S256: 43 base64url characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Every client must send a challenge (OAuth 2.1 §7.5.1). An absent method means `plain` (RFC 7636 §4.3), which is
    /// refused.
    pub fn parse(params: &Params) -> Result<Self, ProtocolError> {
        let challenge = params
            .get("code_challenge")?
            .ok_or_else(|| ProtocolError::invalid_request("code_challenge is missing: PKCE is required"))?;
        if params.get("code_challenge_method")? != Some("S256") {
            return Err(ProtocolError::invalid_request(
                "transform algorithm not supported: code_challenge_method must be S256",
            ));
        }
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if challenge.len() != 43 || !challenge.bytes().all(base64url) {
            return Err(ProtocolError::invalid_request(
                "code_challenge must be 43 base64url characters without padding",
            ));
        }
        Ok(Self(challenge.to_owned()))
    }

    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// RFC 7636 §4.6, in constant time; a verifier that breaks the grammar of §4.1 never matches.
#[must_use]
pub fn verify(challenge: &str, verifier: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let computed = base64url(digest::digest(&digest::SHA256, verifier.as_bytes()));
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && constant_time::verify_slices_are_equal(computed.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 7636, Appendix B
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn refusal(query: &str) -> String {
        let error = CodeChallenge::parse(&Params::parse(query.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(error.code, "invalid_request", "{query}");
        error.description.into_owned()
    }

    #[test]
    fn the_example_of_the_rfc_verifies() {
        let query = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
        let challenge = CodeChallenge::parse(&Params::parse(query.as_bytes()).unwrap()).unwrap();
        assert!(verify(&challenge.into_string(), VERIFIER));
    }

    #[test]
    fn attack_26_no_challenge_is_refused() {
        assert!(refusal("").starts_with("code_challenge is missing"));
        assert!(refusal("code_challenge=&code_challenge_method=S256").starts_with("code_challenge is missing"));
    }

    #[test]
    fn attack_27_plain_by_name_or_by_default_is_refused() {
        for method in ["", "&code_challenge_method=", "&code_challenge_method=plain", "&code_challenge_method=s256"] {
            let description = refusal(&format!("code_challenge={CHALLENGE}{method}"));
            assert!(description.starts_with("transform algorithm not supported"), "{method}");
        }
    }

    #[test]
    fn attack_28_a_malformed_challenge_is_refused() {
        let short = &CHALLENGE[..42];
        for bad in [
            short.to_owned(),
            format!("{CHALLENGE}A"),
            format!("{short}%3D"),
            format!("{short}%2B"),
            format!("{short}/"),
            format!("{CHALLENGE}%3D"),
        ] {
            let description = refusal(&format!("code_challenge={bad}&code_challenge_method=S256"));
            assert!(description.contains("43 base64url"), "{bad}");
        }
    }

    #[test]
    fn attack_31_the_challenge_is_not_its_own_verifier() {
        assert!(!verify(CHALLENGE, CHALLENGE));
        assert!(!verify(CHALLENGE, ""));
        assert!(!verify("", VERIFIER));
    }

    #[test]
    fn attack_32_a_verifier_outside_the_grammar_never_matches() {
        for verifier in ["a".repeat(42), "a".repeat(129), format!("{} ", "a".repeat(43)), "é".repeat(30)] {
            let challenge = base64url(digest::digest(&digest::SHA256, verifier.as_bytes()));
            assert!(!verify(&challenge, &verifier), "{verifier}");
        }
        for length in [43, 128] {
            let verifier = "~".repeat(length);
            assert!(verify(&base64url(digest::digest(&digest::SHA256, verifier.as_bytes())), &verifier));
        }
    }

    proptest! {
        #[test]
        fn only_its_verifier_matches_a_challenge(one in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let challenge = base64url(digest::digest(&digest::SHA256, one.as_bytes()));
            prop_assert!(verify(&challenge, &one));
            prop_assert_eq!(verify(&challenge, &other), one == other);
        }
    }
}
