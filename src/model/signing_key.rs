//! Private signing keys and their status.
use time::OffsetDateTime;

/// The stored form: sealed, and identified by its RFC 7638 thumbprint.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SigningKey {
    pub kid: String,
    /// JWS `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    pub status: KeyStatus,
    /// The private key in PKCS#8, sealed under the master key.
    pub sealed: Vec<u8>,
    /// When it was made and first published.
    pub created_at: OffsetDateTime,
    /// When it began to sign.
    pub activated_at: Option<OffsetDateTime>,
    /// When it stopped signing.
    pub retired_at: Option<OffsetDateTime>,
}

/// Keys of every status are published; one key of each algorithm signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum KeyStatus {
    /// Published early, so that verifiers know it before it signs.
    Next,
    Current,
    /// No longer signs, but verifies what it signed.
    Retired,
}

impl KeyStatus {
    pub const ALL: [Self; 3] = [Self::Next, Self::Current, Self::Retired];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}
