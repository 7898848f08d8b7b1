//! Settings: their sources, and the messages about wrong ones.
mod checked;
mod early;
mod every_setting;
mod sentences;

use keyward::config::{Config, SettingsError};
use std::collections::HashMap;

/// The one file that settings are read from here, named as somebody would name it.
pub struct Written {
    folder: tempfile::TempDir,
    variables: HashMap<String, String>,
}

impl Written {
    pub fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keyward.toml"), text).unwrap();
        Self { folder, variables: HashMap::new() }
    }

    #[must_use]
    pub fn set(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    pub fn load(&self) -> anyhow::Result<Config> {
        Config::load("", Some(&self.folder.path().join("keyward.toml")), self.variables.clone())
    }

    /// All that is wrong with them, without the folder.
    pub fn told(&self) -> Vec<String> {
        let Err(error) = self.load() else { return vec![] };
        let SettingsError(all) = error.downcast().unwrap();
        let folder = format!("{}/", self.folder.path().display());
        all.into_iter().map(|told| told.message.replace(&folder, "")).collect()
    }
}
