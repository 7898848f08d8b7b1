//! Which of its requested scopes a client may be granted (RFC 6749 §3.3).
use super::resource::Resource;
use crate::{
    error::OAuthError,
    model::{Role, Scopes},
};
use keyward_oauth::scope::{OFFLINE_ACCESS, OIDC_SCOPES};

/// The scopes that a client requests, and the limits for them.
#[derive(Clone, Debug)]
pub struct ScopeRequest<'a> {
    /// Empty if the request names no scope.
    pub requested: Scopes,
    /// The client's registered default.
    pub default: Scopes,
    /// The most scopes the client is ever granted; `None` sets no limit.
    pub limit: Option<Scopes>,
    /// Whether the client gets refresh tokens; otherwise `offline_access` is not granted.
    pub refreshes: bool,
    /// Empty if only claims about the user are requested.
    pub resources: &'a [&'a Resource],
}

/// The result, for a user with a certain role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantableScopes {
    pub scopes: Scopes,
    /// Requested scopes that exist here but that this role may not grant.
    pub withheld: Scopes,
}

impl ScopeRequest<'_> {
    /// The scopes that a user with this role may grant: the requested ones, or else the client's registered default. A
    /// resource of which no scope was named adds its own default scopes, as a token without any of its scopes is
    /// useless there; if a resource still has none, the result is `invalid_scope`, as it would be at the token
    /// endpoint. Unknown scopes, and those the role may not grant, are left out, and the response reports what was
    /// granted (RFC 6749 §3.3).
    pub fn grantable(&self, role: Role) -> Result<GrantableScopes, OAuthError> {
        let asked = self.named(role);
        let understood = self.open(&asked, role).iter().any(names_access);
        if !understood && asked.iter().any(names_access) {
            return Err(refused(&self.withheld(&asked, role)));
        }
        let unnamed = self.resources.iter().filter(|one| !asked.iter().any(|scope| one.scope(scope).is_some()));
        let defaults = unnamed.fold(Scopes::default(), |all, one| all.union(&one.default_scopes));
        let all = if understood { asked.union(&defaults) } else { defaults.union(&asked) };
        let scopes = self.open(&all, role);
        let usable = match self.resources {
            [] => understood,
            resources => resources.iter().all(|one| scopes.iter().any(|scope| one.allows(scope, role))),
        };
        if usable {
            Ok(GrantableScopes { scopes, withheld: self.withheld(&asked, role) })
        } else {
            Err(refused(&self.withheld(&all, role)))
        }
    }

    /// Whether a user of any role could grant the request; if not, nobody is asked.
    pub fn is_grantable(&self) -> Result<(), OAuthError> {
        let anybody = Role::ALL.iter().any(|role| self.grantable(*role).is_ok());
        anybody.then_some(()).ok_or_else(|| refused(&Scopes::default()))
    }

    /// The named scopes. A client that requests only `offline_access` names no access, so its registered default is
    /// added.
    fn named(&self, role: Role) -> Scopes {
        let registered = self.open(&self.default, role);
        let takes_it = !self.requested.iter().any(names_access) && registered.iter().any(names_access);
        if takes_it { registered.union(&self.requested) } else { self.requested.clone() }
    }

    /// The scopes among these that a user with this role may grant to this client.
    #[must_use]
    pub fn open(&self, scopes: &Scopes, role: Role) -> Scopes {
        scopes.filter(|scope| {
            let known = match scope {
                OFFLINE_ACCESS => self.refreshes,
                _ if OIDC_SCOPES.contains(&scope) => true,
                _ => self.resources.iter().any(|resource| resource.allows(scope, role)),
            };
            let within = |limit: &Scopes| {
                let held = |resource: &&Resource| resource.allows(scope, role) && resource.reach(limit).contains(scope);
                limit.contains(scope) || self.resources.iter().any(held)
            };
            known && self.limit.as_ref().is_none_or(within)
        })
    }

    fn withheld(&self, scopes: &Scopes, role: Role) -> Scopes {
        let known = |scope: &str| self.resources.iter().any(|resource| resource.scope(scope).is_some());
        let allowed = |scope: &str| self.resources.iter().any(|resource| resource.allows(scope, role));
        scopes.filter(|scope| known(scope) && !allowed(scope))
    }
}

fn names_access(scope: &str) -> bool {
    scope != OFFLINE_ACCESS
}

