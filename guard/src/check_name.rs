//! The names of a gate's checks, in the order in which they are made.
use serde::{Serialize, Serializer};
use std::fmt;

/// How records and explanations name a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckName {
    /// `Host` and `Origin`.
    Origin,
    /// Whoever had their share fails it, wherever that is noticed.
    RateLimit,
    Credential,
    Audience,
    Message,
    SignIn,
    Session,
    Scope,
    /// One of the program's own.
    Own(&'static str),
}

impl CheckName {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::RateLimit => "rate_limit",
            Self::Credential => "credential",
            Self::Audience => "audience",
            Self::Message => "message",
            Self::SignIn => "sign_in",
            Self::Session => "session",
            Self::Scope => "scope",
            Self::Own(name) => name,
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CheckName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
