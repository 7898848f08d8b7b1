//! People in the settings.
use super::Secret;
use crate::accounts::{passwords, roles::Role, rules};
use anyhow::ensure;
use serde::Deserialize;

/// `basic` uses only the name and the password, `session` all members.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSettings {
    pub username: String,
    #[serde(default)]
    pub password: Option<Secret>,
    /// Instead of the password, its argon2id (PHC string) or bcrypt hash.
    #[serde(default)]
    pub password_hash: Option<Secret>,
    /// The role; `user` by default.
    #[serde(default)]
    pub role: Option<Role>,
    #[serde(default)]
    pub email: Option<String>,
    /// The name of an API key that is made for the user at the first start, and shown once.
    #[serde(default)]
    pub first_api_key: Option<String>,
}

impl UserSettings {
    pub(super) fn check(&self, kind: &str, demo: bool) -> anyhow::Result<()> {
        let name = &self.username;
        if kind != rules::KIND {
            let plain = self.password_hash.is_none() && self.role.is_none() && self.first_api_key.is_none();
            ensure!(self.password.is_some() && plain, "the user {name:?} has a username and a password only");
            return Ok(());
        }
        ensure!(rules::is_username(name), "a username has 3 to 50 letters, digits, - and _ only");
        ensure!(
            self.password.is_some() != self.password_hash.is_some(),
            "the user {name:?} has either a password or a password_hash"
        );
        let hash = self.password_hash.as_ref().is_none_or(|hash| passwords::is_hash(hash.expose()));
        ensure!(hash, "the password_hash of {name:?} is none of argon2id or bcrypt");
        let strong = self.password.as_ref().is_none_or(|password| demo || passwords::is_strong(password.expose()));
        let rule = "8 to 128 characters, among them upper and lower case, a digit and another";
        ensure!(strong, "the password of {name:?} must have {rule}");
        Ok(())
    }
}
