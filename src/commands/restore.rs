//! `keyward restore`: tells running servers that the database was restored from a backup.
use super::{
    load_config,
    operator::{NOT_CLOSED, NOT_SEALED, NOT_SHOWN},
    output::say,
    serve::at,
    server,
};
use crate::{audit::chain, tokens::restored};
use anyhow::{Context, ensure};
use std::path::PathBuf;
use time::Duration;

/// Say that this database was put back from a backup, so that clients which refreshed since it was made stay signed in.
#[derive(clap::Args)]
#[command(after_help = "Example, after the backup was put back:\n  keyward restore --accept-newer --days 7 --config \
    /etc/keyward.toml\n\n\
    A refresh token that was made after the backup is later than the one the database knows, and is refused. Within \
    these days each grant may catch up, once; the audit trail has it as refresh_caught_up. What was revoked after the \
    backup is not revoked any more: revoke it again first. Grants made after the backup are gone, and their people \
    sign in again.")]
pub struct Restore {
    /// Accept refresh tokens newer than the database, once for each grant.
    #[arg(long)]
    accept_newer: bool,
    /// Stop accepting them before the time is over.
    #[arg(long)]
    refuse_newer: bool,
    /// For how many days, 1 to 90.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=90))]
    days: i64,
    /// Settings, as TOML; the same as the server's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Restore {
    pub async fn run(self) -> anyhow::Result<()> {
        ensure!(self.accept_newer != self.refuse_newer, "say either --accept-newer or --refuse-newer");
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let said = if self.accept_newer {
            let until = at(restored::open(&app, Duration::days(self.days)).await?.until);
            format!(
                "Until {until}, refresh tokens of later than this database knows are accepted, once for each grant."
            )
        } else if restored::close(&app).await? {
            "Refresh tokens of later than this database knows are refused from now on.".to_owned()
        } else {
            "They are refused already.".to_owned()
        };
        let shown = say!("{said}").context(NOT_SHOWN);
        let sealed = chain::extend(&app.audit).await;
        let closed = app.db.close().await;
        shown.and(sealed.context(NOT_SEALED)).and(closed.context(NOT_CLOSED))
    }
}
