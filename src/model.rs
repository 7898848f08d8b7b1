//! The nouns: plain data, no behaviour beyond being well-formed.
mod audit;
mod client;
mod device;
mod grant;
mod ids;
mod initial_access_token;
mod pushed_request;
mod scope;
mod user;

pub use audit::AuditEvent;
pub use client::{ApplicationType, AuthMethod, Client, ClientMetadata, ClientSource};
pub use device::DeviceAuthorization;
pub use grant::{Code, Consent, Grant};
pub use ids::{AuditEventId, ClientId, GrantId, UserId};
pub use initial_access_token::InitialAccessToken;
pub use pushed_request::PushedRequest;
pub use scope::Scopes;
pub use user::{Role, User};

/// A private key as stored: sealed, and known by its RFC 7638 thumbprint.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SigningKey {
    pub kid: String,
    pub algorithm: String,
    /// `current` signs; `next` and `retired` are only published.
    pub status: String,
    /// The private key in PKCS#8, sealed under the master key.
    pub sealed: Vec<u8>,
    pub created_at: time::OffsetDateTime,
}
