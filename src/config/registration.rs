//! Who may register clients (RFC 7591), and how many.
use super::{Faults, hidden, list, rules::long};
use crate::oauth::redirect_uri::{self, RedirectKind};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::slice;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationSettings {
    /// `open`, `token` (an initial access token is needed) or `off`.
    pub policy: RegistrationPolicy,
    /// An initial access token (RFC 7591 §3) for policy `token`: at least 16 characters, and usable without limits,
    /// unlike the tokens of the command `registration-token`.
    #[serde(serialize_with = "hidden::maybe")]
    pub initial_access_token: Option<SecretString>,
    /// Whether each registration comes with a token to read, change and delete it (RFC 7592). Then registrations are
    /// not shared: registering the same metadata again makes another client.
    pub management: bool,
    /// Seconds after which a registration is deleted if nobody granted it anything, counted from the last time it was
    /// made.
    pub unused_after: u32,
    /// New registrations that one address may make at once for the same redirect hosts, ...
    pub burst: u32,
    /// ... and per minute after that. Identical registrations are free.
    pub per_minute: u32,
    /// Unused registrations that are kept; beyond that, the oldest ones of the source with the most are deleted.
    pub max_unused: u32,
    /// Private-use URI schemes allowed in redirect URIs although they are not reverse domain names (RFC 8252 §7.1).
    #[serde(deserialize_with = "list")]
    pub private_use_schemes: Vec<String>,
    /// Whether clients may register themselves for `client_credentials` too.
    pub client_credentials: bool,
}

/// Schemes of widespread programs. They are not reverse domain names, as RFC 8252 §7.1 demands, so any program on a
/// machine can claim them; that is why every client needs PKCE (RFC 7636).
const KNOWN_SCHEMES: &str = "antigravity claude code-oss codebuddy cursor goose grokbot kiro lmstudio raycast trae \
    vscode vscode-insiders vscodium warp windsurf windsurf-next workbuddy zed";

impl RegistrationSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(token) = &self.initial_access_token {
            long(token, &["registration", "initial_access_token"], faults);
        }
        for (at, scheme) in self.private_use_schemes.iter().enumerate() {
            let uri = format!("{scheme}://callback");
            let is_private = redirect_uri::kind(&uri) == RedirectKind::PrivateUse { scheme: scheme.to_lowercase() };
            let is_taken = is_private && redirect_uri::check_registrable(&uri, slice::from_ref(scheme)).is_ok();
            let text = format!("{scheme:?} is no scheme that an app may have for its own, such as cursor");
            faults.ensure(is_taken, &["registration", "private_use_schemes", &at.to_string()], text);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationPolicy {
    Open,
    Token,
    Off,
}

impl Default for RegistrationSettings {
    fn default() -> Self {
        Self {
            policy: RegistrationPolicy::Open,
            initial_access_token: None,
            management: false,
            unused_after: 30 * 86_400,
            burst: 500,
            per_minute: 30,
            max_unused: 100_000,
            private_use_schemes: KNOWN_SCHEMES.split(' ').map(str::to_owned).collect(),
            client_credentials: false,
        }
    }
}
