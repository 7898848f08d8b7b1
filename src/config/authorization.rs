//! Settings for authorization requests.
use super::Faults;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthorizationSettings {
    /// Whether clients may push their requests (RFC 9126); if not, that endpoint does not exist.
    pub pushed_requests: bool,
    /// Whether clients must push their requests: others are refused.
    pub require_pushed_requests: bool,
}

impl Default for AuthorizationSettings {
    fn default() -> Self {
        Self { pushed_requests: true, require_pushed_requests: false }
    }
}

impl AuthorizationSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.require_pushed_requests && !self.pushed_requests {
            faults.add_about(
                &["authorization", "require_pushed_requests"],
                &[&["authorization", "pushed_requests"]],
                "true needs authorization.pushed_requests = true",
            );
        }
    }
}
