//! Calls with a stored login: a valid token before each, one refresh after a 401, more scope after a 403.
use super::{
    context::{Context, login_advice},
    login,
};
use crate::{
    address::Address,
    browser::Browser,
    challenge, clock,
    credential::Credential,
    error::{Failure, Result},
    mcp::{Client, Params},
    modes::Mode,
    options::CallOptions,
    output,
    profiles::{Extra, Profile, no_profile},
    refresh,
    scope::union,
    terminal,
};
use serde_json::Value;
use std::time::Duration;

pub struct Session<'a> {
    context: &'a Context,
    url: Address,
    calling: CallOptions,
    pub client: Client<'a>,
    profile: Option<(Profile, Extra)>,
}

impl<'a> Session<'a> {
    /// Opens a session with the login of the address. Without a login the server is called without credentials.
    pub async fn open(context: &'a Context, url: &Address, calling: &CallOptions) -> Result<Self> {
        let profile = match find(context, url, calling.profile_id.as_deref())? {
            Some(id) => Some(refresh::ensure(&context.http, &context.store, &id, None).await?),
            None => None,
        };
        let credential = match &profile {
            Some((profile, extra)) => Credential::of(profile, extra)?,
            None => Credential::None,
        };
        let client = Client::new(&context.http, url, calling.protocol, calling.elicitation, credential);
        let session = Self { context, url: url.clone(), calling: calling.clone(), client, profile };
        session.mark_used()?;
        Ok(session)
    }

    pub async fn request(&mut self, method: &str, params: Params) -> Result<Value> {
        let (mut refreshed, mut asked) = (false, false);
        loop {
            let failure = match self.client.request(method, params.clone()).await {
                Err(failure) => failure,
                result => return result,
            };
            match failure.http_status {
                Some(401) if !refreshed => {
                    refreshed = true;
                    self.refresh(failure).await?;
                }
                Some(403) if failure.code == "insufficient_scope" && !asked => {
                    asked = true;
                    self.step_up(failure).await?;
                }
                _ => return Err(failure),
            }
        }
    }

    pub async fn list(&mut self, method: &str, member: &str) -> Result<Vec<Value>> {
        // The first page is requested with refresh and step-up, the others only with its credential.
        let first = self.request(method, Params::new()).await?;
        if first["nextCursor"].is_null() {
            return Ok(first[member].as_array().cloned().unwrap_or_default());
        }
        self.client.list(method, member).await
    }

    async fn refresh(&mut self, refusal: Failure) -> Result<()> {
        let Some((profile, _)) = &self.profile else {
            let message = format!("{refusal}. {}", login_advice(self.context, &self.url).await);
            return Err(Failure { message, ..refusal });
        };
        let refused = profile.access_token.clone().unwrap_or_default();
        let id = profile.profile_id.clone();
        let renewed = refresh::ensure(&self.context.http, &self.context.store, &id, Some(&refused)).await;
        // The server's reason comes first, then the reason why the login cannot be renewed.
        self.take(renewed.map_err(|failure| Failure {
            message: format!("{refusal}. {failure}"),
            http_status: refusal.http_status,
            challenges: Vec::new(),
            ..failure
        })?)
    }

    fn take(&mut self, (profile, extra): (Profile, Extra)) -> Result<()> {
        self.client.credential = Credential::of(&profile, &extra)?;
        self.profile = Some((profile, extra));
        Ok(())
    }

    /// Asks for a new authorization, with the scopes that were asked for before and those that are missing now. Scopes
    /// that were refused before are not asked for again.
    async fn step_up(&mut self, refusal: Failure) -> Result<()> {
        let needed = challenge::parameter(&refusal.challenges, "scope").unwrap_or_default().to_owned();
        let Some((profile, extra)) = &self.profile else { return Err(refusal) };
        let before = format!(
            "{} {}",
            extra.requested_scope.as_deref().unwrap_or_default(),
            profile.scope.as_deref().unwrap_or_default()
        );
        let wanted = union(&before, &needed);
        let explained = |what: &str| Failure {
            message: format!("the token lacks a scope that is needed ({needed}); {what}"),
            ..Failure::new("insufficient_scope", "").with_status(403)
        };
        if needed.is_empty() || wanted == union(&before, "") {
            return Err(explained("it was asked for already and not granted"));
        }
        let again = step_up_command(&self.url, profile, &wanted);
        if self.calling.no_step_up || !self.may_ask(profile, &needed).await? {
            return Err(explained(&again));
        }
        let stepped_up = login::step_up(self.context, &self.url, profile, extra, &wanted).await?;
        self.take(stepped_up)
    }

    async fn may_ask(&self, profile: &Profile, needed: &str) -> Result<bool> {
        Ok(match &*profile.auth_mode {
            "client-creds" => true,
            "auth-code" if self.context.browser == Browser::Follow => true,
            "auth-code" | "device" => {
                let question = format!("The server needs more: {needed}. Ask for it now?");
                self.context.http.deadline().person(Duration::MAX, terminal::confirmed(&question)).await?
            }
            _ => false,
        })
    }

    /// Notes when the login was used, at most once a minute, since parallel processes wait for each other's lock.
    fn mark_used(&self) -> Result<()> {
        let Some((profile, _)) = &self.profile else { return Ok(()) };
        let now = clock::now();
        if profile.last_used_at.is_some_and(|last| now.saturating_sub(last) < 60) {
            return Ok(());
        }
        self.context.store.change(|profiles| {
            for known in profiles.profiles.iter_mut().filter(|known| known.profile_id == profile.profile_id) {
                known.last_used_at = Some(now);
            }
            Ok(())
        })
    }
}

/// The id of the named profile, else of the one in use for the address.
pub fn find(context: &Context, url: &Address, profile_id: Option<&str>) -> Result<Option<String>> {
    let profiles = context.store.load()?;
    let address = url.remembered();
    let Some(id) = profile_id else {
        return Ok(profiles.active(&address).map(|profile| profile.profile_id.clone()));
    };
    let profile = profiles.find(id).ok_or_else(|| no_profile(id))?;
    if profile.resource_url != address {
        return Err(Failure::usage(format!("profile {id} is for {}, not for {address}", profile.resource_url)));
    }
    Ok(Some(id.to_owned()))
}

/// What to type instead, for a login of this mode.
fn step_up_command(url: &Address, profile: &Profile, scope: &str) -> String {
    let (url, scope, mode) = (output::quoted(url.as_str()), output::quoted(scope), &profile.auth_mode);
    match Mode::of_profile(mode) {
        Some(Mode::AuthCode | Mode::Device) => format!("run: mcp-auth login {url} --auth-mode {mode} --scope {scope}"),
        Some(Mode::ClientCreds) => "the same command without --no-step-up asks for it".to_owned(),
        _ => "this login cannot ask for more: sign in with one that may".to_owned(),
    }
}
