//! The demo's front page: what is here, for people and for programs.
use crate::{
    demo::Settings,
    endpoint::accepted,
    metadata::{self, ProtectedResource},
    surface::Surface,
};
use axum::{
    Json,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

pub(crate) struct Index {
    json: Value,
    html: String,
}

impl Index {
    pub fn new(settings: &Settings, metadata: &ProtectedResource, surface: &Surface) -> Self {
        let place = metadata::well_known_path(&settings.resource);
        let tools: Vec<_> = surface.tools.iter().map(|tool| json!({"name": tool.name, "scope": tool.scope})).collect();
        let json = json!({
            "name": settings.name,
            "version": env!("CARGO_PKG_VERSION"),
            "surfaces": [{
                "id": "oauth",
                "transport": "streamable-http",
                "url": settings.resource,
                "authorization_servers": metadata.authorization_servers,
                "resource_metadata": place,
                "tools": tools,
            }],
        });
        let row = |tool: &crate::tools::Tool| {
            format!("<tr><td>{}</td><td><code>{}</code></td></tr>", tool.name, tool.scope.unwrap_or_default())
        };
        let rows: String = surface.tools.iter().map(row).collect();
        let (name, resource, issuer) = (escape(&settings.name), escape(&settings.resource), escape(&settings.issuer));
        let html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><h1>{name}</h1>\
             <p>An MCP server that asks for an access token. Point your MCP client at \
             <code>{resource}</code>; it finds the authorization server <a href=\"{issuer}\">{issuer}</a> by itself, \
             through <a href=\"{place}\">the protected resource metadata</a>.</p>\
             <table><tr><th>Tool</th><th>Scope</th></tr>{rows}</table>\
             <p>With <code>mcp:read</code> all but <code>get_secret</code> answer; calling that one shows step-up.</p>"
        );
        Self { json, html }
    }

    pub fn show(&self, headers: &HeaderMap) -> Response {
        let vary = (header::VARY, "Accept");
        if !accepted(headers).any(|range| range == "text/html") {
            return ([vary], Json(self.json.clone())).into_response();
        }
        let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
        ([vary, policy], Html(self.html.clone())).into_response()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
