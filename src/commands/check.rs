//! `keyward check`: tells whether a server would start with these settings, and lists every error in them.
use super::{load_for_serving, output::say};
use crate::config::{Config, Finding, SettingsError};
use anyhow::bail;
use serde_json::json;
use std::path::PathBuf;

/// Check the settings, and say all that is wrong with them. Nothing is started, opened or made.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  keyward check --config /etc/keyward.toml\n\n\
    Variables such as KEYWARD__ISSUER count as they do for `keyward serve`. Database and network are left alone.\n\n\
    Exit status: 0 if the settings are good, 1 if something is wrong with them, 2 if the command was.")]
pub struct Check {
    /// Settings, as TOML; variables override them.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON: `good`, and `errors`, each with `message` and, where known, `setting`, `file`, `line`,
    /// `variable`.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(self) -> anyhow::Result<()> {
        let loaded = load_for_serving(self.config.as_deref());
        let (config, wrong) = match loaded {
            Ok(config) => (Some(config), vec![]),
            Err(error) => match error.downcast::<SettingsError>() {
                Ok(SettingsError(wrong)) => (None, wrong),
                Err(error) => (None, vec![Finding::unread(&error)]),
            },
        };
        if self.json {
            say!("{:#}", json!({"good": wrong.is_empty(), "errors": wrong}))?;
        } else if let Some(config) = &config {
            say!("{}", self.praise(config))?;
        } else {
            for told in &wrong {
                say!("{}", told.message)?;
            }
        }
        match wrong.len() {
            0 => Ok(()),
            1 => bail!("one thing is wrong with the settings"),
            many => bail!("{many} things are wrong with the settings"),
        }
    }

    fn praise(&self, config: &Config) -> String {
        let file = self.config.as_ref().map(|file| format!("{} is", file.display()));
        let resources: Vec<_> = config.resources.values().map(|resource| resource.identifier.as_str()).collect();
        let resources = match resources.as_slice() {
            [] => "no MCP server yet".to_owned(),
            some => some.join(", "),
        };
        let subject = file.as_deref().unwrap_or("The settings are");
        format!("{subject} good: {} for {resources}.", config.issuer)
    }
}
