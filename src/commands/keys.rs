//! `keyward keys`: shows the signing keys, and rotates them before their time.
use super::{load_config, server};
use crate::{
    app::App,
    jobs::rotation::{self, Schedule},
    model::{KeyStatus, SigningKey},
};
use serde_json::{Value, json};
use std::path::PathBuf;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Show the signing keys, or rotate them now. Servers on the same database follow within seconds, without a restart.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keyward keys list --config /etc/keyward.toml\n  keyward keys rotate --json")]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
    /// The settings of the server, as TOML; variables such as `KEYWARD__DATABASE__URL` override them.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show each key, what it is doing, and what happens to it next.
    #[command(after_help = "Example:\n  keyward keys list --config /etc/keyward.toml")]
    List,
    /// Publish new keys now. They sign after `keys.publish_before` seconds; no token dies.
    #[command(after_help = "Examples:\n  keyward keys rotate --config /etc/keyward.toml\n  \
        keyward keys rotate --emergency   (a private key was stolen)")]
    Rotate {
        /// Sign with new keys at once and withdraw all old ones: every JWT out there dies, access token or ID token.
        /// Clients refresh; nobody has to sign in again.
        #[arg(long)]
        emergency: bool,
    },
}

const REPLACED: &str = "All keys were replaced. Tokens signed by the old ones are refused: by running servers within \
    seconds, by MCP servers that verify tokens themselves as soon as they fetch the keys again. Clients refresh.";
const PUBLISHED: &str = "New keys are published, and sign once everybody who verifies knows them. No token dies.";

impl Keys {
    pub async fn run(self) -> anyhow::Result<()> {
        let app = Box::pin(server::open_existing(load_config("", self.config.as_deref())?)).await?;
        let said = match self.action {
            Action::List => None,
            Action::Rotate { emergency: false } => rotation::begin(&app).await.map(|()| Some(PUBLISHED))?,
            Action::Rotate { emergency: true } => rotation::replace_all(&app).await.map(|_| Some(REPLACED))?,
        };
        if self.json {
            let ring = app.keys.ring();
            let keys: Vec<_> = ring.all().iter().map(|key| described(&app, key)).collect();
            say!("{:#}", json!({ "keys": keys }))?;
        } else {
            if let Some(said) = said {
                say!("{said}\n")?;
            }
            table(&app)?;
        }
        app.db.close().await?;
        Ok(())
    }
}

fn described(app: &App, key: &SigningKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "status": key.status.name(),
        "created_at": written(key.created_at),
        "activated_at": key.activated_at.map(written),
        "retired_at": key.retired_at.map(written),
        // Of a current key: when its successor is published.
        "next_step_at": Schedule::of(&app.config).step_at(key).map(written),
    })
}

fn table(app: &App) -> anyhow::Result<()> {
    say!("{:43}  {:5}  {:7}  THEN", "KID", "ALG", "STATUS")?;
    let (ring, schedule) = (app.keys.ring(), Schedule::of(&app.config));
    for key in ring.all() {
        let step = schedule.step_at(key).map(written);
        let successor = ring.find(&key.algorithm, KeyStatus::Next).and_then(|next| schedule.step_at(next));
        let then = match (key.status, step) {
            (KeyStatus::Next, Some(at)) => format!("signs from {at}"),
            (KeyStatus::Retired, Some(at)) => format!("verifies until {at}"),
            (KeyStatus::Current, _) if successor.is_some() => {
                format!("signs until {}", successor.map(written).unwrap_or_default())
            }
            (KeyStatus::Current, Some(at)) => format!("signs; a successor is published {at}"),
            (_, None) => "signs".to_owned(),
        };
        say!("{:43}  {:5}  {:7}  {then}", key.kid, key.algorithm, key.status.name())?;
    }
    Ok(())
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.unix_timestamp().to_string())
}
