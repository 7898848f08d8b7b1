//! What a client is, by its own words (RFC 7591 §2), after they were checked.
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Effective metadata: validated, defaulted, and answered exactly as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // members of RFC 7591 and its extensions, each for itself
pub struct ClientMetadata {
    pub redirect_uris: Vec<String>,
    pub token_endpoint_auth_method: AuthMethod,
    pub grant_types: Vec<String>,
    pub response_types: Vec<String>,
    pub application_type: ApplicationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// A default for requests without `scope`, and what the client may have for itself (RFC 6749 §4.4), never a
    /// ceiling for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// Its authorization requests must be pushed (RFC 9126 §6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// The most it is ever granted, in the form of `scope`; `None` sets no limit. Ours, never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_limit: Option<String>,
    /// Public keys of `private_key_jwt` (RFC 7517 §5), or where they are published; never both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Each token request must come with a proof of possession (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// The registration named no authentication method, so either way of sending the secret will do. Ours, never shown.
    #[serde(default)]
    pub any_secret_method: bool,
    /// Its assertions may name the token endpoint as audience, as before RFC 7523bis. Ours, never shown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub token_endpoint_audience: bool,
    /// As it came (RFC 7591 §2.3); its claims are in the other members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_statement: Option<String>,
    /// The issuer that signed its name and its redirect URIs. Ours, never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<String>,
    /// The resource identifier of requests for itself that name none. Ours, never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_resource: Option<String>,
}

impl ClientMetadata {
    /// Members that no specification knows.
    pub const OURS: [&str; 5] =
        ["any_secret_method", "default_resource", "scope_limit", "token_endpoint_audience", "vouched_by"];
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

impl AuthMethod {
    #[must_use]
    pub fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    Web,
    Native,
}
