//! A program that asks for tokens, and what it said about itself (RFC 7591 §2).
use super::{ClientId, Scopes};
use crate::secrets::Digest;
use keyward_oauth::client_metadata::{AuthMethod, ClientMetadata};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Client {
    pub id: ClientId,
    pub source: ClientSource,
    /// The client's metadata (RFC 7591), which the client may see.
    #[sqlx(json)]
    pub metadata: ClientMetadata,
    /// This server's policy for the client, which nobody outside sees.
    #[sqlx(json, rename = "metadata")]
    pub policy: ClientPolicy,
    /// Digest of the secret; `None` for clients without one.
    pub secret_hash: Option<Digest>,
    /// Digest of the previous secret, while both are valid; only clients of the operator have one.
    pub previous_secret_hash: Option<Digest>,
    /// Digest of the metadata of a registration without a secret: registering the same metadata again yields the same
    /// client.
    pub fingerprint: Option<Digest>,
    pub created_at: OffsetDateTime,
    /// When it last registered, or its document was last fetched; an unused client is deleted a set time after.
    pub seen_at: OffsetDateTime,
    pub disabled_at: Option<OffsetDateTime>,
    /// When its metadata document has to be fetched again; `None` if it has none.
    pub fresh_until: Option<OffsetDateTime>,
}

impl Client {
    /// A client that is created now.
    #[must_use]
    pub fn new(id: ClientId, source: ClientSource, metadata: ClientMetadata, now: OffsetDateTime) -> Self {
        Self {
            id,
            source,
            metadata,
            policy: ClientPolicy::default(),
            secret_hash: None,
            previous_secret_hash: None,
            fingerprint: None,
            created_at: now,
            seen_at: now,
            disabled_at: None,
            fresh_until: None,
        }
    }

    /// RFC 6749 §2.1: a public client cannot keep a secret, so it is identified but never authenticated.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == AuthMethod::None
    }

    /// The scope of requests that name none (RFC 7591 §2).
    #[must_use]
    pub fn registered_scopes(&self) -> Option<Scopes> {
        self.metadata.scope.as_deref().and_then(Scopes::parse)
    }

    /// The most scopes it is ever granted; `None` sets no limit.
    #[must_use]
    pub fn scope_limit(&self) -> Option<Scopes> {
        self.policy.scope_limit.as_deref().and_then(Scopes::parse)
    }

    /// Digests of the valid secrets, newest first.
    #[must_use]
    pub fn secret_hashes(&self) -> [Option<&Digest>; 2] {
        [self.secret_hash.as_ref(), self.previous_secret_hash.as_ref()]
    }
}

/// This server's policy for a client, which no specification defines. It is stored in the same column as the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPolicy {
    /// The most scopes it is ever granted, in the form of `scope`; `None` sets no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_limit: Option<String>,
    /// The registration named no authentication method, so both ways of sending the secret are accepted.
    pub any_secret_method: bool,
    /// Its assertions may name the token endpoint as audience, as before RFC 7523bis.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub token_endpoint_audience: bool,
    /// The issuer that signed its name and its redirect URIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<String>,
    /// The resource identifier for requests without user that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_resource: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum ClientSource {
    /// Configured by the operator, and trusted.
    Seed,
    /// Registered itself (RFC 7591); not verified.
    Dcr,
    /// Described by the document at the URL that is its identifier (OAuth Client ID Metadata Document). Only the host
    /// that publishes it is verified.
    Cimd,
}

impl ClientSource {
    pub const ALL: [Self; 3] = [Self::Seed, Self::Dcr, Self::Cimd];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Dcr => "dcr",
            Self::Cimd => "cimd",
        }
    }
}
