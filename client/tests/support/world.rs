//! An MCP server and its authorization server on one loopback port, healthy but for the faults it is told to have.
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
        change("resource-no-offline-access", "scopes_supported", json!(["read", "offline_access"]));
        change("challenge-scope", "scopes_supported", json!([]));
        change("scopes-known", "scopes_supported", json!(["read", "unheard-of"]));
        if place == "path" {
            change("resource-agrees", "scopes_supported", json!(["write"]));
        }
        self.cors("resource-cors", self.document(document))
    }

    fn metadata(&self) -> Value {
        let mut document = json!({
            "issuer": self.origin,
            "authorization_endpoint": self.at("/authorize"),
            "token_endpoint": self.at("/token"),
            "device_authorization_endpoint": self.at("/device"),
            "registration_endpoint": self.at("/register"),
            "revocation_endpoint": self.at("/revoke"),
            "jwks_uri": self.at("/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["read", "write", "offline_access"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
            "dpop_signing_alg_values_supported": ["ES256"],
        });
        if self.has("metadata-oauth-form") {
            document["subject_types_supported"] = json!(["public"]);
            document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        }
        let mut change = |fault: &str, name: &str, value: Value| {
            if self.has(fault) {
                document[name] = value;
            }
        };
        change("issuer-exact", "issuer", self.at("/").into());
        change("endpoints-https", "revocation_endpoint", "http://as.example/revoke".into());
        change("pkce-s256", "code_challenge_methods_supported", json!([]));
        change("pkce-no-plain", "code_challenge_methods_supported", json!(["S256", "plain"]));
        change("authorization-endpoint-script", "authorization_endpoint", "javascript:alert(1)".into());
        change("response-type-code", "response_types_supported", json!(["token"]));
        change("cimd-none", "token_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
        change("cimd", "client_id_metadata_document_supported", false.into());
        change("iss-parameter", "authorization_response_iss_parameter_supported", false.into());
        change("dpop-algorithms", "dpop_signing_alg_values_supported", json!(["none"]));
        change(
            "id-jag-grant",
            "authorization_grant_profiles_supported",
            json!(["urn:ietf:params:oauth:grant-profile:id-jag"]),
        );
        change("client-identity", "client_id_metadata_document_supported", false.into());
        change("refresh-grant", "grant_types_supported", json!(["authorization_code"]));
        change("no-device", "grant_types_supported", json!(["authorization_code", "refresh_token"]));
        let members = document.as_object_mut().unwrap();
        for (fault, name) in [
            ("auth-methods-listed", "token_endpoint_auth_methods_supported"),
            ("client-identity", "registration_endpoint"),
            ("grant-types-listed", "grant_types_supported"),
            ("endpoints", "token_endpoint"),
        ] {
            if self.has(fault) {
                members.remove(name);
            }
        }
        document
    }

    fn key(&self) -> Value {
        let mut key = json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "1"});
        if self.has("jwks") {
            key["d"] = "secret".into();
        }
        key
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
        if !self.has("challenge-scope") {
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

    fn register(&self, body: &[u8]) -> Response {
        let mut client: Value = serde_json::from_slice(body).unwrap();
        if self.has("registration") {
            return oauth_error(StatusCode::BAD_REQUEST, "invalid_client_metadata");
        }
        let count = {
            let mut seen = self.seen();
            seen.registrations.push(client.clone());
            seen.registrations.len()
        };
        client["client_id"] = format!("registered-{count}").into();
        if self.has("registration-echo") {
            client.as_object_mut().unwrap().remove("redirect_uris");
        }
        let cached = if self.has("registration-no-store") { "public" } else { "no-store" };
        (StatusCode::CREATED, [("cache-control", cached)], axum::Json(client)).into_response()
    }

    fn registered(&self, id: &str) -> Value {
        let number = id.strip_prefix("registered-").and_then(|number| number.parse::<usize>().ok());
        number.and_then(|number| self.seen().registrations.get(number - 1).cloned()).unwrap_or_default()
    }

    fn authorize(&self, query: &Form) -> Response {
        let to = |more: &str| redirect(&format!("{}?{more}&state={}", query["redirect_uri"], query["state"]));
        let (client, uri) = (&query["client_id"], &query["redirect_uri"]);
        let stranger = uri.contains("stranger");
        match (client.starts_with("a-client-nobody"), stranger) {
            (true, _) if self.has("open-redirect") => return to("error=unauthorized_client"),
            (false, true) if self.has("redirect-exact") => return StatusCode::OK.into_response(),
            (true, _) | (_, true) => return StatusCode::BAD_REQUEST.into_response(),
            _ => {}
        }
        let known = self.registered(client);
        let untyped = self.has("loopback-port-untyped") && known["application_type"] != "native";
        if (self.has("loopback-port") || untyped) && uri.contains(":4712") {
            return StatusCode::BAD_REQUEST.into_response();
        }
        if self.has("registration-default-scope") && query.contains_key("scope") && known["scope"].is_null() {
            return to("error=invalid_scope");
        }
        if !query.contains_key("code_challenge") && !self.has("pkce-required") {
            return to("error=invalid_request");
        }
        self.seen().authorizations.push(query.clone());
        let mut scope = query.get("scope").cloned().unwrap_or_default();
        if self.has("never-grants") {
            scope = scope.replace("write", "");
        }
        let iss = if self.has("wrong-iss") { "https://evil.example" } else { &self.origin };
        to(&format!("code={}&iss={iss}", scope.replace(' ', "+")))
    }

    fn device(&self) -> Response {
        let device = json!({"device_code": "d1", "user_code": "WDJB-MJHT", "verification_uri": self.at("/device"),
            "expires_in": 60, "interval": 0});
        axum::Json(device).into_response()
    }

    fn token(&self, headers: &HeaderMap, form: &Form) -> Response {
        let known = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut seen = self.seen();
        seen.token_requests.push(form.clone());
        seen.token_headers.push(headers.clone());
        if known("client_id").starts_with("a-client-nobody") {
            return match () {
                () if self.has("token-error-json") => redirect("/login"),
                () if self.has("unknown-client") => oauth_error(StatusCode::BAD_REQUEST, "invalid_grant"),
                () if self.has("unknown-client-400") => oauth_error(StatusCode::BAD_REQUEST, "invalid_client"),
                () => oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"),
            };
        }
        // A repeated refresh is answered as before, unless the server is strict.
        let replayed =
            seen.spent.as_ref().filter(|(token, _)| *token == known("refresh_token")).map(|(_, tokens)| tokens);
        if let Some(tokens) = replayed.filter(|_| !self.has("refresh-parallel")) {
            return axum::Json(tokens.clone()).into_response();
        }
        let scope = match &*known("grant_type") {
            "authorization_code" => known("code"),
            "refresh_token"
                if known("refresh_token") == seen.refresh_token
                    && !self.has("dead-refresh")
                    && !self.has("dead-client") =>
            {
                seen.refreshes += 1;
                "read".to_owned()
            }
            "refresh_token" if self.has("dead-client") => {
                return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
            }
            "refresh_token" => return oauth_error(StatusCode::BAD_REQUEST, "invalid_grant"),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                seen.device_polls += 1;
                if seen.device_polls == 1 {
                    return oauth_error(StatusCode::BAD_REQUEST, "authorization_pending");
                }
                "read".to_owned()
            }
            _ => known("scope"),
        };
        seen.count += 1;
        let count = seen.count;
        seen.refresh_token = format!("refresh-secret-{count}");
        if self.has("refresh-rotates") && known("grant_type") == "refresh_token" {
            seen.refresh_token = known("refresh_token");
        }
        let refresh_token = (known("grant_type") != "client_credentials").then(|| seen.refresh_token.clone());
        let token = format!("access-secret-{count}");
        seen.tokens.insert(token.clone(), scope.clone());
        let kind = if headers.contains_key("dpop") { "DPoP" } else { "Bearer" };
        let tokens = json!({"access_token": token, "token_type": kind, "expires_in": 3600,
            "refresh_token": refresh_token, "scope": scope});
        if known("grant_type") == "refresh_token" {
            seen.spent = Some((known("refresh_token"), tokens.clone()));
        }
        axum::Json(tokens).into_response()
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
