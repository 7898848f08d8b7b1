//! A form that counts once, and how it was answered.
use crate::secrets::Digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AnsweredForm {
    /// Identifies the form.
    pub form_hash: Digest,
    #[sqlx(json)]
    pub answer: Answer,
    pub answered_at: OffsetDateTime,
}

/// What was said, and what it takes to lead there again. A code is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// An answer to a client at its redirect URI (RFC 6749 §4.1.2).
    Consent { allowed: bool, client_id: String, redirect_uri: String, state: Option<String> },
    /// An answer to a device (RFC 8628 §3.3).
    Device { allowed: bool },
    /// The first administrator was made.
    SetUp,
}
