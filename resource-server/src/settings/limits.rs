//! Time limits and maximum numbers.
use serde::{Deserialize, Deserializer, de::Error};
use std::{str::FromStr, time::Duration};

const LONGEST_SILENCE: u16 = 300;

/// Seconds of silence on an event stream before a comment shows that it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat(u16);

/// Limits for sessions of people who log in with tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimits {
    /// Seconds that a session token is valid: 60 to a day.
    pub token_lifetime: u32,
    /// Seconds after which a session that is not renewed ends: at least as long as a token, at most a year.
    pub idle: u32,
    /// Sessions of one person; beyond, those renewed longest ago end.
    pub most: u16,
}

const DAY: u32 = 86_400;

impl Default for SessionLimits {
    fn default() -> Self {
        Self { token_lifetime: 1_800, idle: 7 * DAY, most: 100 }
    }
}

impl SessionLimits {
    pub(super) fn check(self) -> anyhow::Result<()> {
        let Self { token_lifetime, idle, most } = self;
        anyhow::ensure!((60..=DAY).contains(&token_lifetime), "sessions.token_lifetime is 60 to {DAY} seconds");
        let longest = 365 * DAY;
        anyhow::ensure!(
            (token_lifetime..=longest).contains(&idle),
            "sessions.idle is token_lifetime ({token_lifetime}) to {longest} seconds: no token outlives its session"
        );
        anyhow::ensure!(most > 0, "sessions.most is at least 1: else nobody could log in");
        Ok(())
    }
}

impl Heartbeat {
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self(15)
    }
}

impl FromStr for Heartbeat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = text.parse().ok().filter(|seconds| (1..=LONGEST_SILENCE).contains(seconds));
        seconds.map(Self).ok_or("a heartbeat is 1 to 300 seconds, as a whole number")
    }
}

impl<'de> Deserialize<'de> for Heartbeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer).unwrap_or_default();
        seconds.to_string().parse().map_err(D::Error::custom)
    }
}
