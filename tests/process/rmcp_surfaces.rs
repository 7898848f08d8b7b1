//! The unmodified rmcp client on every surface of the demo, over Streamable HTTP, in both eras of the protocol.
use super::rmcp::authorized;
use crate::support::{
    app::basic,
    browser::{borrowed, hidden},
    device::GRANT_TYPE,
    process::{House, Keyward},
};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::{CallToolRequestParams, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt},
    transport::{
        AuthClient, StreamableHttpClientTransport,
        auth::{AuthorizationManager, ClientCredentialsConfig, OAuthState},
        streamable_http_client::{StreamableHttpClient, StreamableHttpClientTransportConfig},
    },
};
use serde_json::{Value, json};

/// A surface, a tool of it that changes nothing, and part of what that answers.
fn harmless() -> [(&'static str, &'static str, Value, Value); 9] {
    [
        ("oauth", "whoami", json!({}), json!({"surface": "oauth", "identity": "alice"})),
        ("client-credentials", "get_inbox", json!({}), json!({"folder": "inbox"})),
        ("device", "whoami", json!({}), json!({"surface": "device", "identity": "alice"})),
        ("bearer-token", "whoami", json!({}), json!({"surface": "bearer-token", "scheme": "Bearer"})),
        ("api-key", "get_current_weather", json!({"city": "Oslo"}), json!({"city": "Oslo"})),
        ("basic", "list_files", json!({}), json!({"folder": "/"})),
        ("security-keys", "get_table_schema", json!({"table_name": "users"}), json!({"table_name": "users"})),
        ("no-auth", "calculate", json!({"expression": "6 * 7"}), json!({"result": 42})),
        ("session", "get_user_profile", json!({}), json!({"username": "testuser", "role": "user"})),
    ]
}

fn eras() -> [ClientLifecycleMode; 2] {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    [ClientLifecycleMode::Initialize, ClientLifecycleMode::Discover { preferred_versions }]
}

type Config = StreamableHttpClientTransportConfig;

/// What a tool answers that is listed.
async fn told<C>(http: C, config: Config, era: ClientLifecycleMode, tool: &'static str, arguments: &Value) -> Value
where
    C: StreamableHttpClient + Clone + Send + Sync + 'static,
{
    let transport = StreamableHttpClientTransport::with_client(http, config);
    let client = ().serve_with_lifecycle(transport, era).await.unwrap();
    assert!(client.list_all_tools().await.unwrap().iter().any(|listed| listed.name == tool), "{tool}");
    let call = CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone());
    let answer = client.call_tool(call).await.unwrap().structured_content.unwrap();
    client.cancel().await.unwrap();
    answer
}

/// Calls the surface's harmless tool in each era.
async fn enter<C>(http: C, config: Config, surface: &str)
where
    C: StreamableHttpClient + Clone + Send + Sync + 'static,
{
    let (_, tool, arguments, expected) = harmless().into_iter().find(|(id, ..)| *id == surface).unwrap();
    for era in eras() {
        let answer = told(http.clone(), config.clone(), era, tool, &arguments).await;
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&answer[member], value, "{surface}: {member}");
        }
    }
}

fn at(keyward: &Keyward, surface: &str) -> Config {
    Config::with_uri(url(keyward, surface))
}

fn url(keyward: &Keyward, surface: &str) -> String {
    keyward.resource.replace("/mcp/oauth", &format!("/mcp/{surface}"))
}

/// The client credentials grant, by rmcp.
async fn robot(url: &str) -> AuthorizationManager {
    let mut state = OAuthState::new(url, None).await.unwrap();
    let credentials = ClientCredentialsConfig::ClientSecret {
        client_id: "dev-service-client".to_owned(),
        client_secret: "dev-service-secret".to_owned(),
        scopes: vec!["mcp:read".to_owned()],
        resource: Some(url.to_owned()),
    };
    state.authenticate_client_credentials(credentials).await.unwrap();
    state.into_authorization_manager().unwrap()
}

/// The device grant (RFC 8628), which rmcp does not speak; alice lets the device in.
async fn device_token(house: &House, keyward: &Keyward, url: &str) -> String {
    let client = ("client_id", "dev-device-client");
    let form = [client, ("resource", url), ("scope", "mcp:read")];
    let device = keyward.at.post("/device_authorization", &form).await.json();
    let mut alice = keyward.at.signed_in("alice", "password123").await;
    let entered = [("user_code", device["user_code"].as_str().unwrap())];
    let page = alice.get("/device").await;
    let page = alice.submit(&page, "/device", &entered).await;
    let decision = hidden(&page, "/device/decision");
    alice.post("/device/decision", &[&borrowed(&decision)[..], &[("decision", "allow")]].concat()).await;
    // Instead of waiting for the first poll's time.
    house.change("UPDATE device_codes SET next_poll_at = created_at").await;
    let form = [client, ("grant_type", GRANT_TYPE), ("device_code", device["device_code"].as_str().unwrap())];
    let answer = keyward.at.post("/token", &form).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}")).to_owned()
}

#[tokio::test]
async fn rmcp_calls_tools_on_every_surface() {
    let house = House::new().await;
    let keyward = house.demo();
    let mut alice = keyward.at.signed_in("alice", "password123").await;

    let manager = authorized(&keyward, &mut alice).await;
    enter(AuthClient::new(reqwest::Client::new(), manager), at(&keyward, "oauth"), "oauth").await;
    let manager = robot(&url(&keyward, "client-credentials")).await;
    let robot = AuthClient::new(reqwest::Client::new(), manager);
    enter(robot, at(&keyward, "client-credentials"), "client-credentials").await;

    let token = device_token(&house, &keyward, &url(&keyward, "device")).await;
    let login = json!({"username": "testuser", "password": "TestPass123!"});
    let [era, _] = eras();
    let session = told(reqwest::Client::new(), at(&keyward, "session"), era, "authenticate_user", &login).await;
    let password = basic("testuser", "testpass123");
    let key = "ghp_test1234567890abcdefghijklmnopqrstuvwxyz";
    let with_headers = [
        ("device", "authorization", format!("Bearer {token}")),
        ("bearer-token", "authorization", "Bearer test-bearer-token".to_owned()),
        ("api-key", "authorization", "Bearer test-api-key-12345".to_owned()),
        ("basic", "authorization", password),
        ("security-keys", "x-github-token", key.to_owned()),
        ("session", "authorization", format!("Bearer {}", session["access_token"].as_str().unwrap())),
    ];
    for (surface, name, value) in with_headers {
        let header = (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        enter(reqwest::Client::new(), at(&keyward, surface).custom_headers([header].into()), surface).await;
    }
    enter(reqwest::Client::new(), at(&keyward, "no-auth"), "no-auth").await;
}
