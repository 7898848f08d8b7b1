//! An authorization request that its client pushed (RFC 9126).
use super::ClientId;
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PushedRequest {
    /// Digest of its `request_uri`.
    pub request_hash: Digest,
    /// The client that pushed the request; only it may use it.
    pub client_id: ClientId,
    /// The request's parameters, form-encoded, without credentials.
    pub query: String,
    pub expires_at: OffsetDateTime,
}
