//! Why an act was refused. Nothing was changed; each face adds how to fix it.
use crate::{
    error::OAuthError,
    model::{ClientId, GrantId},
    oauth::visible::cut,
};
use std::fmt;

/// Characters of a name in an error.
const MAX_SHOWN_CHARACTERS: usize = 80;

#[derive(Debug)]
pub enum OperationError {
    NoSuchUser {
        named: String,
        /// A username that is almost the same.
        nearest: Option<String>,
    },
    NoSuchClient(ClientId),
    NoSuchGrant(GrantId),
    NoSuchRegistrationToken(String),
    /// The place to continue a list from is not valid.
    NoSuchPlace(String),
    /// The name of the user or client.
    AlreadyDisabled(String),
    NotDisabled(String),
    LastAdministrator,
    /// The settings no longer have this client, so it is disabled at each start.
    LeftOut(ClientId),
    /// No matching grant is live.
    NothingToRevoke,
    NothingToDelete,
    /// The rule that it breaks.
    WeakPassword(&'static str),
    /// The database, or another part of this machine, failed.
    Failed(anyhow::Error),
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser { named, nearest: None } => write!(f, "nobody has this username or id: {}", shown(named)),
            Self::NoSuchUser { named, nearest: Some(nearest) } => {
                write!(f, "nobody has this username or id: {}; did you mean {}?", shown(named), shown(nearest))
            }
            Self::NoSuchClient(id) => write!(f, "there is no client {}", shown(id.as_str())),
            Self::NoSuchGrant(id) => write!(f, "there is no grant {id}"),
            Self::NoSuchRegistrationToken(named) => {
                write!(f, "no registration token with the fingerprint {} is good any more", shown(named))
            }
            Self::NoSuchPlace(named) => write!(f, "no list goes on after {}", shown(named)),
            Self::AlreadyDisabled(named) => write!(f, "{} is disabled already", shown(named)),
            Self::NotDisabled(named) => write!(f, "{} is not disabled", shown(named)),
            Self::LastAdministrator => {
                f.write_str("this is the last administrator who is not disabled; make or enable another one before")
            }
            Self::LeftOut(id) => write!(
                f,
                "the configuration has {} no more, and would disable it again at the next start; put it back there, or \
                 set disable_removed_clients = false",
                shown(id.as_str())
            ),
            Self::NothingToRevoke => f.write_str("no live grant is among these"),
            Self::NothingToDelete => f.write_str("no consent is among these"),
            Self::WeakPassword(rule) => f.write_str(rule),
            Self::Failed(_) => f.write_str("that could not be done"),
        }
    }
}

/// In quotation marks, on one line, and cut.
fn shown(named: &str) -> String {
    format!("\"{}\"", cut(named, MAX_SHOWN_CHARACTERS))
}

impl std::error::Error for OperationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(cause) => Some(&**cause),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for OperationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for OperationError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// For errors of functions that the protocol uses too.
impl From<OAuthError> for OperationError {
    fn from(error: OAuthError) -> Self {
        Self::Failed(error.cause.unwrap_or_else(|| anyhow::anyhow!("{}", error.description)))
    }
}
