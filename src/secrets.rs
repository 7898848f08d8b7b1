//! Random values with a prefix scanners know, and the digests that are all storage ever sees of them.
use aws_lc_rs::{constant_time, digest};
use base64ct::{Base64UrlUnpadded, Encoding};

/// SHA-256 of a secret; the only form in which one is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Digest(Vec<u8>);

impl Digest {
    #[must_use]
    pub fn of(secret: impl AsRef<[u8]>) -> Self {
        Self(digest::digest(&digest::SHA256, secret.as_ref()).as_ref().to_vec())
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
}

#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

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
    /// Opens the page that creates the first administrator, once.
    SetupToken,
    "kwi_"
);
