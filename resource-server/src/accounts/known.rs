//! Who is known on a surface where people log in by tools.
use super::identity::Identity;
use keyward_guard::caller::Caller;

/// Of one request; its caller carries it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Who the credential says.
    pub bearer: Option<Identity>,
    /// Who logged in on the connection that the request is part of.
    pub connection: Option<Identity>,
}

impl Known {
    pub fn of(caller: &Caller) -> Self {
        caller.extensions.get().cloned().unwrap_or_default()
    }

    pub fn first(&self) -> Option<&Identity> {
        self.bearer.as_ref().or(self.connection.as_ref())
    }

    /// The same caller, known by this.
    pub fn introduce(self, mut caller: Caller) -> Caller {
        caller.username = self.first().map(|identity| identity.user.username.clone());
        caller.is_identified = self.first().is_some();
        caller.extensions.insert(self);
        caller
    }
}
