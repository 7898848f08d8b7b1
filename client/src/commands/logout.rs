//! `mcp-auth logout`: ends a login here, and at the authorization server where that can be told (RFC 7009).
use super::{context::Context, session};
use crate::{
    address::Address,
    discover,
    error::{Failure, Result},
    flows::client_auth,
    identity::{self, Identity},
    output,
    profiles::{Extra, Profile},
    token,
};
use serde_json::json;

/// Revoke the tokens at the authorization server and forget the login.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth logout https://mcp.example.com/mcp\n  \
    mcp-auth logout https://mcp.example.com/mcp --keep-client")]
pub struct Logout {
    /// Address of the MCP server.
    pub url: Address,
    /// End this login instead of the active one of the address.
    #[arg(long, value_name = "ID")]
    profile_id: Option<String>,
    /// Keep the client, so that the next login need not register.
    #[arg(long)]
    keep_client: bool,
    /// Only forget the tokens here; the authorization server is not told.
    #[arg(long)]
    no_revoke: bool,
}

impl Logout {
    pub async fn run(self, context: &Context) -> Result<()> {
        let id = session::find(context, &self.url, self.profile_id.as_deref())?;
        let id =
            id.ok_or_else(|| Failure::new("no_profile", "there is no login to end. See: mcp-auth profile list"))?;
        let mut revoked = false;
        if !self.no_revoke {
            let (profile, extra) = context.store.login(&id)?;
            revoked = revoke(context, &profile, &extra).await;
        }
        if self.keep_client {
            context.store.change_login(&id, |profile, _| {
                (profile.access_token, profile.refresh_token, profile.expires_at) = (None, None, None);
            })?;
        } else {
            context.store.remove(&id)?;
        }
        let object = json!({"profile_id": id, "revoked": revoked, "client_kept": self.keep_client});
        let how = if revoked { "revoked and forgotten" } else { "forgotten" };
        context.out.result(&object, || vec![format!("Signed out of {}: tokens {how}.", self.url.remembered())]);
        Ok(())
    }
}

/// Revokes the tokens (RFC 7009 §2.1), the refresh token first, since most servers revoke the access tokens with it.
/// The logout goes on after a failure.
async fn revoke(context: &Context, profile: &Profile, extra: &Extra) -> bool {
    let identity = Identity { private_key: extra.client_private_key.clone(), ..identity::of_profile(profile, None) };
    let auth = client_auth(&identity, profile.issuer.as_deref().unwrap_or_default());
    let (Ok(auth), Ok(root)) = (auth, profile.root(extra)) else { return false };
    let Some(endpoint) = endpoint(context, profile, extra, &root).await else { return false };
    let http = context.http.under(&root);
    let mut all = true;
    let tokens = [(&profile.refresh_token, "refresh_token"), (&profile.access_token, "access_token")];
    for (token, hint) in tokens.into_iter().filter_map(|(token, hint)| Some((token.as_deref()?, hint))) {
        let form = token::form([("token", Some(token)), ("token_type_hint", Some(hint))]);
        match token::post(&http, &endpoint, &auth, &form, None).await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => {
                all = false;
                output::warn(&token::refusal("the revocation endpoint", &answer).message);
            }
            Err(failure) => {
                all = false;
                output::warn(&failure.message);
            }
        }
    }
    all
}

/// As a login kept it. One that another tool made has not: its issuer says where.
async fn endpoint(context: &Context, profile: &Profile, extra: &Extra, root: &Address) -> Option<Address> {
    if let Some(url) = &extra.revocation_endpoint {
        return Address::parse(url).ok();
    }
    let found = discover::authorization_server(&context.http, root, profile.issuer.as_deref()?).await;
    found.inspect_err(|failure| output::warn(&failure.message)).ok()?.metadata.revocation_endpoint
}
