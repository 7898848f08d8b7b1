//! The front page: which surfaces there are, how to reach each, and what to try; for people and for programs.
use crate::{endpoint::accepted, settings::Settings, surface::Surface};
use axum::{
    Json,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{fmt::Write, sync::Arc};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;\
    border-bottom:1px solid #ccc}code{font-size:.9em;overflow-wrap:anywhere}";

pub(crate) struct Index {
    json: Value,
    html: String,
    /// Allows exactly our style sheet (CSP Level 3 §8.4).
    policy: String,
}

impl Index {
    pub fn new(settings: &Settings, surfaces: &[Arc<Surface>]) -> Self {
        let json = json!({
            "name": "Keyward resource server",
            "version": env!("CARGO_PKG_VERSION"),
            "authorization_server": settings.issuer,
            "surfaces": surfaces.iter().map(|surface| surface.described()).collect::<Vec<_>>(),
        });
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            base64(STYLE)
        );
        Self { json, html: page(settings, surfaces), policy }
    }

    pub fn show(&self, headers: &HeaderMap) -> Response {
        let vary = (header::VARY, "Accept");
        if !accepted(headers).any(|range| range == "text/html") {
            return ([vary], Json(self.json.clone())).into_response();
        }
        ([vary, (header::CONTENT_SECURITY_POLICY, self.policy.as_str())], Html(self.html.clone())).into_response()
    }
}

fn page(settings: &Settings, surfaces: &[Arc<Surface>]) -> String {
    let mut rows = String::new();
    for surface in surfaces {
        let tools: Vec<_> = surface.tools.iter().map(|tool| format!("<code>{}</code>", tool.name)).collect();
        let urls = surface.urls.iter().flatten().map(|url| format!("<code>{}</code>", escape(url)));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&surface.id),
            urls.collect::<Vec<_>>().join("<br>"),
            escape(surface.shown),
            tools.join(", ")
        );
    }
    let issuer = escape(&settings.issuer);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>MCP surfaces</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style><h1>MCP surfaces</h1>\
         <p>One MCP server, protected in every common way, each at its own address. A credential that is good at one \
         is refused by all others. The OAuth surfaces trust <a href=\"{issuer}\">{issuer}</a>; clients find it by \
         themselves.</p>\
         <table><tr><th>Surface</th><th>Streamable HTTP, and SSE for older clients</th><th>Send</th><th>Tools</th></tr>\
         {rows}</table>\
         <h2>What to try</h2><ul>\
         <li>Give your client the address of <code>oauth</code> and nothing else; sign in, and call <code>whoami</code>.\
         <li>Call <code>get_secret</code> with the scope <code>mcp:read</code>: the client is sent back to ask for more.\
         <li>Call <code>write_note</code> with a content of <code>rm -rf</code>: a rule on arguments refuses it.\
         <li>Take a token of one surface to another, and read the challenge.\
         <li>Read the resources <code>surface://self</code> and <code>policy://tools</code>.</ul>"
    )
}

fn base64(text: &str) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(&crate::digest::of(text.as_bytes()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
