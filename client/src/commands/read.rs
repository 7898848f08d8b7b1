//! `mcp-auth read`: reads one resource of a server.
use super::{call, context::Context, session::Session};
use crate::{address::Address, error::Result, mcp::Params, options::CallOptions};

/// Read a resource of an MCP server.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mcp-auth read https://mcp.example.com/mcp user://profile")]
pub struct Read {
    /// Address of the MCP server.
    pub url: Address,
    /// URI of the resource.
    uri: String,
    #[command(flatten)]
    calling: CallOptions,
}

impl Read {
    pub async fn run(self, context: &Context) -> Result<()> {
        let mut session = Session::open(context, &self.url, &self.calling).await?;
        let params = Params::from_iter([("uri".to_owned(), self.uri.into())]);
        let result = session.request("resources/read", params).await;
        session.client.close().await;
        call::show(context, &result?)
    }
}
