//! Loads the settings for a command.
use crate::{config::Config, published};
use std::{collections::HashMap, path::Path};

/// Loads settings; the file and the environment override `defaults`, which is TOML.
pub(super) fn load_config(defaults: &str, file: Option<&Path>) -> anyhow::Result<Config> {
    Config::load(defaults, file, variables())
}

/// Loads the settings of a server outside the demo.
pub(super) fn load_for_serving(file: Option<&Path>) -> anyhow::Result<Config> {
    Config::load_and("", file, variables(), |config, faults| {
        config.check_secrets(faults);
        published::refuse(config, faults);
    })
}

/// The variables of the environment. One whose name is not Unicode is skipped, because it cannot be ours.
pub(super) fn variables() -> HashMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect()
}
