//! A surface as an MCP server: its tools and resources, served by rmcp.
use crate::{
    attempts::Asker,
    client::Client,
    connection::{connection, is_own},
    own, resources,
    schema::Schema,
    surface::Surface,
    tools::{Call, Failure, Tool},
    trace,
};
use axum::http::request::Parts;
use keyward_guard::{
    ErrorCode as RefusalCode, Outcome,
    caller::Caller,
    challenge::RequestId,
    source::{self, source_of},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        CustomRequest, CustomResult, DiscoverResult, ErrorCode, GetPromptRequestParams, GetPromptResponse,
        Implementation, InputRequiredResult, InputResponses, JsonObject, ListPromptsResult, ListResourcesResult,
        ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
        ResourceContents, ServerCapabilities, ServerConfig, SubscribeRequestParams, UnsubscribeRequestParams,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Milliseconds for which a client may cache a list.
const TTL: u64 = 60_000;

#[derive(Clone)]
pub(crate) struct Mcp(pub Arc<Surface>);

impl Mcp {
    /// The call, from what the gate left in the HTTP request.
    fn call(&self, context: &RequestContext<RoleServer>, answers: Option<InputResponses>) -> Result<Call, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
        let (Some(parts), Some(caller)) = (parts, caller) else {
            return Err(ErrorData::internal_error("the server stands without its gate", None));
        };
        let request_id = parts.extensions.get::<RequestId>().map(RequestId::as_str).unwrap_or_default();
        Ok(Call {
            caller: caller.clone(),
            asker: Asker::of(&parts.extensions),
            source: source::of_caller(caller, source_of(&parts.extensions)),
            client: Client::new(context, answers),
            surface: Arc::clone(&self.0.id),
            store: self.0.store.clone(),
            clock: self.0.clock.clone(),
            demo: self.0.demo,
            queries: self.0.queries.clone(),
            accounts: self.0.accounts.clone(),
            connection: connection(parts).map(str::to_owned),
            alone: is_own(parts),
            client_info: trace::client_info(parts, &self.0.id),
            request_id: request_id.to_owned(),
        })
    }
}

/// Reports the error of the call to the gate.
fn failed(context: &RequestContext<RoleServer>, error: RefusalCode) {
    let parts = context.extensions.get::<Parts>();
    if let Some(outcome) = parts.and_then(|parts| parts.extensions.get::<Outcome>()) {
        outcome.failed(error);
    }
}

fn unknown_method(context: &RequestContext<RoleServer>) -> ErrorData {
    failed(context, own::UNKNOWN_METHOD);
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "Method not found", None)
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let server =
            Implementation::new("keyward-resource-server", env!("CARGO_PKG_VERSION")).with_title(&self.0.title);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().build())
            .with_server_info(server)
            .with_instructions("Tools that show who is calling and what they may do. surface://self tells more.")
    }

    /// Lists only what the credential may use; so the list of one caller must not be cached for others.
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let call = self.call(&context, None)?;
        let usable = self.0.tools.iter().filter(|tool| self.0.may_call(&call.caller, tool.name));
        let tools = usable.map(shown).collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(TTL).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let call = self.call(&context, request.input_responses)?;
        let tool = self.0.tool(&request.name);
        let tool = tool.ok_or_else(|| {
            failed(&context, own::UNKNOWN_TOOL);
            ErrorData::invalid_params("there is no such tool", None)
        })?;
        let request_id = call.request_id.clone();
        let result = tool.call(call, Value::Object(request.arguments.unwrap_or_default())).await;
        match result {
            Ok(result) => Ok(CallToolResult::structured(result).into()),
            Err(failure) => ended(failure, &context, &request_id, |told| CallToolResult::structured_error(told).into()),
        }
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        self.0.tool(name).map(shown)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let shown = resources::of(&self.0).map(|resource| {
            rmcp::model::Resource::new(resource.uri, resource.name)
                .with_title(resource.title)
                .with_description(resource.description)
                .with_mime_type("application/json")
        });
        let list = ListResourcesResult::with_all_items(shown.collect());
        Ok(list.with_ttl_ms(TTL).with_cache_scope(CacheScope::Private))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let call = self.call(&context, None)?;
        let resource = resources::of(&self.0).find(|resource| resource.uri == request.uri);
        let resource = resource.ok_or_else(|| {
            failed(&context, own::UNKNOWN_RESOURCE);
            ErrorData::resource_not_found("there is no such resource", None)
        })?;
        let request_id = call.request_id.clone();
        let shown = |body: Value| {
            let contents = ResourceContents::text(body.to_string(), resource.uri).with_mime_type("application/json");
            ReadResourceResult::new(vec![contents]).into()
        };
        match (resource.read)(Arc::clone(&self.0), call).await {
            Ok(body) => Ok(shown(body)),
            Err(failure) => ended(failure, &context, &request_id, shown),
        }
    }

    /// Requests ask for log messages individually, which only the revision with this method supports.
    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let mut server = self.get_info();
        if self.0.tools.iter().any(|tool| tool.logs) {
            server.capabilities.logging = Some(JsonObject::new());
        }
        Ok(DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), server))
    }

    // Without these, rmcp would answer as if prompts and completions were offered, or with only the method's name.

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(unknown_method(&context))
    }

    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(unknown_method(&context))
    }

    #[allow(deprecated)] // for clients of earlier revisions
    async fn set_level(
        &self,
        _: rmcp::model::SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Err(unknown_method(&context))
    }

    async fn subscribe(&self, _: SubscribeRequestParams, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Err(unknown_method(&context))
    }

    async fn unsubscribe(
        &self,
        _: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Err(unknown_method(&context))
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(unknown_method(&context))
    }

    async fn on_custom_request(
        &self,
        _: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unknown_method(&context))
    }
}

fn shown(tool: &Tool) -> rmcp::model::Tool {
    let schema = |schema: &Schema| Arc::new(schema.json.clone());
    rmcp::model::Tool::new(tool.name, tool.description, schema(&tool.input))
        .with_title(tool.title)
        .with_raw_output_schema(schema(&tool.output))
        .with_annotations(tool.annotations.clone())
}

/// The response to a call without a result: an error result for the model, a question for the client, or an error.
fn ended<R: From<InputRequiredResult>>(
    failure: Failure,
    context: &RequestContext<RoleServer>,
    request_id: &str,
    told: impl FnOnce(Value) -> R,
) -> Result<R, ErrorData> {
    match failure {
        Failure::Told(reason) => {
            failed(context, own::TOOL_FAILED);
            Ok(told(reason))
        }
        Failure::Asks(questions) => Ok(InputRequiredResult::from_input_requests(questions).into()),
        Failure::Lacks(capability) => {
            failed(context, own::MISSING_CAPABILITY);
            let data = json!({"requiredCapabilities": {capability: {}}});
            let text = "Missing required client capability";
            Err(ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, text, Some(data)))
        }
        Failure::Internal(error) => {
            failed(context, RefusalCode::ServerError);
            Err(internal(&error, request_id))
        }
    }
}

fn internal(error: &anyhow::Error, request_id: &str) -> ErrorData {
    tracing::error!(request_id, error = format!("{error:#}"), "a tool failed");
    ErrorData::internal_error("the server could not complete the call", None)
}
