//! `mcp-auth tools`: what a server can do for this login.
use super::{context::Context, session::Session};
use crate::{address::Address, error::Result, mcp::mirror, options::CallOptions, output};
use serde_json::{Value, json};

/// List the tools of an MCP server.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth tools https://mcp.example.com/mcp\n  \
    mcp-auth tools https://mcp.example.com/mcp --json | jq '.tools[].inputSchema'")]
pub struct Tools {
    /// Address of the MCP server.
    pub url: Address,
    #[command(flatten)]
    calling: CallOptions,
}

impl Tools {
    pub async fn run(self, context: &Context) -> Result<()> {
        let mut session = Session::open(context, &self.url, &self.calling).await?;
        let tools = session.list("tools/list", "tools").await;
        session.client.close().await;
        // One malformed definition must not hide the others.
        let (bad, good): (Vec<_>, Vec<_>) = tools?.into_iter().partition(|tool| mirror::fault(tool).is_some());
        for tool in &bad {
            let fault = mirror::fault(tool).unwrap_or_default();
            output::warn(&format!("left out {}: {fault}", tool["name"]));
        }
        context.out.result(&json!({"tools": good}), || people(&good));
        Ok(())
    }
}

/// Characters of the column of names.
const WIDEST: usize = 60;

fn people(tools: &[Value]) -> Vec<String> {
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    // One name of a megabyte widens no other line.
    let width = tools.iter().map(|tool| name(tool).chars().count()).max().unwrap_or_default().min(WIDEST);
    let line = |tool: &Value| {
        let described = tool["description"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
        format!("{:width$}  {described}", name(tool)).trim_end().to_owned()
    };
    tools.iter().map(line).collect()
}
