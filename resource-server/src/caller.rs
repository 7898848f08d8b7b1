//! Who calls, and how that is known, whatever the kind of credential.
use crate::{accounts::Identity, attempts::Asker, clock::Clock, scopes::Policy, verify::Access};
use std::time::Duration;
use time::OffsetDateTime;

/// Who acts: issuer (or kind of credential), subject, and client.
pub(crate) type Principal = [String; 3];

/// The gate leaves it in the extensions of the request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub principal: Principal,
    /// The authentication scheme; `none` where anybody may call.
    pub scheme: &'static str,
    /// `None`: the credential is not limited to scopes.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<OffsetDateTime>,
    /// What the access token says, if that is what was brought.
    pub access: Option<Access>,
    /// Whose legacy sessions it may use beside its own.
    pub joins: Option<Principal>,
    /// Where people log in by tools: who the credential says, and who logged in on this connection.
    pub known: Known,
    pub asker: Asker,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub bearer: Option<Identity>,
    pub connection: Option<Identity>,
}

impl Known {
    pub fn first(&self) -> Option<&Identity> {
        self.bearer.as_ref().or(self.connection.as_ref())
    }
}

impl Caller {
    /// With a credential that is no access token: `kind` of credential, and whose it is there.
    pub fn of_kind(kind: &str, subject: &str, scheme: &'static str) -> Self {
        let principal = [kind, subject, ""].map(str::to_owned);
        Self {
            principal,
            scheme,
            scopes: None,
            expires_at: None,
            access: None,
            joins: None,
            known: Known::default(),
            asker: Asker::default(),
        }
    }

    /// The name people know the subject by, if one is known.
    pub fn username(&self) -> Option<&str> {
        let told = self.access.as_ref().and_then(|access| access.username.as_deref());
        told.or_else(|| self.known.first().map(|identity| identity.user.username.as_str()))
    }

    /// Has somebody shown who they are?
    pub fn is_known(&self) -> bool {
        self.scheme != "none" || self.known.first().is_some()
    }

    /// As who sends a message that belongs to no session, whoever logged in on one.
    pub fn without_connection(self) -> Self {
        let joined = self.joins.clone().filter(|_| self.known.bearer.is_none());
        let principal = joined.unwrap_or_else(|| self.principal.clone());
        Self { principal, known: Known { connection: None, ..self.known }, ..self }
    }

    /// Do its scopes, if it is limited to some, hold every needed one?
    pub fn holds(&self, policy: &Policy, needed: &[String]) -> bool {
        let Some(held) = &self.scopes else { return true };
        self.access
            .as_ref()
            .map_or_else(|| policy.allows(held, needed), |access| policy.allows_with(&access.implied, held, needed))
    }

    pub fn subject(&self) -> &str {
        &self.principal[1]
    }

    /// How long the credential is still good.
    pub fn left(&self, clock: &Clock) -> Duration {
        self.expires_at.map_or(Duration::MAX, |at| (at - clock.now()).try_into().unwrap_or_default())
    }
}

impl From<Access> for Caller {
    fn from(access: Access) -> Self {
        let caller = Self::of_kind("", "", access.scheme.as_str());
        Self {
            principal: [access.issuer.clone(), access.subject.clone(), access.client_id.clone()],
            scopes: Some(access.scopes.clone()),
            expires_at: Some(access.expires_at),
            access: Some(access),
            ..caller
        }
    }
}
