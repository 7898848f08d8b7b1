//! Random values with a prefix that secret scanners know, and the digests that storage keeps instead of them.
use aws_lc_rs::hmac;
pub use keyward_oauth::digest::{Digest, base64url, from_base64url};

/// 256 random bits, base64url.
#[must_use]
pub fn random() -> String {
    base64url(rand::random::<[u8; 32]>())
}

/// A secret that is shown once: `Debug` hides it, storage takes only its digest.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            #[must_use]
            pub fn random() -> Self {
                Self(format!(concat!($prefix, "{}"), random()))
            }
            #[must_use]
            pub fn presented(text: &str) -> Self {
                Self(text.to_owned())
            }
            #[must_use]
            pub fn digest(&self) -> Digest {
                Digest::of(&self.0)
            }
            /// The only way to read the secret, for the response that delivers it.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
}

secret!(AuthorizationCode, "kwc_");
secret!(ClientSecret, "kws_");
secret!(
    /// The code by which a device fetches its tokens (RFC 8628 §3.2).
    DeviceCode,
    "kwd_"
);
secret!(
    /// A reference to a pushed authorization request (RFC 9126 §2.2).
    RequestUri,
    "urn:ietf:params:oauth:request_uri:"
);
secret!(
    /// Manages one registration (RFC 7592 §3).
    RegistrationAccessToken,
    "kwm_"
);
secret!(
    /// An initial access token: allows registration (RFC 7591 §3).
    RegistrationToken,
    "kwp_"
);
secret!(
    /// Opens the page that creates or restores an administrator, once.
    SetupToken,
    "kwi_"
);

impl AuthorizationCode {
    /// The code for this form: the same each time the form is sent, and nobody else can compute it.
    #[must_use]
    pub fn of_form(key: &hmac::Key, form: &Digest) -> Self {
        let secret = hmac::sign(key, &[b"code of form ", form.as_bytes()].concat());
        Self(format!("{}{}", Self::PREFIX, base64url(secret)))
    }
}

impl SetupToken {
    /// The token for this key and seed, the same on every node.
    #[must_use]
    pub fn derived(key: &hmac::Key, seed: &[u8]) -> Self {
        // The label separates this use of the key from all others.
        Self(format!("{}{}", Self::PREFIX, base64url(hmac::sign(key, &[b"setup link ", seed].concat()))))
    }
}

/// The code that a person types to identify the waiting device (RFC 8628 §6.1): 8 letters without vowels, so that they
/// spell no word. It has about 34 bits, so guesses are counted.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    const LENGTH: usize = 8;

    #[must_use]
    pub fn random() -> Self {
        let letter = |_| char::from(Self::LETTERS[rand::random_range(..Self::LETTERS.len())]);
        Self((0..Self::LENGTH).map(letter).collect())
    }

    /// Parses typed text: case is ignored, and so are characters outside the alphabet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().map(|typed| typed.to_ascii_uppercase());
        let code: String =
            letters.filter(|letter| Self::LETTERS.iter().any(|ours| char::from(*ours) == *letter)).collect();
        (code.len() == Self::LENGTH).then_some(Self(code))
    }

    /// A keyed digest: the codes are so few that a plain digest could be reversed by trying them all.
    #[must_use]
    pub fn digest(&self, key: &hmac::Key) -> Digest {
        Digest::of(hmac::sign(key, format!("user code {}", self.0).as_bytes()))
    }

    /// The form shown to people: `XXXX-XXXX`.
    #[must_use]
    pub fn expose(&self) -> String {
        let (first, last) = self.0.split_at(Self::LENGTH / 2);
        format!("{first}-{last}")
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserCode(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_shown_in_two_halves_and_read_however_it_is_typed() {
        let code = UserCode::random();
        let shown = code.expose();
        assert!(shown.len() == 9 && &shown[4..5] == "-", "{shown}");
        assert!(shown.chars().all(|letter| "BCDFGHJKLMNPQRSTVWXZ-".contains(letter)), "{shown}");
        for typed in [shown.to_lowercase(), shown.replace('-', ""), format!(" {} ", shown.replace('-', " . "))] {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        for typed in ["", "BCDF-GHJ", "BCDF-GHJK-L", "AEIO-UYAE", "ÄBCD"] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
        assert_eq!(format!("{code:?}"), "UserCode(hidden)");
    }
}
