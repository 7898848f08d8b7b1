//! Token exchange (RFC 8693): what is asked, who may ask for it, and who acts for whom.
use super::{params::Params, resource::Resource};
use crate::{
    error::OAuthError,
    model::{ClientId, Scopes},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// RFC 8693 §3.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A request (RFC 8693 §2.1), well-formed but not yet judged.
pub struct TokenExchange<'a> {
    pub subject_token: &'a str,
    pub actor_token: Option<&'a str>,
    /// Each `resource`, then each `audience`: here both name resources.
    pub targets: Vec<&'a str>,
    /// `None` if the request names no scope.
    pub scopes: Option<Scopes>,
}

impl<'a> TokenExchange<'a> {
    pub fn parse(params: &'a Params) -> Result<Self, OAuthError> {
        let subject_token = params.require("subject_token")?;
        let actor_token = params.get("actor_token")?;
        check_type("subject_token_type", params.require("subject_token_type")?)?;
        match (actor_token, params.get("actor_token_type")?) {
            (Some(_), Some(named)) => check_type("actor_token_type", named)?,
            (None, None) => {}
            _ => {
                let sentence = "actor_token and actor_token_type come together (RFC 8693 section 2.1)";
                return Err(OAuthError::invalid_request(sentence));
            }
        }
        if params.get("requested_token_type")?.is_some_and(|asked| asked != ACCESS_TOKEN) {
            return Err(OAuthError::invalid_request("requested_token_type must be the one of access tokens"));
        }
        let malformed = || OAuthError::invalid_scope("scope must be scope tokens with single spaces between them");
        let scopes = params.get("scope")?.map(|scope| Scopes::parse(scope).ok_or_else(malformed)).transpose()?;
        Ok(Self {
            subject_token,
            actor_token,
            targets: params.all("resource").chain(params.all("audience")).collect(),
            scopes,
        })
    }
}

fn check_type(name: &'static str, named: &str) -> Result<(), OAuthError> {
    [ACCESS_TOKEN, JWT]
        .contains(&named)
        .then_some(())
        .ok_or_else(|| OAuthError::invalid_request(format!("{name} must be the one of access tokens or JWTs")))
}

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

    /// What the operator got wrong, in words.
    pub(super) fn check(&self, here: &Resource, all: &[Resource]) -> Result<(), String> {
        let Some(there) = all.iter().find(|resource| resource.identifier == self.from) else {
            return Err(format!("exchange: {} is not among the resources", self.from));
        };
        let (theirs, ours) = (self.scopes.keys(), self.scopes.values().flat_map(Scopes::iter));
        let stray = theirs.map(String::as_str).find(|scope| there.scope(scope).is_none());
        match stray.or(ours.into_iter().find(|scope| here.scope(scope).is_none())) {
            Some(stray) => Err(format!("exchange: scope {stray} is not among the scopes of its resource")),
            None => Ok(()),
        }
    }
}

/// Who acts (RFC 8693 §4.1): the outermost does now, those inside did before and are there for the record only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.act.as_ref().map_or(0, |earlier| earlier.count())
    }
}

/// Whether `may_act` (RFC 8693 §4.4) names this one: by nothing but claims that are known to be the actor's.
#[must_use]
pub fn names(may_act: &Map<String, Value>, actor: &[(&str, &str)]) -> bool {
    let is_the_actors = |(name, value): (&String, &Value)| actor.iter().any(|(held, own)| name == held && value == own);
    !may_act.is_empty() && may_act.iter().all(is_the_actors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    #[test]
    fn whoever_may_act_is_named_by_all_that_is_said() {
        let actor = [("iss", "https://as"), ("sub", "server"), ("client_id", "server")];
        let may = |value: Value| names(value.as_object().unwrap(), &actor);
        assert!(may(json!({"sub": "server"})));
        assert!(may(json!({"sub": "server", "iss": "https://as", "client_id": "server"})));
        for other in [
            json!({}),
            json!({"sub": "other"}),
            json!({"sub": "server", "iss": "https://elsewhere"}),
            json!({"sub": "server", "email": "server@example"}),
            json!({"sub": ["server"]}),
        ] {
            assert!(!may(other.clone()), "{other}");
        }
    }
}
