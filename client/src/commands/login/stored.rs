//! Logins with a credential that no authorization server issued: a token, a key, a password, headers.
use super::{
    super::context::Context,
    keep::keep,
    options::{CredentialOptions, Login, stdin},
};
use crate::{
    address::Address,
    credential::Credential,
    discover::Discovery,
    encode,
    error::{Failure, Result},
    mcp::{Client, Elicitation, Params, Protocol},
    modes::{self, Mode},
    profiles::{Extra, Profile},
    terminal,
};
use std::{collections::BTreeMap, time::Duration};

/// The credential that the server demands; empty where the server was not asked.
#[derive(Default)]
pub struct CredentialDemand {
    /// The headers in which the server takes a key.
    headers: Vec<String>,
    /// The command that gives the credential.
    command: Option<String>,
}

impl CredentialDemand {
    pub fn of(found: &Discovery) -> Self {
        Self { headers: modes::named_headers(found), command: modes::command(found) }
    }

    /// The credential was neither given nor typed.
    fn missing(&self, what: &str) -> Failure {
        let cure = self.command.as_ref().map(|command| format!(". Run: {command}")).unwrap_or_default();
        Failure::usage(format!("{what}{cure}"))
    }
}

pub async fn run(login: &Login, context: &Context, mode: Mode, demand: &CredentialDemand) -> Result<Profile> {
    let mut profile = Profile::new(&login.url.remembered(), &mode.name());
    let mut extra = Extra { sealed: login.keyring.then(String::new), ..Extra::default() };
    let person = context.http.deadline();
    match mode {
        Mode::Basic => {
            let pair = person.person(Duration::MAX, basic(&login.credential, demand)).await??;
            (profile.access_token, profile.token_type) = (Some(pair), Some("Basic".to_owned()));
        }
        Mode::Header => {
            extra.headers = person.person(Duration::MAX, headers(&login.credential.header, demand)).await??;
        }
        _ => {
            let token = person.person(Duration::MAX, token(&login.credential, demand)).await??;
            (profile.access_token, profile.token_type) = (Some(token), Some("Bearer".to_owned()));
        }
    }
    try_out(context, &login.url, &profile, &extra).await?;
    keep(context, profile, extra).map(|(profile, _)| profile)
}

/// Tries the credential, so that a refused one is not stored.
async fn try_out(context: &Context, url: &Address, profile: &Profile, extra: &Extra) -> Result<()> {
    let credential = Credential::of(profile, extra)?;
    let mut client = Client::new(&context.http, url, Protocol::Auto, Elicitation::Decline, credential);
    let tried = client.request("tools/list", Params::new()).await;
    client.close().await;
    match tried {
        Err(failure) if failure.http_status == Some(401) => {
            Err(Failure { message: format!("{failure}: the server refuses this credential"), ..failure })
        }
        // Whether the credential may list tools does not matter here.
        _ => Ok(()),
    }
}

/// The stored login, if the server still takes its credential.
pub async fn still_good(context: &Context, url: &Address, known: &Profile) -> Result<Option<Profile>> {
    let static_mode = Mode::of_profile(&known.auth_mode).is_some_and(|mode| !mode.is_oauth());
    let Ok((profile, extra)) = context.store.login(&known.profile_id) else { return Ok(None) };
    if !static_mode || (profile.access_token.is_none() && extra.headers.is_empty()) {
        return Ok(None);
    }
    match try_out(context, url, &profile, &extra).await {
        Err(failure) if failure.http_status == Some(401) => Ok(None),
        Err(failure) => Err(failure),
        Ok(()) => Ok(Some(profile)),
    }
}

async fn token(given: &CredentialOptions, demand: &CredentialDemand) -> Result<String> {
    let typed = match given.bearer_token.as_deref() {
        Some("-") => Some(stdin()?),
        Some(token) => Some(token.to_owned()),
        None => terminal::secret("Token or key:").await,
    };
    typed.filter(|token| !token.is_empty()).ok_or_else(|| demand.missing("this mode needs --bearer-token"))
}

async fn basic(given: &CredentialOptions, demand: &CredentialDemand) -> Result<String> {
    if given.username.is_some() && !given.password_stdin && !terminal::is_attended() {
        return Err(demand.missing("basic needs the password on standard input and --password-stdin"));
    }
    let name = match &given.username {
        Some(name) => Some(name.clone()),
        None if given.password_stdin => None,
        None => terminal::answer("User name:").await.filter(|name| !name.is_empty()),
    };
    let name = name.ok_or_else(|| demand.missing("basic needs --username"))?;
    if name.contains(':') {
        return Err(Failure::usage("a name for Basic holds no colon (RFC 7617 §2)"));
    }
    let password = if given.password_stdin { Some(stdin()?) } else { terminal::secret("Password:").await };
    let password = password.ok_or_else(|| demand.missing("basic needs a password"))?;
    Ok(encode::base64(format!("{name}:{password}")))
}

/// The headers that were given, else the first one that the server names and the person types a value for.
async fn headers(given: &[String], demand: &CredentialDemand) -> Result<BTreeMap<String, String>> {
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    if !given.is_empty() {
        let pairs = given.iter().map(pair).collect::<Option<_>>();
        return pairs.ok_or_else(|| Failure::usage("--header takes NAME=VALUE"));
    }
    for name in &demand.headers {
        match terminal::secret(&format!("{name} (empty if you have none):")).await {
            None => break,
            Some(value) if value.is_empty() => {}
            Some(value) => return Ok(BTreeMap::from([(name.clone(), value)])),
        }
    }
    Err(demand.missing("header needs --header NAME=VALUE"))
}
