//! An MCP server and its authorization server on one loopback port, healthy but for the faults it is told to have.
mod authorization;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

type Form = HashMap<String, String>;

pub struct World {
    pub origin: String,
    state: Arc<Shared>,
}

struct Shared {
    origin: String,
    faults: Vec<String>,
    seen: Mutex<Seen>,
}

/// What the servers remember.
#[derive(Default)]
pub struct Seen {
    pub registrations: Vec<Value>,
    pub authorizations: Vec<Form>,
    pub token_requests: Vec<Form>,
    pub token_headers: Vec<HeaderMap>,
    pub calls: Vec<Value>,
    pub call_headers: Vec<HeaderMap>,
    pub revoked: Vec<String>,
    pub refreshes: usize,
    /// The one refresh token that works.
    refresh_token: String,
    /// The last one spent, and what it was answered with.
    spent: Option<(String, Value)>,
    /// Access tokens that work, with their scope.
    tokens: HashMap<String, String>,
    device_polls: usize,
    count: usize,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With faults, by the names that [`Shared::has`] is asked for.
    pub fn with(faults: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        let state = Arc::new(Shared { origin: origin.clone(), faults, seen: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(state.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { origin, state }
    }

    pub fn mcp(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.seen.lock().unwrap()
    }

    /// No access token works any more, as after a restart of the server.
    pub fn forget_tokens(&self) {
        self.seen().tokens.clear();
    }
}

async fn answer(
    State(world): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = form(uri.query().unwrap_or_default().as_bytes());
    let mut response = match (method.as_str(), uri.path()) {
        ("OPTIONS", path) => world.preflight(path),
        ("POST", "/mcp") => world.mcp(&headers, &body),
        ("GET", "/metadata") if world.has("challenge-elsewhere") => world.resource_metadata("/metadata"),
        ("GET", "/.well-known/oauth-protected-resource/mcp") => world.resource_metadata("path"),
        ("GET", "/.well-known/oauth-authorization-server")
            if !world.has("metadata") && !world.has("metadata-oauth-form") =>
        {
            world.cors("metadata-cors", world.document(world.metadata()))
        }
        ("GET", "/.well-known/openid-configuration") if world.has("metadata-oauth-form") => {
            world.cors("metadata-cors", world.document(world.metadata()))
        }
        ("GET", path) if path.starts_with("/.well-known/") && world.has("well-known-404") => {
            "<p>welcome".into_response()
        }
        ("GET", "/jwks") => world.document(json!({"keys": [world.key()]})),
        ("POST", "/register") => world.register(&body),
        ("GET", "/authorize") => world.authorize(&query),
        ("POST", "/device") => world.device(),
        ("POST", "/token") => world.token(&headers, &form(&body)),
        ("POST", "/revoke") => {
            world.seen().revoked.push(form(&body)["token"].clone());
            StatusCode::OK.into_response()
        }
        ("GET", path) if path.starts_with("/debug/") => world.document(json!({"asked": path, "query": query})),
        _ => (StatusCode::NOT_FOUND, axum::Json(json!({"error": "not_found"}))).into_response(),
    };
    if world.has("server-clock") && uri.path() == "/mcp" {
        response.headers_mut().insert("date", "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap());
    }
    response
}

fn form(bytes: &[u8]) -> Form {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn redirect(to: &str) -> Response {
    (StatusCode::FOUND, [("location", to)]).into_response()
}

fn oauth_error(status: StatusCode, code: &str) -> Response {
    (status, axum::Json(json!({"error": code}))).into_response()
}

impl Shared {
    fn has(&self, fault: &str) -> bool {
        self.faults.iter().any(|known| known == fault)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    fn document(&self, value: Value) -> Response {
        if self.has("resource-metadata-json") && value.get("resource").is_some() {
            return ([("content-type", "text/plain")], value.to_string()).into_response();
        }
        axum::Json(value).into_response()
    }

    fn cors(&self, fault: &str, mut response: Response) -> Response {
        if !self.has(fault) {
            response.headers_mut().insert("access-control-allow-origin", "*".parse().unwrap());
        }
        response
    }

    fn preflight(&self, path: &str) -> Response {
        let open = match path {
            "/authorize" => self.has("authorization-no-cors"),
            "/token" => !self.has("token-cors"),
            "/register" => !self.has("registration-cors"),
            _ => false,
        };
        if open {
            [("access-control-allow-origin", "*")].into_response()
        } else {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
    }

    fn resource_metadata(&self, place: &str) -> Response {
        if self.has("resource-metadata") || (place == "path" && self.has("resource-metadata-path-inserted")) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut document = json!({
            "resource": self.at("/mcp"),
            "authorization_servers": [self.origin],
            "scopes_supported": ["read"],
            "bearer_methods_supported": ["header"],
        });
        let mut change = |fault: &str, name: &str, value: Value| {
            if self.has(fault) {
                document[name] = value;
            }
        };
        change("resource-exact", "resource", self.at("/mcp/").into());
        change("another-resource", "resource", "https://evil.example/mcp".into());
        change("resource-authorization-servers", "authorization_servers", json!([]));
        change(
            "resource-authorization-servers-https",
            "authorization_servers",
            json!([self.origin, "http://as.example"]),
        );
        change("resource-header-method", "bearer_methods_supported", json!(["query"]));
        change("challenge-without-scope", "scopes_supported", json!(["listed", "read"]));
        change("resource-no-offline-access", "scopes_supported", json!(["read", "offline_access"]));
        change("challenge-scope", "scopes_supported", json!([]));
        change("scopes-known", "scopes_supported", json!(["read", "unheard-of"]));
        if place == "path" {
            change("resource-agrees", "scopes_supported", json!(["write"]));
        }
        self.cors("resource-cors", self.document(document))
    }

    fn challenge(&self, error: Option<&str>, scope: &str) -> String {
        if self.has("challenge-scheme") {
            return "Basic realm=\"x\"".to_owned();
        }
        let at = if self.has("challenge-elsewhere") {
            self.at("/metadata")
        } else {
            self.at("/.well-known/oauth-protected-resource/mcp")
        };
        let at = if self.has("challenge-resource-metadata-served") { self.at("/nowhere") } else { at };
        let mut parts = Vec::new();
        if !self.has("challenge-resource-metadata") {
            parts.push(format!("resource_metadata=\"{at}\""));
        }
        if !self.has("challenge-scope") && !self.has("challenge-without-scope") {
            parts.push(format!("scope=\"{scope}\""));
        }
        if let Some(error) = error.or(self.has("challenge-no-error").then_some("invalid_token")) {
            parts.push(format!("error=\"{error}\""));
        }
        format!("Bearer {}", parts.join(", "))
    }

    fn refuse(&self, status: StatusCode, error: Option<&str>, scope: &str) -> Response {
        (status, [("www-authenticate", self.challenge(error, scope))], "{}").into_response()
    }

    fn mcp(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        if text("origin").contains("stranger") {
            let refused = if self.has("strange-origin") { StatusCode::OK } else { StatusCode::FORBIDDEN };
            return (refused, "{}").into_response();
        }
        let message: Value = serde_json::from_slice(body).unwrap();
        let scope = match &*text("authorization") {
            "Basic YWxpY2U6cDpx" | "Bearer static-token" => "read write".to_owned(),
            _ if text("x-key") == "k1" => "read write".to_owned(),
            "" if self.has("challenge-401") => return StatusCode::FORBIDDEN.into_response(),
            "" => return self.refuse(StatusCode::UNAUTHORIZED, None, "read"),
            _ if self.has("unknown-token-401") => return StatusCode::FORBIDDEN.into_response(),
            other => {
                let token = other.rsplit(' ').next().unwrap_or_default();
                match self.seen().tokens.get(token) {
                    Some(scope) => scope.clone(),
                    None => return self.refuse(StatusCode::UNAUTHORIZED, Some("invalid_token"), "read"),
                }
            }
        };
        if message["params"]["name"] == "secret" && !scope.split(' ').any(|scope| scope == "write") {
            return self.refuse(StatusCode::FORBIDDEN, Some("insufficient_scope"), "write");
        }
        self.seen().calls.push(message.clone());
        self.seen().call_headers.push(headers.clone());
        result(&message)
    }
}

fn result(message: &Value) -> Response {
    let result = match message["method"].as_str().unwrap_or_default() {
        "tools/list" => json!({"tools": [
            {"name": "echo", "description": "Says it again", "inputSchema": {"type": "object", "properties": {
                "message": {"type": "string"}, "region": {"type": "string", "x-mcp-header": "Region"}}}},
            {"name": "secret", "description": "Needs more", "inputSchema": {"type": "object"}},
            {"name": "broken", "inputSchema": {"properties": {"a": {"type": "object", "x-mcp-header": "A"}}}},
        ]}),
        "tools/call" if message["params"]["name"] == "fails" => json!({"isError": true, "content": []}),
        "tools/call" => json!({"content": [{"type": "text", "text": message["params"]["arguments"]["message"]}]}),
        "resources/read" => json!({"contents": [{"uri": message["params"]["uri"], "text": "hello"}]}),
        _ => {
            let error = json!({"code": -32601, "message": "Method not found"});
            let error = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
            return (StatusCode::NOT_FOUND, axum::Json(error)).into_response();
        }
    };
    axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response()
}
