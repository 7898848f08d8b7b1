//! `keyward user`: shows, disables and enables accounts, and sets passwords.
use super::{
    operator::{CommonArguments, Confirmation, Desk, List, StateArguments, count, help, name, one_of},
    output::{CommandOutput, disabled, or_dash, status},
    serve::at,
};
use crate::{
    model::Role,
    operations::{date, users},
};
use anyhow::{Context, ensure};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Read};

/// Look at people's accounts, disable and enable them, set passwords.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward user list --config /etc/keyward.toml\n  \
    keyward user disable alice"))]
pub struct UserCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: CommonArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// List people, the newest first.
    #[command(after_help = help!("Examples:\n  keyward user list --role admin\n  \
        keyward user list --search example.com --disabled --json"))]
    List(List<People>),
    /// Show an account, with the number of its sessions and grants.
    #[command(after_help = help!("Example:\n  keyward user show alice"))]
    Show(Named),
    Disable(Disable),
    /// Enable a disabled account: its user can sign in again. Apps have to be allowed again.
    #[command(after_help = help!("Example:\n  keyward user enable alice"))]
    Enable(Named),
    /// Set a user's password: typed at a terminal, or one line on standard input. The user has to sign in again;
    /// connected apps keep their access.
    #[command(after_help = help!("Examples:\n  keyward user set-password alice\n  \
        keyward user set-password alice < new-password"))]
    SetPassword(Named),
    SetupLink(SetupLink),
}

#[derive(clap::Args)]
struct Named {
    /// A username, or the id of an account.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[derive(clap::Args)]
struct People {
    /// Only those with this role.
    #[arg(long, value_parser = one_of(Role::ALL, Role::name))]
    role: Option<Role>,
    /// Only those with this text in username, name or e-mail address.
    #[arg(long, value_name = "TEXT", value_parser = name)]
    search: Option<String>,
    #[command(flatten)]
    state: StateArguments,
}

/// Disable an account: nobody can sign in to it, its sessions end, and its grants are revoked for good, so that
/// connected apps get nothing more. The last administrator cannot be disabled.
#[derive(clap::Args)]
#[command(after_help = help!("Examples:\n  keyward user disable alice\n  keyward user disable alice --yes --json"))]
struct Disable {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Make a link that creates an administrator, or gives one a new password. It replaces the link before it.
#[derive(clap::Args)]
#[command(after_help = help!("Example:\n  keyward setup-link --config /etc/keyward.toml\n\n\
    Opened in a browser, the link asks for a user name and a password. The name of an administrator who is locked out \
    gets the new password, and is let in again if it was disabled; any other name becomes a new administrator. The \
    audit trail has it as setup_link_created, then as password_reset or user_created."))]
pub struct SetupLink;

/// Make a link that creates an administrator, or gives one a new password; short for `keyward user setup-link`.
#[derive(clap::Args)]
pub struct SetupLinkCommand {
    #[command(flatten)]
    link: SetupLink,
    #[command(flatten)]
    common: CommonArguments,
}

impl SetupLinkCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        self.common.run(async |desk| self.link.run(desk).await).await
    }
}

impl UserCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { verb, common } = self;
        common
            .run(async |desk| match verb {
                Verb::List(wanted) => list(desk, wanted).await,
                Verb::Show(named) => show(desk, &named).await,
                Verb::Disable(disable) => disable.run(desk).await,
                Verb::Enable(named) => enable(desk, &named).await,
                Verb::SetPassword(named) => set_password(desk, &named).await,
                Verb::SetupLink(link) => link.run(desk).await,
            })
            .await
    }
}

async fn list(desk: &Desk, List { filter, page }: List<People>) -> anyhow::Result<CommandOutput> {
    let wanted = users::Filter { role: filter.role, disabled: filter.state.disabled(), search: filter.search };
    let page = users::list(&desk.app, &wanted, &page.paging()).await?;
    let headings = ["USERNAME", "ROLE", "STATUS", "NAME", "EMAIL", "ID"];
    Ok(CommandOutput::list("users", &page, users::shown, headings, |user| {
        let (name, email) = (or_dash(user.name.as_deref()), or_dash(user.email.as_deref()));
        let (role, status) = (user.role.name(), status(user.disabled_at));
        [user.username.clone(), role.into(), status.into(), name, email, user.id.to_string()]
    }))
}

