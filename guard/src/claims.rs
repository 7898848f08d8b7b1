//! The claims of an access token, as its issuer wrote them: in a JWT (RFC 9068 §2.2) or in an answer (RFC 7662 §2.2).
use serde::Deserialize;
use serde_json::{Map, Value};

/// Everything RFC 9068 §2.2 requires. A member that occurs twice is refused by the parser.
#[derive(Clone, Deserialize)]
pub struct Claims {
    pub sub: String,
    pub client_id: String,
    pub jti: String,
    pub aud: Audience,
    pub exp: i64,
    pub iat: i64,
    pub nbf: Option<i64>,
    pub scope: Option<String>,
    grant_type: Option<String>,
    pub preferred_username: Option<String>,
    pub cnf: Option<Confirmation>,
    pub act: Option<Actor>,
    pub auth_time: Option<i64>,
    pub acr: Option<String>,
}

/// RFC 8693 §4.1: the outermost is the present one.
#[derive(Clone, Deserialize)]
pub struct Actor {
    pub sub: String,
}

impl Claims {
    pub fn parse(claims: &Map<String, Value>) -> serde_json::Result<Self> {
        Self::deserialize(claims)
    }

    /// A subject that is the client itself gives the one away that issuers need not name (RFC 9068 §2.2).
    pub fn grant_type(&self) -> Option<String> {
        let for_itself = self.sub == self.client_id;
        self.grant_type.clone().or_else(|| for_itself.then(|| "client_credentials".to_owned()))
    }
}

/// RFC 7800 §3: the token is bound to a key whose proof a bearer does not bring.
#[derive(Clone, Deserialize)]
pub struct Confirmation {
    /// RFC 9449 §6.1; else it is bound in a way that nothing here can prove.
    pub jkt: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// The first of the resource's identifiers that is named.
    pub fn find<'a>(&self, resources: &'a [String]) -> Option<&'a String> {
        resources.iter().find(|resource| match self {
            Self::One(one) => one == *resource,
            Self::Many(many) => many.contains(resource),
        })
    }
}
