//! Identity assertions (Identity Assertion JWT Authorization Grant §3.1): name the user behind a client, and the
//! allowed access.
use super::jws::Jws;
use crate::scope::Scopes;
use serde_json::Value;

/// `typ` of an identity assertion.
pub const TYPE: &str = "oauth-id-jag+jwt";
/// The value in `authorization_grant_profiles_supported` (§7.2).
pub const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

/// Bytes of `sub` and `tenant`.
const MAX_SUBJECT_BYTES: usize = 255;

/// The claims that this server uses.
#[derive(Debug)]
pub struct IdJag {
    pub issuer: String,
    /// Empty if the issuer has no tenants.
    pub tenant: String,
    pub subject: String,
    pub client_id: String,
    /// The most that it gives access to: resource identifiers ...
    pub resources: Vec<String>,
    /// ... and scopes; `None` if it does not limit them.
    pub scopes: Option<Scopes>,
    /// Thumbprint of the key whose possession must be proven (§8.6.1).
    pub jkt: Option<String>,
    /// The account here that the issuer believes to be the user's.
    pub aud_sub: Option<String>,
    /// `None` if the issuer says that it is not verified.
    pub email: Option<String>,
    pub name: Option<String>,
    /// Seconds since the epoch.
    pub auth_time: i64,
}

impl IdJag {
    /// The error is the broken rule. A claim that would restrict the assertion and is not understood is an error too.
    pub fn read(jws: &Jws) -> Result<Self, &'static str> {
        let claims = &jws.claims;
        let text = |name: &str| jws.claim(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let subject = text("sub").filter(|sub| sub.len() <= MAX_SUBJECT_BYTES).ok_or("sub must be 1 to 255 bytes")?;
        let tenant = match claims.get("tenant") {
            None => String::new(),
            Some(_) => {
                text("tenant").filter(|it| it.len() <= MAX_SUBJECT_BYTES).ok_or("tenant must be 1 to 255 bytes")?
            }
        };
        if claims.contains_key("authorization_details") {
            return Err("authorization_details are not supported");
        }
        let scopes = match claims.get("scope") {
            None => None,
            Some(_) => Some(jws.claim("scope").and_then(Scopes::parse).ok_or("scope must be scope tokens")?),
        };
        let issued_at = jws.date("iat")?.ok_or("iat is missing")?;
        let unverified = claims.get("email_verified").is_some_and(|verified| verified != &Value::Bool(true));
        Ok(Self {
            issuer: text("iss").ok_or("iss is missing")?,
            tenant,
            subject,
            client_id: text("client_id").ok_or("client_id is missing")?,
            resources: resources(claims.get("resource"))?,
            scopes,
            jkt: confirmation(claims.get("cnf"))?,
            aud_sub: text("aud_sub"),
            email: text("email").filter(|_| !unverified),
            name: text("name"),
            auth_time: jws.date("auth_time")?.map_or(issued_at, |time| time.min(issued_at)),
        })
    }
}

/// A string or an array of strings (RFC 8707 §2); empty if there is none.
fn resources(claim: Option<&Value>) -> Result<Vec<String>, &'static str> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("resource must be a string or strings");
    match claim {
        None => Ok(vec![]),
        Some(Value::Array(several)) if several.is_empty() => Err("resource must not be empty"),
        Some(Value::Array(several)) => several.iter().map(text).collect(),
        Some(one) => text(one).map(|one| vec![one]),
    }
}

/// RFC 7800 §3: only a thumbprint is understood, as possession of a key named otherwise could not be checked.
fn confirmation(claim: Option<&Value>) -> Result<Option<String>, &'static str> {
    let Some(cnf) = claim else { return Ok(None) };
    let jkt = cnf.get("jkt").and_then(Value::as_str).filter(|_| cnf.as_object().is_some_and(|cnf| cnf.len() == 1));
    jkt.map(|jkt| Some(jkt.to_owned())).ok_or("cnf must hold jkt and nothing else")
}
