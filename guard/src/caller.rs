//! Who calls, and how that is known, whatever the kind of credential.
use crate::{access::Access, clock::Clock, scopes::Policy};
use axum::http::Extensions;
use std::time::Duration;
use time::OffsetDateTime;

/// Who acts: issuer (or kind of credential), subject, and client.
pub type Principal = [String; 3];

/// The authentication scheme where anybody may call.
pub const NO_SCHEME: &str = "none";

/// The gate leaves it in the extensions of the request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    /// The authentication scheme; [`NO_SCHEME`] where anybody may call.
    pub scheme: &'static str,
    /// `None`: the credential is not limited to scopes.
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<OffsetDateTime>,
    /// What the access token says, if that is what was brought.
    pub access: Option<Access>,
    /// Whose legacy sessions it may use beside its own.
    pub joins: Option<Principal>,
    /// The name people know the subject by, if the credential is none that says it.
    pub username: Option<String>,
    /// Has somebody shown who they are, although the scheme asks for nothing?
    pub is_identified: bool,
    /// What the kind of credential knows beside, for the checks and tools of its own program.
    pub extensions: Extensions,
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
            username: None,
            is_identified: false,
            extensions: Extensions::new(),
        }
    }

    /// The name people know the subject by, if one is known.
    pub fn username(&self) -> Option<&str> {
        let told = self.access.as_ref().and_then(|access| access.username.as_deref());
        told.or(self.username.as_deref())
    }

    /// Has somebody shown who they are?
    pub fn is_known(&self) -> bool {
        self.scheme != NO_SCHEME || self.is_identified
    }

    /// Do its scopes, if it is limited to some, hold every needed one?
    pub fn holds(&self, policy: &Policy, needed: &[String]) -> bool {
        let Some(held) = &self.scopes else { return true };
        self.access
            .as_ref()
            .map_or_else(|| policy.allows(held, needed), |access| policy.allows_with(&access.implied, held, needed))
    }

    pub fn may_call(&self, policy: &Policy, tool: &str) -> bool {
        self.holds(policy, policy.needed("tools/call", Some(tool)))
    }

    /// These scopes, and what the credential has of those that mean something here.
    pub fn beside_those_held(&self, policy: &Policy, needed: &[String]) -> Vec<String> {
        let said = |scope: &str| self.access.as_ref().is_some_and(|access| access.implied.contains_key(scope));
        let held = self.scopes.iter().flatten();
        let held = held.filter(|held| (policy.knows(held) || said(held)) && !needed.contains(held));
        needed.iter().chain(held).cloned().collect()
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
