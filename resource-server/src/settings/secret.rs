//! Secrets in the settings.
use keyward_guard::{
    digest::{self, Digest},
    scopes::well_formed,
};
use serde::{Deserialize, Deserializer};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// A secret, possibly limited to scopes: a text, or `{ value = "…", scope = "mcp:read" }`.
#[derive(Clone, Debug)]
pub struct KeySettings {
    pub secret: Secret,
    /// Separated by spaces.
    pub scope: Option<String>,
}

/// `Debug` hides it. In a file it is a text, `{ env = "NAME" }` for a variable of the environment, or `{ file = "PATH"
/// }` for a file that holds it on one line.
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

/// The two forms of a secret in a file.
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

impl Written {
    /// A variable can hold several secrets, separated by commas; all have the same limits.
    fn read_all<E: serde::de::Error>(self) -> Result<Vec<KeySettings>, E> {
        let Self::Table(Table { value: None, env: Some(name), file: None, scope }) = self else {
            return Ok(vec![checked(self.read()?)?]);
        };
        let text = Secret::of_variable(&name).map_err(E::custom)?;
        let keys = several(&text.0).map(|secret| checked(KeySettings { secret, scope: scope.clone() }));
        let keys = keys.collect::<Result<Vec<_>, E>>()?;
        if keys.is_empty() { Err(E::custom(format!("the variable {name} holds no key"))) } else { Ok(keys) }
    }
}

/// Splits at commas and ignores spaces around them.
fn several(text: &str) -> impl Iterator<Item = Secret> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| Secret(part.to_owned()))
}

/// A list, whose entries can each hold several secrets.
#[derive(Deserialize)]
#[serde(transparent)]
struct Many(Vec<Written>);

pub(super) fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeySettings>, D::Error> {
    all(Many::deserialize(deserializer)?)
}

pub(super) fn keys_by_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<KeySettings>>, D::Error> {
    let named = BTreeMap::<String, Many>::deserialize(deserializer)?;
    named.into_iter().map(|(name, many)| Ok((name, all(many)?))).collect()
}

fn all<E: serde::de::Error>(Many(written): Many) -> Result<Vec<KeySettings>, E> {
    let keys = written.into_iter().map(Written::read_all).collect::<Result<Vec<_>, E>>()?;
    Ok(keys.into_iter().flatten().collect())
}

fn checked<E: serde::de::Error>(key: KeySettings) -> Result<KeySettings, E> {
    if key.scope.as_deref().is_none_or(well_formed) {
        return Ok(key);
    }
    Err(E::custom("a scope has a character RFC 6749 section 3.3 forbids"))
}

impl<'de> Deserialize<'de> for KeySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(Written::deserialize(deserializer)?.read()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_variable_stand_between_commas() {
        for (text, keys) in
            [("a", vec!["a"]), ("a,b", vec!["a", "b"]), (" a , b,,c ", vec!["a", "b", "c"]), (" , ", vec![])]
        {
            assert_eq!(several(text).map(|key| key.0).collect::<Vec<_>>(), keys, "{text:?}");
        }
    }

    #[test]
    fn a_variable_that_holds_no_key_is_told_by_name() {
        let written = |env: &str| Written::Table(Table { value: None, env: Some(env.into()), file: None, scope: None });
        let keys = written("CARGO_PKG_NAME").read_all::<serde::de::value::Error>().unwrap();
        assert_eq!(keys.len(), 1);
        let missing = written("KEYWARD_TEST_NEVER_SET").read_all::<serde::de::value::Error>().unwrap_err();
        assert!(missing.to_string().contains("KEYWARD_TEST_NEVER_SET is not set"), "{missing}");
    }
}