async fn show(desk: &Desk, Named { name }: &Named) -> anyhow::Result<CommandOutput> {
    let id = users::find(&desk.app, name).await?.id;
    let users::Account { user, live_grants, sessions } = users::show(&desk.app, id).await?;
    let mut json = users::shown(&user);
    json["live_grants"] = json!(live_grants);
    json["sessions"] = json!(sessions);
    Ok(CommandOutput::one(
        json,
        [
            ("Username", user.username),
            ("Id", user.id.to_string()),
            ("Name", or_dash(user.name.as_deref())),
            ("Email", or_dash(user.email.as_deref())),
            ("Role", user.role.name().into()),
            ("Disabled", disabled(user.disabled_at)),
            ("Created", date(user.created_at)),
            ("Live grants", live_grants.to_string()),
            ("Sessions", sessions.to_string()),
        ],
    ))
}

impl Disable {
    async fn run(self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let user = users::find(&desk.app, &self.named.name).await?;
        let users::Account { user, live_grants, sessions } = users::show(&desk.app, user.id).await?;
        let (grants, ends) = (count(live_grants, "grant"), count(sessions, "session"));
        self.confirmation
            .confirm(&format!("Disabling {} revokes {grants} for good and ends {ends}.", user.username))?;
        let (user, ended) = users::disable(&desk.app, &desk.by, user.id).await?;
        let users::EndedAccess { grants, sessions } = ended;
        let json = json!({"user": users::shown(&user), "grants_revoked": grants, "sessions_ended": sessions});
        let (grants, sessions) = (count(grants, "grant"), count(sessions, "session"));
        Ok(CommandOutput::new(json, format!("Disabled {}: revoked {grants}, ended {sessions}.", user.username)))
    }
}

async fn enable(desk: &Desk, Named { name }: &Named) -> anyhow::Result<CommandOutput> {
    let id = users::find(&desk.app, name).await?.id;
    let user = users::enable(&desk.app, &desk.by, id).await?;
    Ok(CommandOutput::new(json!({"user": users::shown(&user)}), format!("Enabled {}.", user.username)))
}

async fn set_password(desk: &Desk, Named { name }: &Named) -> anyhow::Result<CommandOutput> {
    let user = users::find(&desk.app, name).await?;
    let sessions = users::set_password(&desk.app, &desk.by, user.id, &password()?).await?;
    let json = json!({"user": users::shown(&user), "sessions_ended": sessions});
    let sessions = count(sessions, "session");
    Ok(CommandOutput::new(json, format!("{} has a new password: ended {sessions}.", user.username)))
}

/// Bytes: more than any accepted password has.
const MAX_LINE_BYTES: u64 = 4096;
const BYTE_ORDER_MARK: char = '\u{feff}';

fn password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password("New password: ")?;
        ensure!(typed == rpassword::prompt_password("Again: ")?, "the two passwords differ; nothing was changed");
        return Ok(typed);
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line);
    read.context("standard input must be the password on one line, in UTF-8")?;
    ensure!(!line.is_empty(), "standard input must be the password on one line, but it is empty");
    let password = line.trim_end_matches(['\r', '\n']);
    // Editors and shells leave such characters in files; nobody could sign in with them.
    let is_untypable = |character: char| character.is_control() || character == BYTE_ORDER_MARK;
    ensure!(!password.contains(is_untypable), "standard input has a character in it that nobody types in a password");
    Ok(password.to_owned())
}

impl SetupLink {
    async fn run(&self, desk: &Desk) -> anyhow::Result<CommandOutput> {
        let link = users::new_setup_link(&desk.app, &desk.by).await?;
        let json = json!({"setup_link": link.url, "expires_at": date(link.expires_at)});
        let until = at(link.expires_at);
        Ok(CommandOutput::secret(
            json,
            format!(
                "{}\n\nThat link is good once, until {until}. Whoever opens it becomes an administrator.",
                link.url
            ),
        ))
    }
}
