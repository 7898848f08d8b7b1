//! Protected resources (RFC 8707) and the scopes that mean something there.
mod exchange_rule;
mod scope_rules;

pub use exchange_rule::ExchangeRule;
pub use keyward_oauth::resource_identifier::is_identifier;
use keyward_oauth::resource_identifier::normalized;
pub use keyward_oauth::scope::{OFFLINE_ACCESS, OIDC_SCOPES, is_scope_token};

use crate::{
    error::OAuthError,
    model::{Role, Scopes},
    secrets::Digest,
};
pub use scope_rules::ScopeRule;
use serde::{Deserialize, Serialize};

/// A server that accepts our access tokens, as the operator configured it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The `aud` of its tokens, in this very spelling.
    pub identifier: String,
    /// For people.
    pub name: String,
    pub scopes: Vec<ScopeRule>,
    /// What a request that names no scope gets.
    pub default_scopes: Scopes,
    /// JWS `alg` of its access tokens, if not the server's default.
    pub signing_alg: Option<String>,
    /// Seconds, if not the server's default.
    pub access_token_lifetime: Option<u32>,
    /// If not the server's default.
    pub access_token_format: Option<AccessTokenFormat>,
    pub introspection: Option<IntrospectionCredentials>,
    /// Which tokens of other resources may be exchanged for its own (RFC 8693), and by whom.
    pub exchange: Vec<ExchangeRule>,
}

/// What an access token is to the server that it is meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Says what it is worth, signed (RFC 9068).
    #[default]
    Jwt,
    /// Says nothing: its holder is asked about here (RFC 7662).
    Opaque,
}

/// How a resource server authenticates when it introspects (RFC 7662 §2.1).
#[derive(Clone, Debug)]
pub struct IntrospectionCredentials {
    pub id: String,
    pub secret: Digest,
    /// JWS `alg` of the signed answers it asks for (RFC 9701 §6), if not the default.
    pub signed_response_alg: Option<String>,
}

impl Resource {
    #[must_use]
    pub fn scope(&self, name: &str) -> Option<&ScopeRule> {
        self.scopes.iter().find(|rule| rule.name == name)
    }

    #[must_use]
    pub fn allows(&self, scope: &str, role: Role) -> bool {
        self.scope(scope).is_some_and(|rule| rule.roles.is_empty() || rule.roles.contains(&role))
    }

    /// These scopes, and the narrower ones that they bring along here: guards take the one for the other, so whoever
    /// holds them may have any of it.
    #[must_use]
    pub fn reach(&self, held: &Scopes) -> Scopes {
        scope_rules::reach(&self.scopes, held)
    }

    /// What whoever holds these gets who asks for those; `None` if it asks for more.
    #[must_use]
    pub fn held_of(&self, held: &Scopes, asked: &Scopes) -> Option<Scopes> {
        scope_rules::held_of(&self.scopes, held, asked)
    }

    pub fn listed(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().filter(|rule| rule.listed).map(|rule| rule.name.as_str())
    }
}

/// All resources; the first is the default.
#[derive(Clone, Debug)]
pub struct Resources(Vec<Resource>);

impl Resources {
    /// The error is for the operator and names the resource.
    pub fn new(resources: Vec<Resource>) -> Result<Self, String> {
        let mut all = Self(Vec::new());
        for resource in resources {
            let identifier = &resource.identifier;
            if !is_identifier(identifier) {
                return Err(format!("resource {identifier}: the identifier must be an absolute URI without fragment"));
            }
            if all.find(identifier).is_some() {
                return Err(format!("resource {identifier}: the identifier is used twice"));
            }
            if let Some(bad) = resource.scopes.iter().find(|rule| !is_scope_token(&rule.name)) {
                return Err(format!("resource {identifier}: {:?} is not a scope (RFC 6749 §3.3)", bad.name));
            }
            check_names(&resource.scopes).map_err(|error| format!("resource {identifier}: {error}"))?;
            if let Some(stray) = resource.default_scopes.iter().find(|scope| resource.scope(scope).is_none()) {
                return Err(format!("resource {identifier}: default scope {stray} is not among its scopes"));
            }
            all.0.push(Resource { scopes: scope_rules::complete(resource.scopes), ..resource });
        }
        for resource in all.iter() {
            let wrong = |error| format!("resource {}: {error}", resource.identifier);
            resource.exchange.iter().try_for_each(|rule| check_exchange(rule, resource, &all.0)).map_err(wrong)?;
        }
        Ok(all)
    }

    /// The resource a client means: upper case in scheme and host and one slash behind a bare origin make no
    /// difference (RFC 3986 §6.2.2.1 and §6.2.3; URL libraries add that slash).
    #[must_use]
    pub fn find(&self, requested: &str) -> Option<&Resource> {
        let exact = self.iter().find(|resource| resource.identifier == requested);
        exact.or_else(|| {
            let requested = normalized(requested)?;
            self.iter().find(|resource| normalized(&resource.identifier).as_ref() == Some(&requested))
        })
    }

