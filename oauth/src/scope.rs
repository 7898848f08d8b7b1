//! A set of scopes (RFC 6749 §3.3): separated by spaces, case-sensitive, in order, without repeats.
use std::fmt;

/// Scopes of OpenID Connect Core §5.4 and §11: they are about the user and the grant, so they are allowed beside every
/// resource's.
pub const OIDC_SCOPES: [&str; 4] = ["openid", "profile", "email", OFFLINE_ACCESS];
pub const OFFLINE_ACCESS: &str = "offline_access";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// RFC 6749 §3.3: tokens of %x21 / %x23-5B / %x5D-7E, separated by single spaces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let well_formed = |token: &str| !token.is_empty() && token.bytes().all(allowed);
        text.split(' ').all(well_formed).then(|| text.split(' ').collect())
    }
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|held| held == scope)
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.contains(scope))
    }
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
    /// All of these, then those of `other` that are missing.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }
    /// The scopes for which `keep` is true.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        self.iter().filter(|scope| keep(scope)).collect()
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        let mut all = Vec::<String>::new();
        for scope in scopes {
            if !all.iter().any(|held| held == scope) {
                all.push(scope.to_owned());
            }
        }
        Self(all)
    }
}

/// Stored scopes were checked before they were stored.
impl From<String> for Scopes {
    fn from(text: String) -> Self {
        text.split(' ').filter(|scope| !scope.is_empty()).collect()
    }
}

impl From<Scopes> for Vec<String> {
    fn from(scopes: Scopes) -> Self {
        scopes.0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[must_use]
pub fn is_scope_token(text: &str) -> bool {
    !text.contains(' ') && Scopes::parse(text).is_some_and(|scopes| !scopes.is_empty())
}
