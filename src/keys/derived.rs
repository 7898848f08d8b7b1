//! Keys derived from the master key, one for each purpose (RFC 5869); they are never stored.
use super::MasterKey;
use aws_lc_rs::hmac;

/// The purposes, each with the label for its derivation. Changing a label changes the key.
macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident $label:literal,)*) => {
        pub struct DerivedKeys {
            $($name: hmac::Key,)*
        }

        impl DerivedKeys {
            pub fn of(master: &MasterKey) -> anyhow::Result<Self> {
                Ok(Self { $($name: master.hmac($label)?,)* })
            }

            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> &hmac::Key {
                &self.$name
            })*
        }
    };
}
purposes! {
    /// Derives and authenticates refresh tokens.
    refresh_tokens "refresh tokens",
    /// Seals the audit trail.
    audit_trail "audit trail",
    /// Digests settings, to find out which of them changed.
    settings "settings",
    /// Authenticates the forms of this server's pages, and signs links so that nobody can guess them.
    forms "forms",
    /// Authenticates the cookies of browsers that signed in before.
    known_browsers "known browsers",
    /// Makes the nonces that proofs of possession must contain.
    dpop_nonces "dpop nonces",
}
