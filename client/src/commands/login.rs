//! `mcp-auth login`: signs in to a server, by a way that it offers and the person can take, and stores the login.
mod keep;
mod oauth;
mod options;
mod plan;
mod stored;

use super::context::{Context, expiry};
use crate::{
    browser::Browser,
    discover::{self, Discovery},
    error::{Failure, Result},
    metadata::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE},
    modes::{self, Mode},
    output,
    profiles::{Keyring, Profile},
    refresh,
};
pub use oauth::step_up;
pub use options::Login;
use serde_json::json;
use stored::CredentialDemand;

impl Login {
    pub async fn run(self, mut context: Context) -> Result<()> {
        if self.browser.open_browser {
            context.browser = Browser::Open;
        }
        let Some((profile, how)) = self.log_in(&context).await? else {
            self.say_that_it_is_open(&context);
            return Ok(());
        };
        let object = json!({
            "profile_id": profile.profile_id, "resource_url": profile.resource_url, "auth_mode": profile.auth_mode,
            "issuer": profile.issuer, "scope": profile.scope, "expires_at": profile.expires_at,
            "refreshable": refresh::can_renew(&profile),
        });
        context.out.result(&object, || {
            let (url, id, mode) = (&profile.resource_url, &profile.profile_id, &profile.auth_mode);
            let mut lines = vec![format!("{how} {url}"), format!("  profile  {id} ({mode})")];
            lines.extend(profile.scope.as_ref().map(|scope| format!("  scopes   {scope}")));
            lines.push(format!("  expires  {}", expiry(&profile)));
            lines
        });
        Ok(())
    }

    fn say_that_it_is_open(&self, context: &Context) {
        let object = json!({"resource_url": self.url.remembered(), "auth_mode": "none"});
        let url = output::quoted(self.url.as_str());
        context.out.result(&object, || {
            vec![
                format!("{} is open to all: there is nothing to sign in to.", self.url.shown()),
                format!("  try it: mcp-auth tools {url}"),
            ]
        });
    }

    /// The new login, and how to announce it. None where the server is open to all.
    async fn log_in(&self, context: &Context) -> Result<Option<(Profile, &'static str)>> {
        // The keyring is checked first, so that nobody signs in and then loses the login.
        if self.keyring || context.store.load()?.any_sealed(&self.url.remembered()) {
            Keyring::check()?;
        }
        if let Some(mode) = self.static_mode() {
            let profile = stored::run(self, context, mode, &CredentialDemand::default()).await?;
            return Ok(Some((profile, "Signed in to")));
        }
        let found = discover::discover(&context.http, &self.url, &self.hints).await?;
        for warning in &found.warnings {
            output::warn(warning);
        }
        if self.accepts_any_login()
            && let Some(profile) = self.renewed(context, &found).await?
        {
            return Ok(Some((profile, "Still signed in to")));
        }
        if found.is_open() && self.accepts_any_login() {
            return Ok(None);
        }
        let mode = self.mode(context, &found)?;
        let profile = if mode.is_oauth() {
            oauth::run(self, context, &found, mode).await?.0
        } else {
            stored::run(self, context, mode, &CredentialDemand::of(&found)).await?
        };
        Ok(Some((profile, "Signed in to")))
    }

    /// A stored login that still works, or was renewed. It is never used at another issuer than its own.
    async fn renewed(&self, context: &Context, found: &Discovery) -> Result<Option<Profile>> {
        let profiles = context.store.load()?;
        let Some(known) = profiles.active(&self.url.remembered()) else { return Ok(None) };
        let Some(issuer) = &known.issuer else { return stored::still_good(context, &self.url, known).await };
        if !found.accepts(issuer) {
            let Some(client) = registered_by_hand(known) else { return Ok(None) };
            let now = found.issuer();
            let message = format!(
                "client {client} is known to {issuer}, but the server now names {now}: nothing was sent there; \
                 give --client-id or --register, and --authorization-server {} where it has a secret",
                output::quoted(now)
            );
            return Err(Failure::new("issuer_changed", message));
        }
        let id = &known.profile_id;
        let profile = match context.store.login(id) {
            Err(failure) if failure.code == "login_required" => return Ok(None),
            login => login?.0,
        };
        if !refresh::can_renew(&profile) {
            return Ok(None);
        }
        // The stored token may be one that the server refuses; a new one is good.
        let refused = profile.access_token.as_deref();
        let Ok((profile, _)) = refresh::ensure(&context.http, &context.store, id, refused).await else {
            return Ok(None);
        };
        if self.keyring {
            context.store.change_login(id, |_, extra| extra.sealed = Some(String::new()))?;
        }
        Ok(Some(profile))
    }

    /// The mode of a new login: client credentials where they were given, else a browser where the person sees one,
    /// else the device flow. Without an authorization server it is the mode that the challenge asks for.
    fn mode(&self, context: &Context, found: &Discovery) -> Result<Mode> {
        if let Some(mode) = self.auth_mode {
            return Ok(mode);
        }
        if found.authorization_server.is_none()
            && found.malformed.is_empty()
            && self.accepts_any_login()
            && let Some(mode) = modes::of_the_challenge(found)
        {
            return Ok(mode);
        }
        let server = &found.authorization_server()?.metadata;
        let offers = |grant: &str| server.offers_grant(grant) && found.takes_grant(grant);
        let device = server.device_authorization_endpoint.is_some() && offers(DEVICE_CODE);
        let browser = server.authorization_endpoint.is_some() && found.takes_grant(AUTHORIZATION_CODE);
        let wants_browser = self.browser.wants_browser() || context.browser != Browser::Print;
        if self.assertion.id_token_file.is_some() {
            return Ok(Mode::IdJag);
        }
        if self.assertion.assertion_file.is_some() {
            return Ok(Mode::JwtBearer);
        }
        let robot = offers(CLIENT_CREDENTIALS);
        match (browser, device) {
            _ if robot && self.client.has_credential() => Ok(Mode::ClientCreds),
            (true, true) if wants_browser => Ok(Mode::AuthCode),
            (_, true) => Ok(Mode::Device),
            (true, false) => Ok(Mode::AuthCode),
            (false, false) if robot => Ok(Mode::ClientCreds),
            (false, false) => {
                Err(Failure::new("no_mode", "the authorization server offers no way in for people; give --auth-mode"))
            }
        }
    }
}

/// The client id of a client that was registered by hand. Metadata documents are the same client everywhere, and other
/// registrations can be made anew.
fn registered_by_hand(profile: &Profile) -> Option<&str> {
    profile
        .client_id
        .as_deref()
        .filter(|id| profile.dynamic_client_registration.is_none() && !id.starts_with("https://"))
}
