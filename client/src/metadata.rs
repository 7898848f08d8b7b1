//! What servers publish about themselves: RFC 9728 for MCP servers, RFC 8414 for authorization servers.
use crate::address::{Address, usable};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Protected resource metadata (RFC 9728 §2).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ResourceMetadata {
    pub resource: String,
    pub authorization_servers: Vec<String>,
    pub scopes_supported: Option<Vec<String>>,
    pub bearer_methods_supported: Option<Vec<String>>,
    pub resource_name: Option<String>,
    #[serde(deserialize_with = "if_good")]
    pub resource_documentation: Option<String>,
    #[serde(deserialize_with = "if_good")]
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    pub dpop_bound_access_tokens_required: bool,
    /// The grants whose tokens the server takes, where it does not take all. This member is not in the RFC.
    #[serde(deserialize_with = "if_good", skip_serializing_if = "Option::is_none")]
    pub grant_types_supported: Option<Vec<String>>,
    /// The other members of the document.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Reads a member that nothing depends on. A malformed one counts as absent, and does not spoil the document.
fn if_good<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// Authorization server metadata (RFC 8414 §2).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerMetadata {
    pub issuer: String,
    #[serde(deserialize_with = "usable")]
    pub authorization_endpoint: Option<Address>,
    #[serde(deserialize_with = "usable")]
    pub token_endpoint: Option<Address>,
    #[serde(deserialize_with = "usable")]
    pub device_authorization_endpoint: Option<Address>,
    #[serde(deserialize_with = "usable")]
    pub registration_endpoint: Option<Address>,
    #[serde(deserialize_with = "usable")]
    pub revocation_endpoint: Option<Address>,
    #[serde(deserialize_with = "usable")]
    pub pushed_authorization_request_endpoint: Option<Address>,
    pub require_pushed_authorization_requests: bool,
    pub scopes_supported: Option<Vec<String>>,
    pub grant_types_supported: Option<Vec<String>>,
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub code_challenge_methods_supported: Option<Vec<String>>,
    pub authorization_response_iss_parameter_supported: bool,
    pub client_id_metadata_document_supported: bool,
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
}

pub const AUTHORIZATION_CODE: &str = "authorization_code";
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

impl ServerMetadata {
    /// An omitted list means `authorization_code` and `implicit` (RFC 8414 §2).
    pub fn offers_grant(&self, grant: &str) -> bool {
        self.grant_types_supported
            .as_ref()
            .map_or(grant == AUTHORIZATION_CODE, |grants| grants.iter().any(|offered| offered == grant))
    }

    /// An omitted list means `client_secret_basic` (RFC 8414 §2).
    pub fn auth_methods(&self) -> Vec<&str> {
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().map(String::as_str).collect(),
            None => vec!["client_secret_basic"],
        }
    }

    pub fn offers_scope(&self, scope: &str) -> bool {
        self.scopes_supported.as_ref().is_some_and(|scopes| scopes.iter().any(|offered| offered == scope))
    }

    /// The default paths of revision 2025-03-26, for a server that publishes no metadata.
    pub fn by_convention(origin: &Address) -> Self {
        let endpoint = |path| origin.join(path).ok();
        Self {
            issuer: origin.origin().ascii_serialization(),
            authorization_endpoint: endpoint("/authorize"),
            token_endpoint: endpoint("/token"),
            registration_endpoint: endpoint("/register"),
            token_endpoint_auth_methods_supported: Some(vec!["none".to_owned()]),
            code_challenge_methods_supported: Some(vec!["S256".to_owned()]),
            ..Self::default()
        }
    }
}
