//! Who somebody is, and by what that is known.
use super::{person::User, roles::Permission};
use std::sync::Arc;

/// By what somebody is known; it counts only while it is neither ended nor revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Session(String),
    ApiKey(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub user: Arc<User>,
    /// Of the role, and no more than the API key has.
    pub permissions: Vec<Permission>,
    pub proof: Proof,
}
