//! Token exchange (RFC 8693): the request, the actors, and who may act.
use super::{params::Params, scope::Scopes};
use crate::error::ProtocolError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// RFC 8693 §3.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A well-formed request (RFC 8693 §2.1), not yet checked against policies.
pub struct TokenExchange<'a> {
    pub subject_token: &'a str,
    pub actor_token: Option<&'a str>,
    /// Each `resource`, then each `audience`: both name resources here.
    pub targets: Vec<&'a str>,
    /// `None` if the request names no scope.
    pub scopes: Option<Scopes>,
}

impl<'a> TokenExchange<'a> {
    pub fn parse(params: &'a Params) -> Result<Self, ProtocolError> {
        let subject_token = params.require("subject_token")?;
        let actor_token = params.get("actor_token")?;
        check_type("subject_token_type", params.require("subject_token_type")?)?;
        match (actor_token, params.get("actor_token_type")?) {
            (Some(_), Some(named)) => check_type("actor_token_type", named)?,
            (None, None) => {}
            _ => {
                let sentence = "actor_token and actor_token_type come together (RFC 8693 section 2.1)";
                return Err(ProtocolError::invalid_request(sentence));
            }
        }
        if params.get("requested_token_type")?.is_some_and(|asked| asked != ACCESS_TOKEN) {
            return Err(ProtocolError::invalid_request("requested_token_type must be the one of access tokens"));
        }
        let malformed = || ProtocolError::invalid_scope("scope must be scope tokens with single spaces between them");
        let scopes = params.get("scope")?.map(|scope| Scopes::parse(scope).ok_or_else(malformed)).transpose()?;
        Ok(Self {
            subject_token,
            actor_token,
            targets: params.all("resource").chain(params.all("audience")).collect(),
            scopes,
        })
    }
}

fn check_type(name: &'static str, named: &str) -> Result<(), ProtocolError> {
    [ACCESS_TOKEN, JWT]
        .contains(&named)
        .then_some(())
        .ok_or_else(|| ProtocolError::invalid_request(format!("{name} must be the one of access tokens or JWTs")))
}

/// The acting parties (RFC 8693 §4.1): the outermost acts now; the nested ones acted before and are only informational.
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

/// Whether `may_act` (RFC 8693 §4.4) names this actor: all its claims must be known and equal.
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
