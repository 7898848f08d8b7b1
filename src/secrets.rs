//! Random values with a prefix scanners know, and the digests that are all storage ever sees of them.
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
            /// The one way out; for the answer that hands it over.
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
    /// Stands for a pushed authorization request (RFC 9126 §2.2).
    RequestUri,
    "urn:ietf:params:oauth:request_uri:"
);
secret!(
    /// Manages one registration (RFC 7592 §3).
    RegistrationAccessToken,
    "kwm_"
);
secret!(
    /// An initial access token: permits to register (RFC 7591 §3).
    RegistrationToken,
    "kwp_"
);
secret!(
    /// Opens the page that makes somebody an administrator, once.
    SetupToken,
    "kwi_"
);

impl AuthorizationCode {
    /// That which this form brings, however often it is sent; nobody else can make it.
    #[must_use]
    pub fn of_form(key: &hmac::Key, form: &Digest) -> Self {
        let secret = hmac::sign(key, &[b"code of form ", form.as_bytes()].concat());
        Self(format!("{}{}", Self::PREFIX, base64url(secret)))
    }
}

impl SetupToken {
    /// The token of this key and seed, the same wherever it is made.
    #[must_use]
    pub fn derived(key: &hmac::Key, seed: &[u8]) -> Self {
        // The label keeps it apart from whatever else the key is for.
        Self(format!("{}{}", Self::PREFIX, base64url(hmac::sign(key, &[b"setup link ", seed].concat()))))
    }
}

/// What a person types to name the device that waits for them (RFC 8628 §6.1): 8 letters, no vowels, so that they
/// spell no word; about 34 bits, which is why guesses are counted.
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

    /// As typed: case makes no difference, and what is no letter of ours is not looked at.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().map(|typed| typed.to_ascii_uppercase());
        let code: String =
            letters.filter(|letter| Self::LETTERS.iter().any(|ours| char::from(*ours) == *letter)).collect();
        (code.len() == Self::LENGTH).then_some(Self(code))
    }

    /// Under a key: there are so few of these codes that a plain digest hides none.
    #[must_use]
    pub fn digest(&self, key: &hmac::Key) -> Digest {
        Digest::of(hmac::sign(key, format!("user code {}", self.0).as_bytes()))
    }

    /// As it is shown: `XXXX-XXXX`.
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