    #[must_use]
    pub fn default(&self) -> Option<&Resource> {
        self.0.first()
    }

    /// Whether one of them means something, but not to the default resource. Clients that repeat `scopes_supported` as
    /// it is, some do, have chosen nothing: they mean what the default resource knows of it.
    #[must_use]
    pub fn reaches_elsewhere(&self, asked: &Scopes) -> bool {
        let known = |scope: &str| self.default().is_some_and(|default| default.scope(scope).is_some());
        let mut all = self.0.iter().flat_map(|resource| &resource.scopes).map(|rule| rule.name.as_str());
        let everything = self.0.iter().flat_map(Resource::listed).all(|scope| asked.contains(scope));
        !everything && all.any(|scope| asked.contains(scope) && !known(scope))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.0.iter()
    }

    /// Those requested, each once; the default if none is. `invalid_target` (RFC 8707 §2) for an unknown one.
    pub fn select(&self, requested: &[String]) -> Result<Vec<&Resource>, OAuthError> {
        if requested.is_empty() {
            let missing = || OAuthError::invalid_target("resource is missing and there is no default");
            return Ok(vec![self.default().ok_or_else(missing)?]);
        }
        let mut selected = Vec::<&Resource>::new();
        for requested in requested {
            let unknown = || OAuthError::invalid_target("resource is not known to this server");
            let resource = self.find(requested).ok_or_else(unknown)?;
            if !selected.iter().any(|held| held.identifier == resource.identifier) {
                selected.push(resource);
            }
        }
        Ok(selected)
    }
}

/// Each name means one thing, and what a scope brings along is a scope.
fn check_names(rules: &[ScopeRule]) -> Result<(), String> {
    let known = |name: &str| rules.iter().filter(|rule| rule.name == name).count();
    for rule in rules {
        if known(&rule.name) > 1 {
            return Err(format!("the scope {} is there twice: a name is a scope, or another name of one", rule.name));
        }
        if let Some(stray) = rule.implies.iter().find(|narrower| known(narrower) == 0) {
            return Err(format!("the scope {} implies {stray}, which is not among the scopes: add it", rule.name));
        }
    }
    Ok(())
}

/// What the operator got wrong, in words.
fn check_exchange(rule: &ExchangeRule, here: &Resource, all: &[Resource]) -> Result<(), String> {
    let Some(there) = all.iter().find(|resource| resource.identifier == rule.from) else {
        return Err(format!("exchange: {} is not among the resources", rule.from));
    };
    let (theirs, ours) = (rule.scopes.keys(), rule.scopes.values().flat_map(Scopes::iter));
    let stray = theirs.map(String::as_str).find(|scope| there.scope(scope).is_none());
    match stray.or(ours.into_iter().find(|scope| here.scope(scope).is_none())) {
        Some(stray) => Err(format!("exchange: scope {stray} is not among the scopes of its resource")),
        None => Ok(()),
    }
}

/// What a client asks for, and what it may have at all.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// Empty if the request names no scope.
    pub requested: Scopes,
    /// What it registered as its default.
    pub default: Scopes,
    /// The most it is ever granted; `None` sets no limit.
    pub limit: Option<Scopes>,
    /// To a client that never gets a refresh token `offline_access` would be an empty promise.
    pub refreshes: bool,
    /// Empty: only our own claims about the user.
    pub resources: &'a [&'a Resource],
}

/// What comes of it, for a user of some role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantable {
    pub scopes: Scopes,
    /// Asked for too and known here, but not for this role.
    pub withheld: Scopes,
}

