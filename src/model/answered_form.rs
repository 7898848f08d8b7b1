//! Forms that count once, and the answers they carried.
use crate::secrets::Digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AnsweredForm {
    /// Identifies the form.
    pub form_hash: Digest,
    #[sqlx(json)]
    pub answer: FormAnswer,
    pub answered_at: OffsetDateTime,
}

/// The answer, and what is needed to redirect the browser again. The code is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormAnswer {
    /// An answer to a client at its redirect URI (RFC 6749 §4.1.2).
    Consent { allowed: bool, client_id: String, redirect_uri: String, state: Option<String> },
    /// An answer to a device (RFC 8628 §3.3).
    Device { allowed: bool },
    /// An administrator was created, or got a new password, by a setup link.
    SetUp,
}
