//! `mcp-auth status`: says who is signed in where, until when, and whether the servers still take the logins.
use super::{
    context::{Context, expiry, login_advice},
    session,
    session::Session,
};
use crate::{
    address::Address,
    discover::{self, Hints},
    encode,
    error::{Failure, Result, TOOL_ERROR},
    mask,
    mcp::{Elicitation, Params, Protocol},
    modes::Mode,
    options::CallOptions,
    output,
    profiles::{Extra, Profile},
    refresh,
};
use serde_json::{Value, json};

/// Say who is signed in, until when, and whether it is still good.
///
/// Asks the server with the stored login, which is renewed if it has ended. Without an address all logins in use are
/// login at. Exit code 1 if one of them is no longer good.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth status\n  mcp-auth status https://mcp.example.com/mcp\n  \
    mcp-auth status https://mcp.example.com/mcp --json | jq .logins[0].good")]
pub struct Status {
    /// Address of the MCP server; all of them without it.
    pub url: Option<Address>,
}

/// One login, and what the server says of it.
struct LoginStatus {
    profile: Profile,
    who: String,
    /// Why the server does not take the login.
    fault: Option<Failure>,
}

impl Status {
    pub async fn run(self, context: &Context) -> Result<()> {
        let profiles = context.store.load()?;
        let ids = match &self.url {
            Some(url) => match session::find(context, url, None)? {
                Some(id) => vec![id],
                None => return nobody_signed_in(context, url).await,
            },
            None => profiles.active_profiles.values().filter(|id| profiles.find(id).is_some()).cloned().collect(),
        };
        let mut all = Vec::new();
        for id in ids {
            all.push(login_status(context, &id).await?);
        }
        if all.is_empty() {
            output::note("no logins yet; mcp-auth login URL makes one");
        }
        let object = json!({"logins": all.iter().map(object).collect::<Vec<_>>()});
        context.out.result(&object, || all.iter().flat_map(lines_for_people).collect());
        let bad = all.iter().filter(|login| login.good() == Some(false)).count();
        let silent = all.iter().filter(|login| login.good().is_none()).count();
        let words = |number: usize, what: &str| (number > 0).then(|| format!("{number} of {} {what}", all.len()));
        let said = [words(bad, "no longer good"), words(silent, "cannot be asked about")];
        let said: Vec<_> = said.into_iter().flatten().collect();
        if said.is_empty() { Ok(()) } else { Err(Failure::new(TOOL_ERROR, format!("logins: {}", said.join(", ")))) }
    }
}

impl LoginStatus {
    /// Whether the login is good. None where the server could not be asked.
    fn good(&self) -> Option<bool> {
        const ENDED: [&str; 3] = ["login_required", "invalid_grant", "invalid_client"];
        match &self.fault {
            None => Some(true),
            Some(fault) if fault.http_status == Some(401) || ENDED.contains(&&*fault.code) => Some(false),
            Some(_) => None,
        }
    }
}

/// The answer where nobody is signed in. It is a failure unless the server is open to all.
async fn nobody_signed_in(context: &Context, url: &Address) -> Result<()> {
    let found = discover::discover(&context.http, url, &Hints::default()).await;
    if found.is_ok_and(|found| found.is_open()) {
        context.out.result(&json!({"logins": [], "open": true}), || {
            vec![format!("{} is open to all: no login is needed", url.shown())]
        });
        return Ok(());
    }
    let message = format!("nobody is signed in to {}. {}", url.shown(), login_advice(context, url).await);
    Err(Failure::new("login_required", message))
}

/// Uses the login as any call would, renewed where needed, for a request that every server answers.
async fn login_status(context: &Context, id: &str) -> Result<LoginStatus> {
    let profiles = context.store.load()?;
    let stored = profiles.find(id).cloned().unwrap_or_default();
    let url = Address::parse(&stored.resource_url)?;
    let here = Context { http: context.http.under(&url), ..context.clone() };
    let calling = CallOptions {
        profile_id: Some(id.to_owned()),
        protocol: Protocol::Auto,
        no_step_up: true,
        elicitation: Elicitation::Decline,
    };
    let asked = async {
        let mut session = Session::open(&here, &url, &calling).await?;
        let answer = session.request("tools/list", Params::new()).await;
        session.client.close().await;
        answer
    };
    let fault = match asked.await {
        // A login that may not list tools is good nevertheless.
        Err(failure) if failure.http_status != Some(403) => Some(failure),
        _ => None,
    };
    // The session may have renewed the login. Without its keyring the stored members have to do.
    let (profile, extra) = context.store.login(id).unwrap_or_else(|_| (stored, Extra::default()));
    Ok(LoginStatus { who: who(&profile, &extra), profile, fault })
}

/// Who is signed in, as far as the credential itself says.
fn who(profile: &Profile, extra: &Extra) -> String {
    let token = profile.access_token.as_deref().unwrap_or_default();
    let names = || extra.headers.keys().cloned().collect::<Vec<_>>().join(", ");
    match Mode::of_profile(&profile.auth_mode) {
        Some(Mode::Basic) => {
            let pair = encode::from_base64(token).unwrap_or_default();
            pair.split_once(':').map_or_else(|| "unknown".to_owned(), |(name, _)| name.to_owned())
        }
        Some(Mode::Header) => format!("whoever has the key in {}", names()),
        Some(Mode::ClientCreds) => profile.client_id.clone().unwrap_or_else(|| "unknown".to_owned()),
        Some(mode) if mode.is_oauth() => named(token).unwrap_or_else(|| "unknown: the token does not say".to_owned()),
        _ => format!("whoever has the token {}", mask::mask(token)),
    }
}

/// The user that a token names, if it is a JWT and names one. Nothing depends on it.
fn named(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&encode::from_base64url(payload)?).ok()?;
    let claim = |name: &str| claims[name].as_str().map(str::to_owned);
    ["preferred_username", "username", "email", "sub"].into_iter().find_map(claim)
}

fn object(login: &LoginStatus) -> Value {
    let LoginStatus { profile, who, fault } = login;
    json!({
        "resource_url": profile.resource_url, "profile_id": profile.profile_id, "auth_mode": profile.auth_mode,
        "issuer": profile.issuer, "who": who, "scope": profile.scope, "expires_at": profile.expires_at,
        "refreshable": refresh::can_renew(profile), "good": login.good(),
        "reason": fault.as_ref().map(|fault| mask::text(&fault.message)),
    })
}

fn lines_for_people(login: &LoginStatus) -> Vec<String> {
    let LoginStatus { profile, who, fault } = login;
    let by = profile.issuer.as_ref().map(|issuer| format!(" at {issuer}")).unwrap_or_default();
    let mut lines = vec![profile.resource_url.clone(), format!("  who      {who} ({}{by})", profile.auth_mode)];
    lines.extend(profile.scope.as_ref().map(|scope| format!("  scopes   {scope}")));
    lines.push(format!("  expires  {}", expiry(profile)));
    lines.push(match fault {
        None => "  now      good: the server takes it".to_owned(),
        Some(fault) if login.good().is_none() => format!("  now      unknown: {}", mask::text(&fault.message)),
        Some(fault) => format!("  now      not good: {}", mask::text(&fault.message)),
    });
    lines
}
