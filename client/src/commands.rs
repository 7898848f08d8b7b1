//! The verbs, one file each, and what they share.
pub mod call;
pub mod debug;
pub mod discover;
pub mod doctor;
pub mod login;
pub mod logout;
pub mod profile;
pub mod read;
mod session;
pub mod status;
pub mod token;
pub mod tools;

use crate::{
    address::Address,
    cli::{Browser, Cli, Verb},
    clock,
    discover::Hints,
    error::Result,
    http::Http,
    modes,
    output::{self, Output},
    profiles::{Profile, Store},
};

/// What every verb works with.
#[derive(Clone)]
pub struct Context {
    pub http: Http,
    pub store: Store,
    pub out: Output,
    pub browser: Browser,
}

pub async fn run(cli: Cli) -> Result<()> {
    let context = Context {
        http: Http::new(cli.global.http(), cli.global.deadline(), cli.verb.server().cloned())?,
        store: Store::open(cli.global.profile_home.clone())?,
        out: Output { json: cli.global.json },
        browser: cli.global.browser(),
    };
    let http = context.http.clone();
    http.deadline().hold(Box::pin(run_verb(cli.verb, context))).await
}

async fn run_verb(verb: Verb, context: Context) -> Result<()> {
    match verb {
        Verb::Discover(verb) => verb.run(&context).await,
        Verb::Login(verb) => verb.run(context).await,
        Verb::Call(verb) => verb.run(&context).await,
        Verb::Tools(verb) => verb.run(&context).await,
        Verb::Read(verb) => verb.run(&context).await,
        Verb::Token(verb) => verb.run(&context).await,
        Verb::Profile(verb) => verb.run(&context),
        Verb::Status(verb) => verb.run(&context).await,
        Verb::Logout(verb) => verb.run(&context).await,
        Verb::Debug(verb) => verb.run(&context).await,
        Verb::Doctor(verb) => verb.run(&context).await,
    }
}

/// What to do at a server that refuses whoever is not signed in: a command that works, as far as can be found out.
async fn advice(context: &Context, url: &Address) -> String {
    let shown = output::quoted(url.as_str());
    match crate::discover::discover(&context.http, url, &Hints::default()).await {
        Ok(found) if found.malformed.is_empty() => modes::command(&found).map_or_else(
            || "The server is open to all: no login is needed".to_owned(),
            |command| format!("Run: {command}"),
        ),
        // Whatever keeps a login from being found, the doctor tells.
        _ => format!("Run: mcp-auth doctor {shown}"),
    }
}

/// `in 59 min`, for people.
pub fn expiry(profile: &Profile) -> String {
    let renews = if crate::refresh::can_renew(profile) { ", renews itself" } else { "" };
    match profile.expires_at.map(|end| end.saturating_sub(clock::now())) {
        None => format!("no end is known{renews}"),
        Some(..=0) => format!("expired{renews}"),
        Some(seconds @ ..120) => format!("in {seconds} s{renews}"),
        Some(seconds @ ..7200) => format!("in {} min{renews}", seconds / 60),
        Some(seconds) => format!("in {} h{renews}", seconds / 3600),
    }
}
