//! `mcp-auth debug`: shows a server's own view of its state, where it offers one.
use super::{context::Context, session};
use crate::{address::Address, credential::Credential, error::Result, output::pretty, refresh, token};

/// Show a server's own view of things: /debug/NAME of its origin.
///
/// Servers that offer it, such as the demo, answer on this machine only, or to operators.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth debug http://127.0.0.1:8990/mcp/oauth tokens\n  \
    mcp-auth debug http://127.0.0.1:8990/mcp/oauth 'requests?limit=5'")]
pub struct Debug {
    /// Address of the MCP server.
    pub url: Address,
    /// What to look at: tokens, requests, audit, sessions, policies, surfaces, config.
    name: String,
    /// Use this profile instead of the active one of the address.
    #[arg(long, value_name = "ID")]
    profile_id: Option<String>,
}

impl Debug {
    pub async fn run(self, context: &Context) -> Result<()> {
        let (path, query) = self.name.split_once('?').map_or((&*self.name, None), |(path, query)| (path, Some(query)));
        let url = self.url.join("/debug/")?.changed(|url| {
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(path.split('/'));
            }
            url.set_query(query);
        });
        let credential = match session::find(context, &self.url, self.profile_id.as_deref())? {
            Some(id) => {
                let (profile, extra) = refresh::ensure(&context.http, &context.store, &id, None).await?;
                Credential::of(&profile, &extra)?
            }
            None => Credential::None,
        };
        let mut headers = credential.headers(&context.http, "GET", &url)?;
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = context.http.get(&url, &headers).await?;
        match answer.json().filter(|_| answer.status == 200) {
            Some(found) => context.out.result(&found, || pretty(&found)),
            None => return Err(token::refusal(&url.shown(), &answer)),
        }
        Ok(())
    }
}
