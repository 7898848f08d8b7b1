//! `Authorization: Basic` as OAuth defines it (RFC 6749 §2.3.1, RFC 7617).
use super::params::form_urldecode;
use base64ct::{Base64, Encoding};
use std::fmt;

/// A client identifier and a secret, in the one or two readings that the header allows.
pub struct Basic {
    candidates: Vec<(String, String)>,
}

/// The header is not Basic, not base64 of UTF-8, or has no colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedHeader;

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Basic(hidden)")
    }
}

impl Basic {
    /// Takes the whole header value with the scheme (its name is case-insensitive, RFC 9110 §11.1).
    pub fn parse(header_value: &str) -> Result<Self, MalformedHeader> {
        let (scheme, credentials) = header_value.trim().split_once(' ').ok_or(MalformedHeader)?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Err(MalformedHeader);
        }
        let decoded = Base64::decode_vec(credentials.trim_start()).map_err(|_| MalformedHeader)?;
        let text = String::from_utf8(decoded).ok().filter(|text| !text.contains('\0')).ok_or(MalformedHeader)?;
        let raw = text.split_once(':').ok_or(MalformedHeader)?;
        let raw = (raw.0.to_owned(), raw.1.to_owned());
        let encoded = form_urldecode(raw.0.as_bytes()).ok().zip(form_urldecode(raw.1.as_bytes()).ok());
        let mut candidates: Vec<_> = encoded.into_iter().collect();
        if !candidates.contains(&raw) {
            candidates.push(raw);
        }
        Ok(Self { candidates })
    }

    /// Identifier and secret: first both halves form-decoded as RFC 6749 §2.3.1 demands; then, if that differs, both
    /// unchanged, for clients that skip the encoding. Never one half decoded and the other unchanged.
    pub fn candidates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.candidates.iter().map(|(id, secret)| (id.as_str(), secret.as_str()))
    }

    /// Whether the secret is empty; no client has an empty secret.
    #[must_use]
    pub fn names_only(&self) -> bool {
        self.candidates.iter().all(|(_, secret)| secret.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::form_urlencode;
    use proptest::prelude::*;

    fn header(pair: impl AsRef<[u8]>) -> String {
        format!("Basic {}", Base64::encode_string(pair.as_ref()))
    }

    fn candidates(pair: &str) -> Vec<(String, String)> {
        Basic::parse(&header(pair)).unwrap().candidates
    }

    #[test]
    fn both_halves_are_form_decoded_and_the_raw_pair_is_tried_after() {
        let pair = |id: &str, secret: &str| (id.to_owned(), secret.to_owned());
        assert_eq!(candidates("s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw"), [pair("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw")]);
        assert_eq!(candidates("a%3Ab:c+d%2B%C3%A4"), [pair("a:b", "c d+ä"), pair("a%3Ab", "c+d%2B%C3%A4")]);
        assert_eq!(candidates("id:100%:x"), [pair("id", "100%:x")]);
        assert_eq!(candidates("id:"), [pair("id", "")]);
        assert_eq!(candidates("id:%00"), [pair("id", "%00")]);
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_must_be_basic() {
        assert!(Basic::parse("bAsIc  YTpi").is_ok());
        for value in ["", "Basic", "Basic ", "YTpi", "Foo YTpi", "Bearer YTpi", "Basic\tYTpi"] {
            assert_eq!(Basic::parse(value).unwrap_err(), MalformedHeader, "{value}");
        }
    }

    #[test]
    fn attack_42_what_is_no_credential_is_malformed() {
        for value in ["Basic !!!", "Basic YTpi YTpi", "Basic YTpi=", "Basic YQ"] {
            assert_eq!(Basic::parse(value).unwrap_err(), MalformedHeader, "{value}");
        }
        for pair in [&b"no colon"[..], b"a:\xff", b"a:\0", b""] {
            assert_eq!(Basic::parse(&header(pair)).unwrap_err(), MalformedHeader);
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        assert_eq!(format!("{:?}", Basic::parse("Basic YTpi").unwrap()), "Basic(hidden)");
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(value: String, pair: Vec<u8>) {
            let _ = (Basic::parse(&value), Basic::parse(&header(pair)));
        }

        #[test]
        fn encoded_credentials_come_first_and_raw_ones_last(id in "[^\\x00]*", secret in "[^\\x00]*") {
            let encoded = candidates(&format!("{}:{}", form_urlencode(&id), form_urlencode(&secret)));
            prop_assert_eq!(encoded.first(), Some(&(id.clone(), secret.clone())));
            let id = id.replace(':', "");
            prop_assert_eq!(candidates(&format!("{id}:{secret}")).pop(), Some((id, secret)));
        }
    }
}
