//! The unmodified rmcp client and the demo: an unknown client gets access through a user.
use crate::support::{
    process::{House, Keyward},
    remote::{Person, REDIRECT},
};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::{RunningService, ServiceError},
    transport::{
        AuthClient, StreamableHttpClientTransport,
        auth::{AuthError, AuthorizationCallback, AuthorizationManager, AuthorizationRequest, OAuthState},
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

type Client = RunningService<RoleClient, ()>;

/// An MCP client with the authorization it got.
struct Agent {
    client: Client,
    authorization: Arc<Mutex<AuthorizationManager>>,
}

impl Agent {
    async fn connect(resource: &str, manager: AuthorizationManager) -> Self {
        let http = AuthClient::new(reqwest::Client::new(), manager);
        let authorization = http.auth_manager.clone();
        let config = StreamableHttpClientTransportConfig::with_uri(resource);
        let client = ().serve(StreamableHttpClientTransport::with_client(http, config)).await.unwrap();
        Self { client, authorization }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Result<CallToolResult, ServiceError> {
        let arguments = arguments.as_object().unwrap().clone();
        self.client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await
    }

    /// What the tool answered.
    async fn told(&self, tool: &'static str, arguments: Value) -> Value {
        self.call(tool, arguments).await.unwrap().structured_content.unwrap()
    }

    async fn refresh_token(&self) -> String {
        let (_, tokens) = self.authorization.lock().await.get_credentials().await.unwrap();
        serde_json::to_value(tokens.unwrap()).unwrap()["refresh_token"].as_str().unwrap().to_owned()
    }
}

/// Discovers from the MCP URL, registers, asks alice for `mcp:read`, and comes back with the code.
pub async fn authorized(keyward: &Keyward, alice: &mut Person) -> AuthorizationManager {
    let mut state = OAuthState::new(&keyward.resource, None).await.unwrap();
    let request = AuthorizationRequest::new(REDIRECT).with_client_name("rmcp").with_scopes(["mcp:read"]);
    state.start_authorization(request).await.unwrap();
    let url = state.get_authorization_url().await.unwrap();
    assert!(url.starts_with(&format!("{}/authorize?", keyward.at.issuer)), "{url}");
    state.handle_callback_url(alice.approve(&url).await.location()).await.unwrap();
    state.into_authorization_manager().unwrap()
}

/// The scope that a refusal for lack of scope asks for.
fn missing_scope(error: &ServiceError) -> String {
    let ServiceError::TransportSend(error) = error else { panic!("refused otherwise: {error:?}") };
    match error.error.downcast_ref() {
        Some(StreamableHttpError::<reqwest::Error>::InsufficientScope(error)) => {
            error.get_required_scope().unwrap().to_owned()
        }
        _ => panic!("refused otherwise: {error:?}"),
    }
}

#[tokio::test]
async fn rmcp_connects_calls_refreshes_steps_up_and_is_revoked() {
    let house = House::new().await;
    let keyward = house.demo();
    let mut alice = keyward.at.signed_in("alice", "password123").await;
    let manager = authorized(&keyward, &mut alice).await;
    let agent = Agent::connect(&keyward.resource, manager).await;

    let whoami = agent.told("whoami", json!({})).await;
    assert_eq!((&whoami["scopes"], &whoami["audience"]), (&json!(["mcp:read"]), &json!(keyward.resource)));
    let echo = agent.told("echo", json!({"message": "hello", "uppercase": true})).await;
    assert_eq!(echo["message"], "HELLO");
    assert_eq!(agent.told("greet", json!({"name": "Ada"})).await["greeting"], "Hello, Ada!");

    for _ in 0..2 {
        let before = agent.refresh_token().await;
        agent.authorization.lock().await.refresh_token().await.unwrap();
        assert_ne!(agent.refresh_token().await, before);
        assert_eq!(agent.told("whoami", json!({})).await["subject"], whoami["subject"]);
    }

    // More is needed: alice is asked for what is new, and the token carries both.
    let refused = agent.call("get_secret", json!({"key": "api_key"})).await.unwrap_err();
    let url = agent.authorization.lock().await.request_scope_upgrade(&missing_scope(&refused)).await.unwrap();
    let back = AuthorizationCallback::from_redirect_url(alice.approve(&url).await.location()).unwrap();
    let manager = agent.authorization.lock().await;
    let issuer = back.issuer.as_deref();
    manager.exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, issuer).await.unwrap();
    drop(manager);
    assert!(agent.told("get_secret", json!({"key": "api_key"})).await["value"].is_string());
    let scopes = agent.told("whoami", json!({})).await["scopes"].clone();
    assert_eq!(scopes, json!(["mcp:read", "mcp:tools:write"]));

    // rmcp revokes nothing by itself.
    let (client_id, _) = agent.authorization.lock().await.get_credentials().await.unwrap();
    let form = [("client_id", client_id.as_str()), ("token", &agent.refresh_token().await)];
    assert_eq!(keyward.at.post("/revoke", &form).await.status, 200);
    let refused = agent.authorization.lock().await.refresh_token().await.unwrap_err();
    assert!(matches!(refused, AuthError::TokenRefreshRejected(_)), "{refused:?}");
    agent.client.cancel().await.unwrap();
}