fn refused(withheld: &Scopes) -> OAuthError {
    if withheld.is_empty() {
        return OAuthError::invalid_scope("none of the scopes exists here and is open to this client");
    }
    OAuthError::invalid_scope(format!("this account may not have {withheld}: ask the operator of this server for it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::tests::{resource, scopes, two};

    fn grant(requested: &str, default: &str, resources: &[&Resource], role: Role) -> Result<String, OAuthError> {
        asking(requested, default, resources).grantable(role).map(|granted| granted.scopes.to_string())
    }

    fn asking<'a>(requested: &str, default: &str, resources: &'a [&'a Resource]) -> ScopeRequest<'a> {
        let (requested, default) = (scopes(requested), scopes(default));
        ScopeRequest { requested, default, limit: None, refreshes: true, resources }
    }

    #[test]
    fn what_may_be_granted_depends_on_request_resource_and_role() {
        let all = two();
        let both: Vec<_> = all.iter().collect();
        let user =
            |requested, default| grant(requested, default, &both[..1], Role::User).map_err(|error| error.code.as_str());
        for (requested, default, granted) in [
            ("mcp:write openid mcp:admin files:read x", "", Ok("mcp:write openid")),
            ("mcp:write", "mcp:read", Ok("mcp:write")),
            ("mcp:admin", "", Err("invalid_scope")),
            ("mcp:admin offline_access", "", Err("invalid_scope")),
            ("mcp:admin openid", "", Err("invalid_scope")),
            ("files:read", "mcp:read", Err("invalid_scope")),
            ("files:read offline_access", "mcp:read", Err("invalid_scope")),
            ("", "mcp:write mcp:admin", Ok("mcp:write")),
            ("", "unknown", Ok("mcp:read")),
            ("", "openid", Ok("openid mcp:read")),
            ("", "", Ok("mcp:read")),
            ("offline_access", "", Ok("mcp:read offline_access")),
            ("offline_access", "mcp:write", Ok("mcp:write offline_access")),
            ("openid", "", Ok("openid mcp:read")),
            ("openid profile email offline_access", "", Ok("openid profile email offline_access mcp:read")),
            ("openid x", "", Ok("openid mcp:read")),
        ] {
            assert_eq!(user(requested, default), granted.map(str::to_owned), "{requested:?}, {default:?}");
        }
        assert_eq!(grant("", "", &both, Role::Readonly).unwrap(), "mcp:read files:read");
        assert_eq!(grant("mcp:read", "", &both, Role::Readonly).unwrap(), "mcp:read files:read");
        assert_eq!(grant("mcp:admin", "", &both[..1], Role::Admin).unwrap(), "mcp:admin");
        for alone in ["mcp:read", "offline_access", "", "x"] {
            assert_eq!(grant(alone, "", &[], Role::Admin).unwrap_err().code, "invalid_scope", "{alone}");
        }
        assert_eq!(grant("profile offline_access", "", &[], Role::Admin).unwrap(), "profile offline_access");
    }

    #[test]
    fn who_may_not_have_it_is_told_what_and_whom_to_ask_and_a_limit_holds_for_all() {
        let all = two();
        let both: Vec<_> = all.iter().collect();
        let told = grant("mcp:admin openid", "", &both[..1], Role::User).unwrap_err().description;
        assert_eq!(told, "this account may not have mcp:admin: ask the operator of this server for it");
        let mut asking = asking("mcp:admin mcp:read offline_access", "", &both[..1]);
        asking.limit = Some(scopes("mcp:read mcp:admin"));
        let granted = asking.grantable(Role::User).unwrap();
        assert_eq!((granted.scopes, granted.withheld), (scopes("mcp:read"), scopes("mcp:admin")));
        asking.limit = Some(Scopes::default());
        assert!(asking.is_grantable().is_err() && asking.grantable(Role::Admin).is_err());
        (asking.limit, asking.refreshes) = (None, false);
        assert_eq!(asking.grantable(Role::Admin).unwrap().scopes, scopes("mcp:admin mcp:read"));
    }

    #[test]
    fn what_one_role_alone_may_grant_is_grantable_whichever_role_that_is() {
        let mut one = resource("https://mcp.example", "mcp");
        one.scopes[2].roles = vec![Role::Service];
        let resources = [&one];
        let asking = asking("mcp:admin", "", &resources);
        assert!(asking.is_grantable().is_ok());
        assert!(asking.grantable(Role::Admin).is_err() && asking.grantable(Role::Service).is_ok());
    }
}