impl Asking<'_> {
    /// What a user of this role may grant: what is requested, else what the client registered as its default. A
    /// resource of which nothing was named adds its own default, for a token without a scope of its resource opens
    /// nothing there; if one is left without, all of it is `invalid_scope`, as the token endpoint would refuse it.
    /// Scopes nobody knows or the role may not have are left out, and the answer reports what was granted
    /// (RFC 6749 §3.3).
    pub fn grantable(&self, role: Role) -> Result<Grantable, OAuthError> {
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
            Ok(Grantable { scopes, withheld: self.withheld(&asked, role) })
        } else {
            Err(refused(&self.withheld(&all, role)))
        }
    }

    /// Whether anybody may grant it; if nobody may, there is nobody to ask.
    pub fn is_grantable(&self) -> Result<(), OAuthError> {
        let anybody = Role::ALL.iter().any(|role| self.grantable(*role).is_ok());
        anybody.then_some(()).ok_or_else(|| refused(&Scopes::default()))
    }

    /// Clients that know no scope still ask for `offline_access`: alone it names no access, so it comes beside what
    /// the client registered.
    fn named(&self, role: Role) -> Scopes {
        let registered = self.open(&self.default, role);
        let takes_it = !self.requested.iter().any(names_access) && registered.iter().any(names_access);
        if takes_it { registered.union(&self.requested) } else { self.requested.clone() }
    }

    /// Those of them that a user of this role may grant to this client.
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
    use proptest::prelude::*;

    fn resource(identifier: &str, prefix: &str) -> Resource {
        let rule = |name: &str, roles: &[Role]| ScopeRule {
            name: format!("{prefix}:{name}"),
            description: "Read".to_owned(),
            roles: roles.to_vec(),
            implies: vec![],
            listed: true,
        };
        Resource {
            identifier: identifier.to_owned(),
            name: "Demo".to_owned(),
            scopes: vec![rule("read", &[]), rule("write", &[Role::Admin, Role::User]), rule("admin", &[Role::Admin])],
            default_scopes: scopes(&format!("{prefix}:read")),
            signing_alg: None,
            access_token_lifetime: None,
            access_token_format: None,
            introspection: None,
            exchange: vec![],
        }
    }

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    fn two() -> Resources {
        let one = resource("https://mcp.example", "mcp");
        Resources::new(vec![one, resource("https://mcp.example/Files/", "files")]).unwrap()
    }

    #[test]
    fn a_resource_is_found_despite_case_of_scheme_and_host_and_one_slash_on_an_origin() {
        let all = two();
        for requested in ["https://mcp.example", "https://mcp.example/", "HTTPS://MCP.Example/", "https://MCP.example"]
        {
            assert_eq!(all.find(requested).unwrap().identifier, "https://mcp.example", "{requested}");
        }
        assert_eq!(all.find("https://MCP.example/Files/").unwrap().identifier, "https://mcp.example/Files/");
        for requested in [
            "https://mcp.example//",
            "https://mcp.example/?",
            "https://mcp.example:443",
            "https://mcp.example/files/",
            "https://mcp.example/Files",
            "https://mcp.example/Files//",
            "http://mcp.example",
            "mcp.example",
            "",
        ] {
            assert!(all.find(requested).is_none(), "{requested}");
        }
    }

    #[test]
    fn the_first_resource_is_the_default_and_an_unknown_one_is_an_invalid_target() {
        let all = two();
        let select = |requested: &[&str]| {
            let requested: Vec<_> = requested.iter().map(ToString::to_string).collect();
            let names = |found: Vec<&Resource>| found.iter().map(|one| one.identifier.clone()).collect::<Vec<_>>();
            all.select(&requested).map(names).map_err(|error| error.code)
        };
        assert_eq!(select(&[]).unwrap(), ["https://mcp.example"]);
        assert_eq!(select(&["https://mcp.example/", "HTTPS://mcp.example"]).unwrap(), ["https://mcp.example"]);
        assert_eq!(select(&["https://mcp.example", "https://mcp.example/Files/"]).unwrap().len(), 2);
        assert_eq!(select(&["https://mcp.example", "https://evil.example"]).unwrap_err(), "invalid_target");
        assert_eq!(Resources(Vec::new()).select(&[]).unwrap_err().code, "invalid_target");
    }

    #[test]
    fn what_an_operator_got_wrong_is_told() {
        let wrong = |resources: Vec<Resource>| Resources::new(resources).unwrap_err();
        for identifier in ["", "mcp", "/mcp", "https://", "https://a#", "https://a b"] {
            assert!(wrong(vec![resource(identifier, "a")]).contains("absolute URI"), "{identifier}");
        }
        assert!(wrong(vec![resource("https://a", "a"), resource("HTTPS://A/", "a")]).contains("twice"));
        let stray = Resource { default_scopes: scopes("b:read"), ..resource("https://a", "a") };
        assert!(wrong(vec![stray]).contains("b:read"));
        assert!(wrong(vec![resource("https://a", "a b")]).contains("not a scope"));
    }

    fn grant(requested: &str, default: &str, resources: &[&Resource], role: Role) -> Result<String, OAuthError> {
        asking(requested, default, resources).grantable(role).map(|granted| granted.scopes.to_string())
    }

    fn asking<'a>(requested: &str, default: &str, resources: &'a [&'a Resource]) -> Asking<'a> {
        let (requested, default) = (scopes(requested), scopes(default));
        Asking { requested, default, limit: None, refreshes: true, resources }
    }

    #[test]
    fn what_may_be_granted_depends_on_request_resource_and_role() {
        let all = two();
        let both: Vec<_> = all.iter().collect();
        let user = |requested, default| grant(requested, default, &both[..1], Role::User).map_err(|error| error.code);
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

    proptest! {
        #[test]
        fn any_text_finds_a_resource_or_none(text in "\\PC*") {
            prop_assert!(two().find(&text).is_none() || text.to_ascii_lowercase().starts_with("https://mcp.example"));
        }
    }
}
