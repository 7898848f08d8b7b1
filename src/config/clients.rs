//! Settings for clients: those that the operator configures, and the methods that all clients may use.
use super::{Faults, hidden, list};
use crate::model::grant_type::NAMES;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters: a shorter secret could be guessed.
const MIN_SECRET_CHARACTERS: usize = 32;

/// A client that the operator configured: it is trusted, and stored anew at each start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// The client identifier (RFC 6749 §2.2); the short name by default.
    pub id: Option<String>,
    /// The name on the consent page; the client identifier by default.
    pub name: Option<String>,
    /// At least 32 characters. Without secret and keys the client is public.
    #[serde(serialize_with = "hidden::maybe")]
    pub secret: Option<SecretString>,
    /// A second valid secret, so that a secret can be replaced without an interruption.
    #[serde(serialize_with = "hidden::maybe")]
    pub previous_secret: Option<SecretString>,
    /// Its public keys (RFC 7517 §5), as a table or as JSON text, for `private_key_jwt`; ...
    #[serde(serialize_with = "hidden::maybe")]
    pub jwks: Option<Value>,
    /// ... or where they are published.
    pub jwks_uri: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub redirect_uris: Vec<String>,
    /// By default `authorization_code` and `refresh_token` with redirect URIs, and `client_credentials` without.
    #[serde(default, deserialize_with = "list")]
    pub grant_types: Vec<String>,
    /// The most that the client may have for itself (RFC 6749 §4.4), and its scope when it requests none.
    pub scope: Option<String>,
    /// Identifier of the resource for requests without user that name none; the default resource by default.
    pub resource: Option<String>,
    /// Whether its assertions may also name the token endpoint, or the issuer with a trailing slash, as their audience.
    #[serde(default)]
    pub token_endpoint_audience: bool,
}

/// Settings for grant types.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantSettings {
    /// Names of the grant types that are switched off.
    #[serde(deserialize_with = "list")]
    pub off: Vec<String>,
}

/// How clients may authenticate beside `none` and a secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientAuthentication {
    /// Signed assertions (RFC 7523 §2.2).
    pub private_key_jwt: bool,
}

impl GrantSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        for (at, name) in self.off.iter().enumerate() {
            let text = format!("{name:?} is not one of {}", NAMES.join(", "));
            faults.ensure(NAMES.contains(&name.as_str()), &["grants", "off", &at.to_string()], text);
        }
    }
}

impl Default for ClientAuthentication {
    fn default() -> Self {
        Self { private_key_jwt: true }
    }
}

impl ClientSettings {
    /// Checks the parts that need no other settings.
    pub(super) fn check(&self, name: &str, faults: &mut Faults) {
        let keys = self.jwks.is_some() || self.jwks_uri.is_some();
        faults.ensure(!(keys && self.secret.is_some()), &[], "it has a secret and keys; it needs one of them");
        let alone = self.previous_secret.is_some() && self.secret.is_none();
        faults.ensure(!alone, &["previous_secret"], "it needs a secret after it");
        // A UUID as client id could be mistaken for a user: the `sub` of a user is a UUID.
        let id = self.id.as_deref().unwrap_or(name);
        let is_one = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let text =
            format!("{id:?} is no client identifier: letters, digits and other ASCII signs (RFC 6749 appendix A.1)");
        faults.ensure(is_one, &["id"], text);
        faults.ensure(uuid::Uuid::parse_str(id).is_err(), &["id"], format!("{id:?} is a UUID, and must not be one"));
        faults.ensure(self.keys().is_ok(), &["jwks"], "this is neither a table nor a JSON object");
    }

    pub(super) fn check_secrets(&self, faults: &mut Faults) {
        for (field, secret) in [("secret", &self.secret), ("previous_secret", &self.previous_secret)] {
            let short =
                secret.as_ref().is_some_and(|secret| secret.expose_secret().chars().count() < MIN_SECRET_CHARACTERS);
            let text =
                format!("it needs at least {MIN_SECRET_CHARACTERS} characters; `openssl rand -hex 32` makes one");
            faults.ensure(!short, &[field], text);
        }
    }

    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secret.iter().chain(&self.previous_secret)
    }

    /// `jwks` as a JSON value, also when the settings have it as a text.
    pub fn keys(&self) -> anyhow::Result<Option<Value>> {
        match &self.jwks {
            Some(Value::String(text)) => Ok(Some(serde_json::from_str(text)?)),
            keys => Ok(keys.clone()),
        }
    }
}
