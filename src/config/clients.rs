//! Settings for clients: those the operator writes down, and what any of them may do.
use super::{hidden, list};
use anyhow::{Context, ensure};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is shorter can be guessed.
const MIN_SECRET: usize = 32;

/// A client that the operator wrote down: trusted, and written anew at each start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// The client identifier (RFC 6749 §2.2); else the short name.
    pub id: Option<String>,
    /// What the consent page calls it; else its identifier.
    pub name: Option<String>,
    /// At least 32 characters. Without secret and keys the client is public.
    #[serde(serialize_with = "hidden::maybe")]
    pub secret: Option<SecretString>,
    /// Counts too, so that a secret can be changed at one end first.
    #[serde(serialize_with = "hidden::maybe")]
    pub previous_secret: Option<SecretString>,
    /// Its public keys (RFC 7517 §5), as a table or as JSON text, for `private_key_jwt`; ...
    #[serde(serialize_with = "hidden::maybe")]
    pub jwks: Option<Value>,
    /// ... or where they are published.
    pub jwks_uri: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub redirect_uris: Vec<String>,
    /// Else `authorization_code` and `refresh_token` with redirect URIs, and `client_credentials` without.
    #[serde(default, deserialize_with = "list")]
    pub grant_types: Vec<String>,
    /// The most that the client may have for itself (RFC 6749 §4.4), and what it gets when it names no scope.
    pub scope: Option<String>,
    /// Identifier of the resource of requests for itself that name none; else the default resource.
    pub resource: Option<String>,
    /// Its assertions may also name the token endpoint, or the issuer with a slash behind it, as their audience.
    #[serde(default)]
    pub token_endpoint_audience: bool,
}

/// What can be exchanged for tokens.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantSettings {
    /// Grant types, by their names in metadata, that are not offered here.
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

impl Default for ClientAuthentication {
    fn default() -> Self {
        Self { private_key_jwt: true }
    }
}

impl ClientSettings {
    /// What can be said without asking what the server knows.
    pub(super) fn check(&self, name: &str) -> anyhow::Result<()> {
        let keys = self.jwks.is_some() || self.jwks_uri.is_some();
        ensure!(!(keys && self.secret.is_some()), "clients.{name} has a secret and keys; it needs one of them");
        ensure!(
            self.previous_secret.is_none() || self.secret.is_some(),
            "clients.{name}.previous_secret needs a secret after it"
        );
        // Else it might be taken for a person, whose `sub` is a UUID.
        let id = self.id.as_deref().unwrap_or(name);
        ensure!(uuid::Uuid::parse_str(id).is_err(), "clients.{name}: its identifier must not be a UUID");
        self.keys().with_context(|| format!("clients.{name}.jwks is neither a table nor a JSON object")).map(drop)
    }

    pub(super) fn check_secrets(&self, name: &str) -> anyhow::Result<()> {
        for secret in self.secrets() {
            ensure!(
                secret.expose_secret().chars().count() >= MIN_SECRET,
                "clients.{name}: a secret needs at least {MIN_SECRET} characters; `openssl rand -hex 32` makes one"
            );
        }
        Ok(())
    }

    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secret.iter().chain(&self.previous_secret)
    }

    /// `jwks`, whichever way it was written.
    pub fn keys(&self) -> anyhow::Result<Option<Value>> {
        match &self.jwks {
            Some(Value::String(text)) => Ok(Some(serde_json::from_str(text)?)),
            keys => Ok(keys.clone()),
        }
    }
}
