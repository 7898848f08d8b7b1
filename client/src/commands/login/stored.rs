//! Credentials that no authorization server issued: tokens, keys, passwords, headers.
use super::{
    Context, Login, Mode,
    arguments::{Static, stdin},
    store,
};
use crate::{
    credential::Credential,
    encode,
    error::{Failure, Result},
    mcp::{Client, Elicitation, Params, Protocol},
    profiles::{Extra, Profile},
};
use std::collections::BTreeMap;

pub async fn run(login: &Login, context: &Context, mode: Mode) -> Result<Profile> {
    let mut profile = Profile::new(&login.url.remembered(), &mode.name());
    let mut extra = Extra { sealed: login.keyring.then(String::new), ..Extra::default() };
    match mode {
        Mode::Basic => {
            (profile.access_token, profile.token_type) = (Some(basic(&login.stored)?), Some("Basic".to_owned()));
        }
        Mode::Header => extra.headers = headers(&login.stored.header)?,
        _ => (profile.access_token, profile.token_type) = (Some(token(&login.stored)?), Some("Bearer".to_owned())),
    }
    try_out(login, context, &profile, &extra).await?;
    store(context, profile, extra).map(|(profile, _)| profile)
}

/// A credential that is refused is not worth keeping.
async fn try_out(login: &Login, context: &Context, profile: &Profile, extra: &Extra) -> Result<()> {
    let credential = Credential::of(profile, extra)?;
    let mut client = Client::new(&context.http, &login.url, Protocol::Auto, Elicitation::Decline, credential);
    let tried = client.request("tools/list", Params::new()).await;
    client.close().await;
    match tried {
        Err(failure) if failure.http_status == Some(401) => {
            Err(Failure { message: format!("the server refuses this credential: {failure}"), ..failure })
        }
        // What the credential may do is another matter.
        _ => Ok(()),
    }
}

fn token(given: &Static) -> Result<String> {
    match given.bearer_token.as_deref() {
        Some("-") => stdin(),
        Some(token) => Ok(token.to_owned()),
        None => Err(Failure::usage("this mode needs --bearer-token")),
    }
}

fn basic(given: &Static) -> Result<String> {
    let name = given.username.as_deref().ok_or_else(|| Failure::usage("basic needs --username"))?;
    if name.contains(':') {
        return Err(Failure::usage("a name for Basic holds no colon (RFC 7617 §2)"));
    }
    if !given.password_stdin {
        return Err(Failure::usage("basic needs the password on standard input and --password-stdin"));
    }
    Ok(encode::base64(format!("{name}:{}", stdin()?)))
}

fn headers(given: &[String]) -> Result<BTreeMap<String, String>> {
    if given.is_empty() {
        return Err(Failure::usage("header needs --header NAME=VALUE"));
    }
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    given.iter().map(pair).collect::<Option<_>>().ok_or_else(|| Failure::usage("--header takes NAME=VALUE"))
}
