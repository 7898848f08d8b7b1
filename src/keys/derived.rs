//! Keys that follow from the master key, one for each purpose (RFC 5869): none is stored.
use super::MasterKey;
use aws_lc_rs::hmac;

/// The purposes, each with the label that its key is derived by. A changed label is another key.
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
    /// Ratchets and authenticates refresh tokens.
    refresh_tokens "refresh tokens",
    /// Seals the audit trail.
    audit_trail "audit trail",
    /// Digests settings, to tell which changed.
    settings "settings",
    /// Authenticates the forms of our own pages, and makes the links to them that nobody can guess.
    forms "forms",
    /// Authenticates the marks of browsers that signed in before.
    known_browsers "known browsers",
    /// Makes the nonces that proofs of possession must hold.
    dpop_nonces "dpop nonces",
}
