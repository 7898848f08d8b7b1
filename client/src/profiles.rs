//! What is remembered between runs: logins, and which of them each address uses.
mod collection;
mod dates;
mod file;
mod profile;
mod seal;
mod store;

pub use collection::Profiles;
pub use profile::{Extra, Profile, Registration, without_secrets};
pub use seal::Keyring;
pub use store::{Store, no_profile};
