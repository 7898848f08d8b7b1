//! Which tokens of other resources may be exchanged for a resource's own, and by whom (RFC 8693).
use crate::model::{ClientId, Scopes};
use std::collections::BTreeMap;

/// What the operator allows: this client turns tokens of another resource into tokens of the one the rule is for.
#[derive(Clone, Debug)]
pub struct ExchangeRule {
    pub client: ClientId,
    /// The identifier of that other resource.
    pub from: String,
    /// What a scope there is worth here; if empty, each is worth the scope of the same name.
    pub scopes: BTreeMap<String, Scopes>,
}

impl ExchangeRule {
    /// What these scopes of the other resource are worth here at most.
    #[must_use]
    pub fn worth(&self, scopes: &Scopes) -> Scopes {
        if self.scopes.is_empty() {
            return scopes.clone();
        }
        let known = scopes.iter().filter_map(|scope| self.scopes.get(scope));
        known.fold(Scopes::default(), |all, worth| all.union(worth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_keep_their_name_unless_the_rule_says_what_they_are_worth() {
        let scopes = |text| Scopes::parse(text).unwrap();
        let mut rule = ExchangeRule { client: "c".into(), from: "https://a".into(), scopes: BTreeMap::new() };
        assert_eq!(rule.worth(&scopes("a:read b:read")).to_string(), "a:read b:read");
        rule.scopes = [("a:read".into(), scopes("b:list b:get")), ("a:write".into(), scopes("b:get b:put"))].into();
        assert_eq!(rule.worth(&scopes("a:read b:read")).to_string(), "b:list b:get");
        assert_eq!(rule.worth(&scopes("a:read a:write")).to_string(), "b:list b:get b:put");
        assert_eq!(rule.worth(&scopes("b:put")).to_string(), "");
    }
}
