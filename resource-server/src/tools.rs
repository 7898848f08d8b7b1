//! The demo's MCP server: five tools, each showing one thing about authorization.
use crate::verify::Access;
use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::common::{schema_for_input, schema_for_output},
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult, ErrorCode,
        Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
        ToolAnnotations,
    },
    service::RequestContext,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;

/// Each tool and the scope calling it needs.
pub(crate) const SCOPES: [(&str, &str); 5] = [
    ("echo", "mcp:tools:echo"),
    ("ping", "mcp:tools:echo"),
    ("whoami", "mcp:tools:read"),
    ("greet", "mcp:tools:read"),
    ("get_secret", "mcp:tools:write"),
];

#[derive(Clone)]
pub(crate) struct Tools {
    tools: Vec<Tool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EchoArguments {
    /// What to say back.
    message: String,
    /// Any whole number; said back.
    count: Option<i64>,
    /// Say it in capitals.
    #[serde(default)]
    uppercase: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Echo {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    uppercase: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Pong {
    pong: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhoamiArguments {
    /// Ignored: who asks is what the access token says.
    #[serde(rename = "client_id")]
    #[schemars(with = "Option<String>")]
    _client_id: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Whoami {
    /// The name the authorization server knows the subject by, if it says.
    identity: String,
    authenticated: bool,
    surface: &'static str,
    scheme: &'static str,
    client_id: String,
    subject: String,
    scopes: Vec<String>,
    audience: String,
    issuer: String,
    /// RFC 3339, UTC.
    expires_at: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GreetArguments {
    /// Whom to greet.
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Greeting {
    greeting: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretArguments {
    /// `api_key` or `database`.
    key: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Secret {
    key: String,
    /// Made up, and says so.
    value: &'static str,
}

impl Tools {
    pub fn new() -> anyhow::Result<Self> {
        let tools = vec![
            tool::<EchoArguments, Echo>("echo", "Echo", "Says the message back.")?,
            tool::<NoArguments, Pong>("ping", "Ping", "Answers, to show that calls arrive.")?,
            tool::<WhoamiArguments, Whoami>(
                "whoami",
                "Who am I",
                "Tells what the access token says about the caller.",
            )?,
            tool::<GreetArguments, Greeting>("greet", "Greet", "Greets by name.")?,
            tool::<SecretArguments, Secret>(
                "get_secret",
                "Get a secret",
                "Tells a made-up secret to callers who may write; for trying step-up authorization.",
            )?,
        ];
        Ok(Self { tools })
    }

    fn call(name: &str, arguments: Value, access: &Access) -> Result<CallToolResult, ErrorData> {
        match name {
            "echo" => {
                let EchoArguments { message, count, uppercase } = parse(arguments)?;
                let message = if uppercase { message.to_uppercase() } else { message };
                answer(&Echo { message, count, uppercase })
            }
            "ping" => {
                let NoArguments {} = parse(arguments)?;
                answer(&Pong { pong: true })
            }
            "whoami" => {
                let WhoamiArguments { .. } = parse(arguments)?;
                answer(&whoami(access))
            }
            "greet" => {
                let GreetArguments { name } = parse(arguments)?;
                answer(&Greeting { greeting: format!("Hello, {name}!") })
            }
            "get_secret" => {
                let SecretArguments { key } = parse(arguments)?;
                let value = match key.as_str() {
                    "api_key" => "demo-only-not-a-real-api-key",
                    "database" => "postgres://demo-only:not-a-real-password@db.example/demo",
                    _ => return Ok(failure("Secret not found")),
                };
                answer(&Secret { key, value })
            }
            _ => Err(ErrorData::invalid_params("there is no such tool", None)),
        }
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let server =
            Implementation::new("keyward-resource-server", env!("CARGO_PKG_VERSION")).with_title("Keyward demo server");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions("Tools that show who is calling and what they may do. get_secret needs mcp:tools:write.")
    }

    /// Only what the token may use; so one token's list is not for another's cache.
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let access = access(&context)?;
        let tools = self.tools.iter().filter(|tool| access.may_call(&tool.name)).cloned().collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(60_000).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        Self::call(&request.name, arguments, access(&context)?).map(CallToolResponse::from)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn on_custom_request(
        &self,
        _: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "Method not found", None))
    }
}

/// What the guard left with the HTTP request.
fn access(context: &RequestContext<RoleServer>) -> Result<&Access, ErrorData> {
    let access = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Access>());
    access.ok_or_else(|| ErrorData::internal_error("the server stands without its guard", None))
}

fn whoami(access: &Access) -> Whoami {
    Whoami {
        identity: access.username.as_ref().unwrap_or(&access.subject).clone(),
        authenticated: true,
        surface: "oauth",
        scheme: access.scheme.as_str(),
        client_id: access.client_id.clone(),
        subject: access.subject.clone(),
        scopes: access.scopes.clone(),
        audience: access.audience.clone(),
        issuer: access.issuer.clone(),
        expires_at: access.expires_at.format(&Rfc3339).unwrap_or_default(),
    }
}

fn tool<A, R>(name: &'static str, title: &'static str, description: &'static str) -> anyhow::Result<Tool>
where
    A: JsonSchema + 'static,
    R: JsonSchema + 'static,
{
    let arguments = schema_for_input::<A>().map_err(anyhow::Error::msg)?;
    let hints = ToolAnnotations::new().read_only(true).open_world(false);
    Ok(Tool::new(name, description, Arc::new(plain(&arguments)))
        .with_title(title)
        .with_raw_output_schema(Arc::new(plain(&schema_for_output::<R>())))
        .with_annotations(hints))
}

/// An optional property is one that may be left out: not every host understands `"type": ["integer", "null"]`.
fn plain(schema: &JsonObject) -> JsonObject {
    let mut schema = schema.clone();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|properties| properties.values_mut()) {
        if let Some([one, Value::String(null)]) = property["type"].as_array().map(Vec::as_slice)
            && null == "null"
        {
            property["type"] = one.clone();
        }
    }
    schema
}

/// The parser's own words would repeat what was sent.
fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T, ErrorData> {
    let mismatch = |_| ErrorData::invalid_params("the arguments do not match the tool's inputSchema", None);
    serde_json::from_value(arguments).map_err(mismatch)
}

fn answer(result: &impl Serialize) -> Result<CallToolResult, ErrorData> {
    let unwritable = |_| ErrorData::internal_error("the result could not be written", None);
    serde_json::to_value(result).map(CallToolResult::structured).map_err(unwritable)
}

fn failure(reason: &str) -> CallToolResult {
    CallToolResult::structured_error(json!({"success": false, "error": reason}))
}
