//! A private key of ours, and where it is in its life.
use time::OffsetDateTime;

/// As stored: sealed, and known by its RFC 7638 thumbprint.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SigningKey {
    pub kid: String,
    /// JWS `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub algorithm: String,
    pub status: KeyStatus,
    /// The private key in PKCS#8, sealed under the master key.
    pub sealed: Vec<u8>,
    /// Made, and published from then on.
    pub created_at: OffsetDateTime,
    /// When it began to sign.
    pub activated_at: Option<OffsetDateTime>,
    /// When it ceased to sign.
    pub retired_at: Option<OffsetDateTime>,
}

/// All are published; one for each algorithm signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum KeyStatus {
    /// Published early, so that whoever verifies knows it when it begins to sign.
    Next,
    Current,
    /// Still verifies what it signed.
    Retired,
}

impl KeyStatus {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}
