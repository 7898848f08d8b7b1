//! What every verb works with, and the advice that several of them give.
use crate::{
    address::Address,
    browser::Browser,
    clock,
    discover::{Hints, discover},
    http::Http,
    modes,
    output::{self, Output},
    profiles::{Profile, Store},
    refresh,
};

#[derive(Clone)]
pub struct Context {
    pub http: Http,
    pub store: Store,
    pub out: Output,
    pub browser: Browser,
}

/// The command that signs in to a server, as far as discovery can tell; for messages about a missing login.
pub async fn login_advice(context: &Context, url: &Address) -> String {
    let shown = output::quoted(url.as_str());
    match discover(&context.http, url, &Hints::default()).await {
        Ok(found) if found.malformed.is_empty() => match (modes::command(&found), &found.stray) {
            (Some(command), _) => format!("Run: {command}"),
            (None, Some(stray)) => format!("The server cannot be signed in to: {stray}"),
            (None, None) => "The server is open to all: no login is needed".to_owned(),
        },
        // The doctor says why no way to log in was found.
        _ => format!("Run: mcp-auth doctor {shown}"),
    }
}

/// When the token of a login expires, for people: `in 59 min`.
pub fn expiry(profile: &Profile) -> String {
    let renews = if refresh::can_renew(profile) { ", renews itself" } else { "" };
    match profile.expires_at.map(|end| end.saturating_sub(clock::now())) {
        None => format!("no end is known{renews}"),
        Some(..=0) => format!("expired{renews}"),
        Some(seconds @ ..120) => format!("in {seconds} s{renews}"),
        Some(seconds @ ..7200) => format!("in {} min{renews}", seconds / 60),
        Some(seconds) => format!("in {} h{renews}", seconds / 3600),
    }
}
