//! An MCP server and its authorization server on one loopback port, healthy but for the faults it is told to have.
mod authorization;
mod malice;
mod resource;

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
    state: Arc<SharedState>,
}

struct SharedState {
    origin: String,
    faults: Mutex<Vec<String>>,
    seen: Mutex<ServerRecord>,
}

/// What the servers remember.
#[derive(Default)]
pub struct ServerRecord {
    pub registrations: Vec<Value>,
    pub authorizations: Vec<Form>,
    pub token_requests: Vec<Form>,
    pub token_headers: Vec<HeaderMap>,
    pub calls: Vec<Value>,
    pub call_headers: Vec<HeaderMap>,
    pub revoked: Vec<String>,
    /// All requests, whatever for.
    pub requests: usize,
    pub refreshes: usize,
    /// The one refresh token that works.
    refresh_token: String,
    /// The last refresh token that was used up, and the answer to it.
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

    /// With faults, by the names that [`SharedState::has`] is asked for.
    pub fn with(faults: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(SharedState { origin: origin.clone(), faults: named(faults), seen: Mutex::default() });
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

    pub fn seen(&self) -> MutexGuard<'_, ServerRecord> {
        self.state.seen.lock().unwrap()
    }

    /// Has other faults from now on. `MALICE@/path` is one: [`malice`] has them.
    pub fn turn(&self, faults: &[&str]) {
        *self.state.faults.lock().unwrap() = named(faults).into_inner().unwrap();
    }

    /// No access token works any more, as after a restart of the server.
    pub fn forget_tokens(&self) {
        self.seen().tokens.clear();
    }
}

async fn answer(
    State(world): State<Arc<SharedState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = form(uri.query().unwrap_or_default().as_bytes());
    world.seen().requests += 1;
    if let Some(to) = world.fault("redirects=") {
        return redirect(&format!("{to}{}", uri.path()));
    }
    let mut response = match (method.as_str(), uri.path()) {
        ("OPTIONS", path) => world.preflight(path),
        ("POST", "/mcp") => world.mcp(&headers, &body),
        ("GET", "/metadata") if world.has("challenge-elsewhere") => world.resource_metadata("/metadata"),
        ("GET", "/.well-known/oauth-protected-resource/mcp") => world.resource_metadata("path"),
        ("GET", "/.well-known/oauth-protected-resource") if world.has("others-at-root") => world.another_resource(),
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
        ("GET", "/client.json") => world.document(world.client_document()),
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
    let faults = world.faults.lock().unwrap().clone();
    for (malice, _) in
        faults.iter().filter_map(|fault| fault.split_once('@')).filter(|(_, at)| uri.path().starts_with(at))
    {
        response = malice::spoil(malice, uri.path(), response).await;
    }
    response
}

fn named(faults: &[&str]) -> Mutex<Vec<String>> {
    Mutex::new(faults.iter().map(|fault| (*fault).to_owned()).collect())
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

impl SharedState {
    fn has(&self, fault: &str) -> bool {
        self.faults.lock().unwrap().iter().any(|known| known == fault)
    }

    /// The origin by which the servers call themselves. It differs from the listener's where a proxy is in between.
    fn called(&self) -> String {
        self.fault("called=").unwrap_or_else(|| self.origin.clone())
    }

    /// The value of a fault `NAME=VALUE`, where `begins` is `NAME=`.
    fn fault(&self, begins: &str) -> Option<String> {
        self.faults.lock().unwrap().iter().find_map(|fault| Some(fault.strip_prefix(begins)?.to_owned()))
    }

    fn seen(&self) -> MutexGuard<'_, ServerRecord> {
        self.seen.lock().unwrap()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.called())
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

    /// The metadata document of a client, with the faults of its maker.
    fn client_document(&self) -> Value {
        let mut document = json!({"client_id": self.at("/client.json"), "client_name": "App",
            "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"]});
        let methods = |methods: Value, single: Value| [methods, single];
        let [list, single] = match () {
            () if self.has("document-method") => methods(Value::Null, Value::Null),
            () if self.has("document-single") => methods(Value::Null, json!("none")),
            () if self.has("document-shares-method") => methods(json!(["tls_client_auth"]), json!("none")),
            () => return document,
        };
        document["token_endpoint_auth_methods_supported"] = list;
        document["token_endpoint_auth_method"] = single;
        document
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
}
