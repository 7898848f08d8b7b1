//! Clients' logos, as fetched from their hosts.
use super::ClientId;
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Logo {
    pub client_id: ClientId,
    /// The URL it was fetched from: the client may name another by now.
    pub uri: String,
    /// Digest of the picture; `None` if the URL had no usable picture.
    pub hash: Option<Digest>,
    pub fetched_at: OffsetDateTime,
}

/// A picture that passed the checks.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Picture {
    pub media_type: String,
    pub bytes: Vec<u8>,
}
