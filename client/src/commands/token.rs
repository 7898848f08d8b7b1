//! `mcp-auth token`: prints a valid access token for scripts.
use super::{
    context::{Context, login_advice},
    session,
};
use crate::{
    address::Address,
    error::{Failure, Result},
    refresh,
};
use serde_json::json;

/// Print a valid access token, renewed if needed.
///
/// With --json also its type, scope and end. Tokens that are bound to a key (--dpop) are of no use without it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  mcp-auth token https://mcp.example.com/mcp\n  curl -H \"Authorization: Bearer $(mcp-auth token https://mcp.example.com/mcp)\" \
    https://mcp.example.com/files"
)]
pub struct Token {
    /// Address of the MCP server.
    pub url: Address,
    /// Use this profile instead of the active one of the address.
    #[arg(long, value_name = "ID")]
    profile_id: Option<String>,
}

impl Token {
    pub async fn run(self, context: &Context) -> Result<()> {
        let Some(id) = session::find(context, &self.url, self.profile_id.as_deref())? else {
            let message = format!("there is no login. {}", login_advice(context, &self.url).await);
            return Err(Failure::new("login_required", message));
        };
        let (profile, _) = refresh::ensure(&context.http, &context.store, &id, None).await?;
        let token = profile.access_token.clone().ok_or_else(|| {
            Failure::new("no_token", format!("profile {id} authenticates with headers, not with a token"))
        })?;
        let object = json!({"access_token": token, "token_type": profile.token_type, "expires_at": profile.expires_at,
            "scope": profile.scope});
        context.out.result(&object, || vec![token.clone()]);
        Ok(())
    }
}
