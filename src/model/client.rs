//! A program that asks for tokens, and what it said about itself (RFC 7591 §2).
use super::ClientId;
use crate::secrets::Digest;
use keyward_oauth::client_metadata::{AuthMethod, ClientMetadata};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Client {
    pub id: ClientId,
    pub source: ClientSource,
    #[sqlx(json)]
    pub metadata: ClientMetadata,
    /// Digest of the generated secret; `None` for public clients.
    pub secret_hash: Option<Digest>,
    /// Digest of the secret before it, while both count; only the operator's clients have one.
    pub previous_secret_hash: Option<Digest>,
    /// Digest of the metadata of a registration without a secret: the same registration again is the same client.
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

    /// Of the secrets that count, newest first.
    #[must_use]
    pub fn secret_hashes(&self) -> [Option<&Digest>; 2] {
        [self.secret_hash.as_ref(), self.previous_secret_hash.as_ref()]
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
