//! A client's logo, as it was fetched from where the client has it.
use super::ClientId;
use crate::secrets::Digest;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Logo {
    pub client_id: ClientId,
    /// Where it was fetched: a client may name another.
    pub uri: String,
    /// Digest of the picture; `None` if nothing there could be shown.
    pub hash: Option<Digest>,
    pub fetched_at: OffsetDateTime,
}

/// A picture that was checked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Picture {
    pub media_type: String,
    pub bytes: Vec<u8>,
}
