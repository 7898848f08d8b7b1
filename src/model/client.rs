//! A program that asks for tokens, and what it said about itself (RFC 7591 §2).
use super::ClientId;
use crate::secrets::Digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Client {
    pub id: ClientId,
    pub source: ClientSource,
    #[sqlx(json)]
    pub metadata: ClientMetadata,
    /// Digest of the generated secret; `None` for public clients.
    pub secret_hash: Option<Digest>,
    /// Digest of a public registration's metadata: the same registration again is the same client.
    pub fingerprint: Option<Digest>,
    pub created_at: OffsetDateTime,
    /// When it last registered, or its document was last fetched; an unused client is swept a set time after.
    pub seen_at: OffsetDateTime,
    pub disabled_at: Option<OffsetDateTime>,
    /// Until when its metadata document need not be fetched again; `None` if it has none.
    pub fresh_until: Option<OffsetDateTime>,
}

impl Client {
    /// RFC 6749 §2.1: cannot keep a secret, so it is identified but never authenticated.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum ClientSource {
    /// Written by the operator; trusted.
    Seed,
    /// Registered itself (RFC 7591); unverified.
    Dcr,
    /// Described by the document that its identifier is the URL of (OAuth Client ID Metadata Document); unverified,
    /// but for the host that publishes it.
    Cimd,
}

/// Effective metadata: validated, defaulted, and answered exactly as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A default for requests without `scope`, never a ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// Each token request must come with a proof of possession (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// The registration named no authentication method, so either way of sending the secret will do. Ours, never shown.
    #[serde(default)]
    pub any_secret_method: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    None,
    ClientSecretBasic,
    ClientSecretPost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    Web,
    Native,
}
