//! Shared by all operators' commands: arguments, opening and closing the server's data, questions, and error texts.
use super::{load_config, output::CommandOutput, server};
use crate::{
    app::App,
    oauth::visible::visible,
    operations::{self, OperationError, Operator, Paging},
};
use anyhow::{Context, anyhow, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

/// The end of each command's help.
macro_rules! help {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nExit codes: 0 done; 1 refused, or it failed, and nothing was changed unless the error says that the \
             command was carried out; 2 wrong arguments."
        )
    };
}
pub(super) use help;

/// Arguments of every operators' command.
#[derive(clap::Args)]
pub struct CommonArguments {
    /// The settings of the server, as TOML; variables such as `KEYWARD__DATABASE__URL` override them.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The opened server data, and the operator who works on it.
pub struct Desk {
    pub app: Box<App>,
    pub by: Operator,
    pub json: bool,
}

impl CommonArguments {
    /// Opens the data of an existing server, runs `act`, and closes the data. Running servers see each change at once,
    /// or within a second. An error after `act` says that the act has happened.
    pub async fn run(&self, act: impl AsyncFnOnce(&Desk) -> anyhow::Result<CommandOutput>) -> anyhow::Result<()> {
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let desk = Desk { app, by: Operator::at_command_line(), json: self.json };
        let done = act(&desk).await.map_err(with_cure);
        let printed = done.and_then(|answer| answer.print(self.json, desk.app.masker()).context(NOT_SHOWN));
        let caught_up = operations::audit::catch_up(&desk.app).await;
        let closed = desk.app.db.close().await;
        printed.and(caught_up.context(NOT_SEALED)).and(closed.context(NOT_CLOSED))
    }
}

pub const NOT_SHOWN: &str = "the command was carried out, but its answer could not be shown";
pub const NOT_SEALED: &str = "the command was carried out, but the audit trail could not be sealed";
pub const NOT_CLOSED: &str = "the command was carried out, but the database could not be closed";

/// Adds to the error how to fix it.
fn with_cure(error: anyhow::Error) -> anyhow::Error {
    let cure = match error.downcast_ref() {
        Some(OperationError::NoSuchUser { .. }) => "keyward user list shows who there is",
        Some(OperationError::NoSuchClient(_)) => "keyward client list shows which there are",
        Some(OperationError::NoSuchGrant(_)) => "keyward grant list --all shows which there are",
        Some(OperationError::NoSuchRegistrationToken(_)) => "keyward registration-token list shows which are",
        Some(OperationError::NoSuchPlace(_)) => "leave --after out to begin with the first page",
        Some(OperationError::LastAdministrator) => "keyward setup-link makes another one",
        Some(OperationError::NothingToRevoke) => "keyward grant list shows those that are",
        Some(OperationError::NothingToDelete) => "keyward consent list shows which there are",
        _ => return error,
    };
    let said = error.to_string();
    let stop = if said.ends_with('?') { "" } else { ";" };
    anyhow!("{said}{stop} {cure}")
}

/// Selects a page of a list.
#[derive(clap::Args)]
pub struct PageArguments {
    /// How many at most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Continue after this place, as printed at the end of the previous page.
    #[arg(long, value_name = "PLACE", value_parser = name)]
    after: Option<String>,
}

impl PageArguments {
    pub fn paging(&self) -> Paging {
        Paging { limit: self.limit, after: self.after.clone() }
    }
}

/// Filters a list by whether its items are disabled.
#[derive(clap::Args)]
pub struct StateArguments {
    /// Only those that are disabled.
    #[arg(long, conflicts_with = "enabled")]
    disabled: bool,
    /// Only those that are not disabled.
    #[arg(long)]
    enabled: bool,
}

impl StateArguments {
    pub fn disabled(&self) -> Option<bool> {
        (self.disabled || self.enabled).then_some(self.disabled)
    }
}

/// Arguments of a list: a filter and a page.
#[derive(clap::Args)]
pub struct List<F: clap::Args> {
    #[command(flatten)]
    pub filter: F,
    #[command(flatten)]
    pub page: PageArguments,
}

/// Confirms an act that cannot be undone.
#[derive(clap::Args)]
pub struct Confirmation {
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
}

/// Parses one of these values by its name.
pub fn one_of<T, const N: usize>(all: [T; N], word: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(word))
        .try_map(move |text| all.into_iter().find(|one| word(*one) == text).ok_or("this is none of them"))
}

/// Bytes; a `client_id` may be a URL.
const MAX_NAME_BYTES: usize = 2048;

/// Parses a name or id argument.
pub fn name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("it is empty".to_owned()),
        long if long.len() > MAX_NAME_BYTES => Err(format!("it has more than {MAX_NAME_BYTES} bytes")),
        text if text.chars().any(char::is_control) => Err("it has a control character in it".to_owned()),
        text => Ok(text.to_owned()),
    }
}

impl Confirmation {
    /// Asks at a terminal; a script says `--yes`. `what` is a sentence.
    pub fn confirm(&self, what: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        let what = visible(what);
        ensure!(io::stdin().is_terminal(), "nobody is here to confirm this: {what} Say --yes, and it is done");
        let mut stderr = io::stderr().lock();
        write!(stderr, "{what} Go on? [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => bail!("nothing was changed"),
        }
    }
}

/// `1 grant`, `2 grants`.
pub fn count(number: impl Into<i128>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_some_text_on_one_line() {
        assert_eq!(name("alice").as_deref(), Ok("alice"));
        assert_eq!(name("日本 語").as_deref(), Ok("日本 語"));
        for wrong in ["", "a\nb", "\x1b[2J", "a\u{9b}", &"x".repeat(MAX_NAME_BYTES + 1)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn one_is_one() {
        let counted = [0_i64, 1, 2].map(|number| count(number, "grant"));
        assert_eq!(counted, ["0 grants", "1 grant", "2 grants"]);
    }
}
