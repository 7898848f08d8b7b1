//! An identity, and its proof.
use super::{person::User, roles::Permission};
use std::sync::Arc;

/// The proof of an identity; it counts only until the session has ended or the key is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Session(String),
    ApiKey(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub user: Arc<User>,
    /// The permissions of the role; with an API key, only those that the key has too.
    pub permissions: Vec<Permission>,
    pub proof: Proof,
}
