//! The MCP server's half of the world.
use super::SharedState;
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

impl SharedState {
    pub(super) fn resource_metadata(&self, place: &str) -> Response {
        if self.has("resource-metadata") || (place == "path" && self.has("resource-metadata-path-inserted")) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut document = json!({
            "resource": self.at("/mcp"),
            "authorization_servers": [self.called()],
            "scopes_supported": ["read"],
            "bearer_methods_supported": ["header"],
        });
        if let Some(issuer) = self.fault("issuer=") {
            document["authorization_servers"] = json!([issuer]);
        }
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
            json!([self.called(), "http://as.example"]),
        );
        change("first-authorization-server", "authorization_servers", json!([self.called(), "https://other.example"]));
        change("resource-header-method", "bearer_methods_supported", json!(["query"]));
        change("challenge-without-scope", "scopes_supported", json!(["listed", "read"]));
        change("resource-no-offline-access", "scopes_supported", json!(["read", "offline_access"]));
        change("challenge-scope", "scopes_supported", json!([]));
        change("scopes-known", "scopes_supported", json!(["read", "unheard-of"]));
        change("robots-only", "grant_types_supported", json!(["client_credentials"]));
        if place == "path" {
            change("resource-agrees", "scopes_supported", json!(["write"]));
        }
        self.cors("resource-cors", self.document(document))
    }

    /// What the origin says of another resource.
    pub(super) fn another_resource(&self) -> Response {
        self.document(json!({"resource": self.at("/other"), "authorization_servers": [self.called()]}))
    }

    fn challenge(&self, error: Option<&str>, scope: &str) -> String {
        if let Some(text) = self.fault("challenge=") {
            let error = error.filter(|_| text.starts_with("Bearer")).map(|error| format!(", error=\"{error}\""));
            return format!("{text}{}", error.unwrap_or_default());
        }
        if self.has("challenge-form") {
            let at = self.at("/.well-known/oauth-protected-resource/mcp");
            return format!("Bearer resource_metadata=\"{at}\" scope=\"{scope}\"");
        }
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

    pub(super) fn mcp(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        if text("origin").contains("stranger") {
            let refused = if self.has("strange-origin") { StatusCode::OK } else { StatusCode::FORBIDDEN };
            return (refused, "{}").into_response();
        }
        let message: Value = serde_json::from_slice(body).unwrap();
        if message["method"] == "server/discover" {
            let versions: &[&str] =
                if self.has("discover-versions") { &["2025-11-25"] } else { &["2026-07-28", "2025-11-25"] };
            let result = json!({"supportedVersions": versions, "capabilities": {}, "resultType": "complete"});
            return axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response();
        }
        let scope = match &*text("authorization") {
            "Basic YWxpY2U6cDpx" | "Bearer static-token" => "read write".to_owned(),
            _ if text("x-key") == "k1" => "read write".to_owned(),
            _ if self.has("open") => "read write".to_owned(),
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
            let needs = self.fault("needs=").unwrap_or_else(|| "write".to_owned());
            return self.refuse(StatusCode::FORBIDDEN, Some("insufficient_scope"), &needs);
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
