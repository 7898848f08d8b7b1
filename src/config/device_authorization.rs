//! Settings of the device authorization grant (RFC 8628).
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceSettings {
    /// Whether people may allow devices that have no browser of their own.
    pub enabled: bool,
    /// Whether devices get refresh tokens. If not, a user who was tricked into allowing a stranger's device has given
    /// it access only for the lifetime of one access token (RFC 10027 §6.1.10).
    pub refresh_tokens: bool,
    /// Devices of one client that may wait at once.
    pub max_per_client: u32,
    /// Codes that one network address may get in ten minutes.
    pub max_per_address: u32,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self { enabled: true, refresh_tokens: true, max_per_client: 1_000, max_per_address: 50 }
    }
}
