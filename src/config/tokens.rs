//! How long tokens live, and how refresh tokens rotate.
use crate::oauth::resource::AccessTokenFormat;
use serde::{Deserialize, Serialize};

/// Durations in seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_field_names)] // the names are the settings'
pub struct Tokens {
    /// How long an access token lives.
    pub access_token_lifetime: u32,
    /// `jwt`, or `opaque`: what an access token is to the server that it is meant for.
    pub access_token_format: AccessTokenFormat,
    /// How long an ID token lives.
    pub id_token_lifetime: u32,
    /// How long a code may wait to be exchanged; at most 600 (RFC 6749 §4.1.2).
    pub code_lifetime: u32,
    /// A refresh token not used for this long is dead.
    pub refresh_idle: u32,
    /// No grant is refreshed beyond this age; then the user is asked again.
    pub refresh_lifetime: u32,
    /// A rotated refresh token presented again within this time gets the same successor; 0 is strict.
    pub replay_window: u32,
    /// Rotate the refresh tokens of confidential clients too.
    pub rotate_confidential: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        const DAY: u32 = 86_400;
        Self {
            access_token_lifetime: 600,
            access_token_format: AccessTokenFormat::Jwt,
            id_token_lifetime: 3_600,
            code_lifetime: 60,
            refresh_idle: 30 * DAY,
            refresh_lifetime: 180 * DAY,
            replay_window: 60,
            rotate_confidential: false,
        }
    }
}
