//! Which tokens of other resources may be exchanged for a resource's own, and by whom (RFC 8693).
use crate::model::{ClientId, Scopes};
use std::collections::BTreeMap;

/// A permission of the operator: this client may exchange tokens of another resource for tokens of the rule's resource.
#[derive(Clone, Debug)]
pub struct ExchangeRule {
    pub client: ClientId,
    /// The identifier of the other resource.
    pub from: String,
    /// Maps scopes of the other resource to scopes here; if empty, scopes keep their names.
    pub scopes: BTreeMap<String, Scopes>,
}

impl ExchangeRule {
    /// The most scopes here that these scopes of the other resource can be exchanged for.
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
