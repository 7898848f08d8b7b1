//! One login: the members that other tools share, and what only this program knows of it.
use super::dates;
use crate::{address::Address, clock, encode, error::Result, mask};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The answer of a registration endpoint (RFC 7591 §3.2.1), without its secrets.
pub type Registration = Map<String, Value>;

/// One login. Other tools read this file too, and refuse members that they do not know. What only this program needs is
/// in [`Extra`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(clippy::struct_field_names)] // the file's names
pub struct Profile {
    pub profile_id: String,
    pub resource_url: String,
    pub auth_mode: String,
    pub issuer: Option<String>,
    pub authorization_server_metadata_url: Option<String>,
    pub token_endpoint: Option<String>,
    pub authorization_endpoint: Option<String>,
    pub device_authorization_endpoint: Option<String>,
    pub registration_endpoint: Option<String>,
    pub access_token: Option<String>,
    pub refresh_token: Option<String>,
    #[serde(with = "dates")]
    pub expires_at: Option<i64>,
    pub scope: Option<String>,
    pub token_type: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub redirect_uri: Option<String>,
    /// The answer to the client's registration, where it registered by itself.
    #[serde(deserialize_with = "registration")]
    pub dynamic_client_registration: Option<Registration>,
    #[serde(with = "dates")]
    pub created_at: Option<i64>,
    #[serde(with = "dates")]
    pub last_used_at: Option<i64>,
    /// Members of other tools.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// What this program knows of a profile beyond the shared members.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Extra {
    /// The resource that tokens are asked for (RFC 8707 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The address that the person named besides the MCP server, and that led to the authorization server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// The scope of the last authorization request, which step-up adds to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_scope: Option<String>,
    /// PEM of the key that the tokens are bound to (RFC 9449).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_key: Option<String>,
    /// PEM of the key the client authenticates with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_private_key: Option<String>,
    /// Where the assertion of a workload lies (RFC 7523).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_file: Option<String>,
    /// The secrets of the profile and of this, sealed with a key in the keyring. Empty until they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// The headers of a login that has no other credential.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Reads a registration. Older files hold only whether there was one.
fn registration<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Registration>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Bool(true) => Ok(Some(Registration::new())),
        Value::Object(members) => Ok(Some(members)),
        _ => Err(D::Error::custom("no registration")),
    }
}

impl Profile {
    pub fn new(resource_url: &str, auth_mode: &str) -> Self {
        Self {
            profile_id: encode::hex(&encode::random_bytes::<4>()),
            resource_url: resource_url.to_owned(),
            auth_mode: auth_mode.to_owned(),
            created_at: Some(clock::now()),
            ..Self::default()
        }
    }

    /// The address that the person named, and that leads to the authorization server.
    pub fn root(&self, extra: &Extra) -> Result<Address> {
        Address::parse(extra.root.as_ref().unwrap_or(&self.resource_url))
    }

    /// Whether there is a token that is good for more than thirty seconds from `now`.
    pub fn is_fresh(&self, now: i64) -> bool {
        self.access_token.is_some() && self.expires_at.is_none_or(|end| end.saturating_sub(30) > now)
    }
}

/// Takes the secrets out of an answer to a registration. The client's secret has a member of its own, and this program
/// never changes a registration (RFC 7592).
pub fn without_secrets(registration: &mut Registration) {
    registration.retain(|name, _| !mask::is_secret(name));
}

#[cfg(test)]
mod tests;
