//! `keyward registration-token`: lets somebody register so many clients, for so long, for no more than these scopes.
use super::load_config;
use crate::{
    clock::Clock,
    config::RegistrationPolicy,
    model::{InitialAccessToken, Scopes},
    secrets::RegistrationToken,
    storage::{Db, initial_access_tokens},
};
use anyhow::Context;
use secrecy::ExposeSecret;
use serde_json::json;
use std::path::PathBuf;
use time::Duration;

/// Make an initial access token, which registrations carry under `registration.policy = "token"` (RFC 7591 §3).
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    keyward registration-token --uses 5 --expires-in 86400 --scope \"mcp:read\" --config /etc/keyward.toml")]
pub struct RegistrationTokenCommand {
    /// How many clients may be registered with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    uses: i32,
    /// Seconds it is good for.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(1..))]
    expires_in: u32,
    /// The most these clients are ever granted, with spaces between; no limit if left out.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    /// Settings, as TOML; the same as the server's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl RegistrationTokenCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let scope = self.scope.as_deref().map(|scope| {
            let scopes = Scopes::parse(scope).filter(|scopes| !scopes.is_empty());
            scopes.context("--scope must be scope names with single spaces between them")
        });
        let scope = scope.transpose()?.map(|scopes| scopes.to_string());
        let config = load_config("", self.config.as_deref())?;
        let db = Db::open(config.database.url.expose_secret()).await?;
        let secret = RegistrationToken::random();
        let expires_at = Clock::default().now() + Duration::seconds(self.expires_in.into());
        let token = InitialAccessToken { token_hash: secret.digest(), uses_left: self.uses, scope, expires_at };
        initial_access_tokens::insert(&db, &token).await?;
        db.close().await?;
        if config.registration.policy != RegistrationPolicy::Token {
            eprintln!("Note: registration.policy is not \"token\", so no registration asks for this token.");
        }
        if self.json {
            let (uses, expires_at) = (token.uses_left, expires_at.unix_timestamp());
            let answer = json!({"initial_access_token": secret.expose(), "uses": uses, "expires_at": expires_at,
                "scope": token.scope});
            say!("{answer}")?;
        } else {
            say!("{}", secret.expose())?;
        }
        Ok(())
    }
}
