//! `mcp-auth call`: sends one request to an MCP server.
use super::{context::Context, session::Session};
use crate::{
    address::Address,
    error::{Failure, Result, TOOL_ERROR},
    mcp::Params,
    options::CallOptions,
    output::pretty,
};
use serde_json::Value;

/// Send one request to an MCP server and print its result.
///
/// The stored login is used, and renewed when needed; servers that want none are called without. Where a scope is
/// missing it is asked for, after a question. Exit code 1 if the tool itself reports an error.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-auth call https://mcp.example.com/mcp tools/list\n  \
    mcp-auth call https://mcp.example.com/mcp tools/call --tool-name echo --tool-arguments '{\"message\":\"hi\"}'\n  \
    mcp-auth call https://mcp.example.com/mcp resources/read --params '{\"uri\":\"user://profile\"}'")]
pub struct Call {
    /// Address of the MCP server.
    pub url: Address,
    /// Method, such as tools/list, tools/call or resources/read.
    method: String,
    /// Send these parameters, a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    params: Option<Params>,
    /// Call this tool (with tools/call).
    #[arg(long, value_name = "NAME")]
    tool_name: Option<String>,
    /// Give the tool these arguments, a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    tool_arguments: Option<Params>,
    /// Give the request this JSON-RPC id: a number, or any text.
    #[arg(long, value_name = "ID", value_parser = request_id)]
    request_id: Option<Value>,
    #[command(flatten)]
    calling: CallOptions,
}

/// A JSON object from the command line.
fn object(text: &str) -> std::result::Result<Params, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

/// The id of a request: a number where the text is a whole number, else the text (JSON-RPC 2.0 §4).
#[allow(clippy::unnecessary_wraps)] // as clap calls it
fn request_id(text: &str) -> std::result::Result<Value, String> {
    Ok(text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from))
}

impl Call {
    pub async fn run(self, context: &Context) -> Result<()> {
        let mut params = self.params.unwrap_or_default();
        if let Some(name) = self.tool_name {
            params.insert("name".to_owned(), name.into());
        }
        if let Some(arguments) = self.tool_arguments {
            params.insert("arguments".to_owned(), arguments.into());
        }
        let mut session = Session::open(context, &self.url, &self.calling).await?;
        if let Some(id) = self.request_id {
            session.client.choose_id(&self.method, id);
        }
        let result = session.request(&self.method, params).await;
        session.client.close().await;
        show(context, &result?)
    }
}

/// Prints a result. A tool that failed has a result too, and the exit code says that it failed.
pub fn show(context: &Context, result: &Value) -> Result<()> {
    context.out.result(result, || pretty(result));
    if result["isError"] == true {
        return Err(Failure::new(TOOL_ERROR, "the tool reports an error"));
    }
    Ok(())
}
