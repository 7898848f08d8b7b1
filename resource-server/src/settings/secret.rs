//! Secrets of a configuration.
use crate::{
    digest::{self, Digest},
    scopes::well_formed,
};
use serde::{Deserialize, Deserializer};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A secret, which may be limited to scopes: a text, or `{ value = "…", scope = "mcp:read" }`.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub secret: Secret,
    /// Space-separated.
    pub scope: Option<String>,
}

/// Shows nothing of itself. In a file it is a text, or `{ env = "NAME" }` for a variable of the environment, or
/// `{ file = "PATH" }` for a file that holds it on one line.
#[derive(Clone)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Secret {
    /// # Errors
    /// The variable is not set.
    pub fn of_variable(name: &str) -> Result<Self, String> {
        std::env::var(name).map(Self).map_err(|_| format!("the variable {name} is not set"))
    }

    /// # Errors
    /// The file cannot be read.
    pub fn of_file(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("the file {} cannot be read: {}", file.display(), error.kind()))?;
        Ok(Self(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> Digest {
        digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Both kinds of secret, as they are written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    value: Option<String>,
    env: Option<String>,
    file: Option<PathBuf>,
    scope: Option<String>,
}

impl Written {
    fn read<E: serde::de::Error>(self) -> Result<KeySettings, E> {
        let (secret, scope) = match self {
            Self::Text(text) => (Secret(text), None),
            Self::Table(Table { value: Some(value), env: None, file: None, scope }) => (Secret(value), scope),
            Self::Table(Table { value: None, env: Some(env), file: None, scope }) => {
                (Secret::of_variable(&env).map_err(E::custom)?, scope)
            }
            Self::Table(Table { value: None, env: None, file: Some(file), scope }) => {
                (Secret::of_file(&file).map_err(E::custom)?, scope)
            }
            Self::Table(_) => return Err(E::custom("a secret has either a value or an env or a file")),
        };
        Ok(KeySettings { secret, scope })
    }
}

impl<'de> Deserialize<'de> for KeySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key: Self = Written::deserialize(deserializer)?.read()?;
        if key.scope.as_deref().is_none_or(well_formed) {
            return Ok(key);
        }
        Err(serde::de::Error::custom("a scope has a character RFC 6749 section 3.3 forbids"))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key: KeySettings = Written::deserialize(deserializer)?.read()?;
        if key.scope.is_none() {
            return Ok(key.secret);
        }
        Err(serde::de::Error::custom("this secret cannot be limited to a scope"))
    }
}
