//! How long tokens live, and how refresh tokens rotate.
use super::Faults;
use crate::oauth::resource::AccessTokenFormat;
use serde::{Deserialize, Serialize};

/// Seconds: within this time a stolen refresh token is mistaken for a repeated request.
const MAX_REPLAY_WINDOW_SECONDS: u32 = 3_600;
const MAX_REPLAY_GENERATIONS: u32 = 10;
/// Seconds (RFC 6749 §4.1.2).
const MAX_CODE_SECONDS: u32 = 600;

/// Durations in seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_field_names)] // the names are the settings'
pub struct TokenSettings {
    /// How long an access token lives.
    pub access_token_lifetime: u32,
    /// `jwt` or `opaque`: the format of access tokens.
    pub access_token_format: AccessTokenFormat,
    /// How long an ID token lives.
    pub id_token_lifetime: u32,
    /// How long a code is valid; at most 600 (RFC 6749 §4.1.2).
    pub code_lifetime: u32,
    /// A refresh token that is not used for this long expires.
    pub refresh_idle: u32,
    /// No grant is refreshed beyond this age; then the user is asked again.
    pub refresh_lifetime: u32,
    /// A rotated refresh token that is presented again within this time gets the same successor; 0 allows no repeat.
    pub replay_window: u32,
    /// How many generations old such a token may be; more than 1 for clients whose processes share one token.
    pub replay_generations: u32,
    /// Whether refresh tokens of confidential clients rotate too.
    pub rotate_confidential: bool,
    /// Whether token responses say how long their refresh token lives. Some clients ask for it; it is in no RFC.
    pub refresh_token_expires_in: bool,
}

impl Default for TokenSettings {
    fn default() -> Self {
        const DAY_SECONDS: u32 = 86_400;
        Self {
            access_token_lifetime: 600,
            access_token_format: AccessTokenFormat::Jwt,
            id_token_lifetime: 3_600,
            code_lifetime: 60,
            refresh_idle: 30 * DAY_SECONDS,
            refresh_lifetime: 180 * DAY_SECONDS,
            replay_window: 60,
            replay_generations: 1,
            rotate_confidential: false,
            refresh_token_expires_in: false,
        }
    }
}

impl TokenSettings {
    /// `access_token_lifetime` is checked together with the resources.
    pub(super) fn check(&self, faults: &mut Faults) {
        let any = u32::MAX;
        for (name, value, least, most, unit) in [
            ("id_token_lifetime", self.id_token_lifetime, 1, any, " seconds"),
            ("code_lifetime", self.code_lifetime, 1, MAX_CODE_SECONDS, " seconds"),
            ("refresh_idle", self.refresh_idle, 1, any, " seconds"),
            ("refresh_lifetime", self.refresh_lifetime, 1, any, " seconds"),
            ("replay_window", self.replay_window, 0, MAX_REPLAY_WINDOW_SECONDS, " seconds"),
            ("replay_generations", self.replay_generations, 1, MAX_REPLAY_GENERATIONS, ""),
        ] {
            let fits = (least..=most).contains(&value);
            faults.ensure(fits, &["tokens", name], format!("{value} is not {least} to {most}{unit}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_for_replays_and_its_generations_have_a_ceiling() {
        let told = |tokens: TokenSettings| {
            let mut faults = Faults::default();
            tokens.check(&mut faults);
            faults.texts().first().cloned()
        };
        for (replay_window, replay_generations, error) in [
            (MAX_REPLAY_WINDOW_SECONDS, 1, None),
            (0, MAX_REPLAY_GENERATIONS, None),
            (MAX_REPLAY_WINDOW_SECONDS + 1, 1, Some("tokens.replay_window: 3601 is not 0 to 3600 seconds")),
            (u32::MAX, 1, Some("tokens.replay_window: 4294967295 is not 0 to 3600 seconds")),
            (60, 0, Some("tokens.replay_generations: 0 is not 1 to 10")),
            (60, MAX_REPLAY_GENERATIONS + 1, Some("tokens.replay_generations: 11 is not 1 to 10")),
        ] {
            let tokens = TokenSettings { replay_window, replay_generations, ..TokenSettings::default() };
            assert_eq!(told(tokens).as_deref(), error, "{replay_window} {replay_generations}");
        }
    }
}
