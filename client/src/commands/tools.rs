//! `mcp-auth tools`: lists the tools that a server has for this login.
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
        // A malformed tool is left out, and the others are listed.
        let (bad, good): (Vec<_>, Vec<_>) = tools?.into_iter().partition(|tool| mirror::fault(tool).is_some());
        for tool in &bad {
            let fault = mirror::fault(tool).unwrap_or_default();
            output::warn(&format!("left out {}: {fault}", tool["name"]));
        }
        context.out.result(&json!({"tools": good}), || lines_for_people(&good));
        Ok(())
    }
}

/// Characters of the widest column of names.
const MAX_NAME_WIDTH: usize = 60;

fn lines_for_people(tools: &[Value]) -> Vec<String> {
    let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
    // A very long name must not widen the other lines.
    let width = tools.iter().map(|tool| name(tool).chars().count()).max().unwrap_or_default().min(MAX_NAME_WIDTH);
    let line = |tool: &Value| {
        let described = tool["description"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
        format!("{:width$}  {described}", name(tool)).trim_end().to_owned()
    };
    tools.iter().map(line).collect()
}
