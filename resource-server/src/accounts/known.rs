//! The identities of a caller on a surface where people log in with tools.
use super::identity::Identity;
use keyward_guard::caller::Caller;

/// The identities of one request, carried by its caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// The identity that the credential proves.
    pub bearer: Option<Identity>,
    /// The identity that logged in on the request's connection.
    pub connection: Option<Identity>,
}

impl Known {
    pub fn of(caller: &Caller) -> Self {
        caller.extensions.get().cloned().unwrap_or_default()
    }

    pub fn first(&self) -> Option<&Identity> {
        self.bearer.as_ref().or(self.connection.as_ref())
    }

    /// The same caller with this identity.
    pub fn introduce(self, mut caller: Caller) -> Caller {
        caller.username = self.first().map(|identity| identity.user.username.clone());
        caller.is_identified = self.first().is_some();
        caller.extensions.insert(self);
        caller
    }
}
