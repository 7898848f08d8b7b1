//! `keyward registration-token`: makes, lists and revokes initial access tokens.
use super::{
    operator::{CommonArguments, Confirmation, Desk, PageArguments, help, name},
    output::{CommandOutput, or_dash},
};
use crate::{
    config::RegistrationPolicy,
    model::Scopes,
    operations::{date, registration_tokens},
};
use serde_json::json;
use std::io::{self, Write};
use time::Duration;

/// Make, list and revoke initial access tokens, which registrations carry under `registration.policy = "token"`
/// (RFC 7591 §3).
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = help!("Examples:\n  keyward registration-token make --uses 5 --expires-in 86400 --scope \"mcp:read\"\n  \
        keyward registration-token list --config /etc/keyward.toml\n\nWithout a verb: make, as in\n  \
        keyward registration-token --uses 5 --expires-in 86400 --scope \"mcp:read\"")
)]
pub struct RegistrationTokenCommand {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    make: Make,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a token. It is shown this once.
    #[command(after_help = help!("Example:\n  \
        keyward registration-token make --uses 5 --expires-in 86400 --scope \"mcp:read\""))]
    Make(Make),
    /// List valid tokens; those that expire first come first.
    #[command(after_help = help!("Example:\n  keyward registration-token list --json"))]
    List(PageArguments),
    Revoke(Revoke),
}

#[derive(clap::Args)]
struct Make {
    /// How many clients may be registered with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    uses: i32,
    /// How many seconds it is valid.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(1..))]
    expires_in: u32,
    /// The most scopes these clients are ever granted, separated by spaces; unlimited if left out.
    #[arg(long, value_name = "SCOPES", value_parser = scopes)]
    scope: Option<Scopes>,
}

/// Revoke a token: nobody registers with it any more. Clients that registered with it stay.
#[derive(clap::Args)]
#[command(after_help = help!("Example:\n  keyward registration-token revoke 0f1e2d3c4b5a"))]
struct Revoke {
    /// As `keyward registration-token list` shows it.
    #[arg(value_name = "FINGERPRINT", value_parser = name)]
    fingerprint: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl RegistrationTokenCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, make, common } = self;
        common
            .run(async |desk| match verb.unwrap_or(Verb::Make(make)) {
                Verb::Make(make) => make.run(desk).await,
                Verb::List(page) => list(desk, &page).await,
                Verb::Revoke(revoke) => revoke.run(desk).await,
            })
            .await
    }
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let scopes = Scopes::parse(text).filter(|scopes| !scopes.is_empty());
    scopes.ok_or_else(|| "write scope names with single spaces between them".to_owned())
}

impl Make {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let expires_in = Duration::seconds(self.expires_in.into());
        let wanted = registration_tokens::TokenLimits { uses: self.uses, expires_in, scope: self.scope };
        let (secret, token) = registration_tokens::make(&desk.app, &desk.by, &wanted).await?;
        if desk.app.config.registration.policy != RegistrationPolicy::Token {
            let note = "Note: registration.policy is not \"token\", so no registration asks for this token.";
            // A note that cannot be shown must not hide the token.
            writeln!(io::stderr(), "{note}").ok();
        }
        let json = json!({
            "initial_access_token": secret.expose(),
            "fingerprint": token.token_hash.fingerprint(),
            "uses": token.uses_left,
            "expires_at": token.expires_at.unix_timestamp(),
            "scope": token.scope,
        });
        Ok(CommandOutput::secret(json, secret.expose()))
    }
}

async fn list(desk: &Desk, page: &PageArguments) -> anyhow::Result<CommandOutput> {
    let page = registration_tokens::list(&desk.app, &page.paging()).await?;
    let headings = ["FINGERPRINT", "USES LEFT", "EXPIRES", "SCOPE"];
    Ok(CommandOutput::list("registration_tokens", &page, registration_tokens::shown, headings, |token| {
        let scope = or_dash(token.scope.as_deref());
        [token.token_hash.fingerprint(), token.uses_left.to_string(), date(token.expires_at), scope]
    }))
}

impl Revoke {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        self.confirmation.confirm(&format!("This revokes the registration token {} for good.", self.fingerprint))?;
        let token = registration_tokens::revoke(&desk.app, &desk.by, &self.fingerprint).await?;
        let json = json!({"registration_token": registration_tokens::shown(&token)});
        Ok(CommandOutput::new(json, format!("Revoked {}.", token.token_hash.fingerprint())))
    }
}
