//! The settings that a command works with.
use crate::{config::Config, published};
use std::{collections::HashMap, path::Path};

/// `defaults` is TOML that the file and the environment override.
pub(super) fn load_config(defaults: &str, file: Option<&Path>) -> anyhow::Result<Config> {
    Config::load(defaults, file, variables())
}

/// Settings of a server, which is no demo.
pub(super) fn load_for_serving(file: Option<&Path>) -> anyhow::Result<Config> {
    Config::load_and("", file, variables(), |config, faults| {
        config.check_secrets(faults);
        published::refuse(config, faults);
    })
}

/// What is no text is none of ours.
pub(super) fn variables() -> HashMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect()
}
