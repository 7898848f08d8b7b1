//! The front page: lists the surfaces, how to reach them and what to try, for people and for programs.
use crate::{answers::accepted, credentials, page, settings::Settings, surface::Surface};
use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use keyward_shared::api::Operation;
use keyward_shared::api::escape;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct Index {
    json: Value,
    html: String,
}

pub(crate) fn described() -> Operation {
    let told = Operation::get("Which surfaces there are, for people or in JSON").tag("About this server");
    told.gives(200, "All of them", "application/json", &json!({"type": "object"}))
}

impl Index {
    pub fn new(settings: &Settings, surfaces: &[Arc<Surface>]) -> Self {
        let json = json!({
            "name": "Keyward resource server",
            "version": env!("CARGO_PKG_VERSION"),
            "authorization_server": settings.issuer,
            "surfaces": surfaces.iter().map(|surface| surface.described()).collect::<Vec<_>>(),
        });
        Self { json, html: page::of("MCP surfaces", &main(settings, surfaces)) }
    }

    pub fn show(&self, headers: &HeaderMap) -> Response {
        let mut response = if accepted(headers).any(|range| range == "text/html") {
            page::response(self.html.clone())
        } else {
            Json(self.json.clone()).into_response()
        };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    }
}

fn main(settings: &Settings, surfaces: &[Arc<Surface>]) -> String {
    let issuer = escape(&settings.issuer);
    let links = surfaces.iter().map(|surface| format!("<li><a href=\"#{0}\">{0}</a>", escape(&surface.id)));
    format!(
        "<p>One MCP server, protected in every common way, each at its own address. A credential that is good at one \
         is refused by all others. The OAuth surfaces trust <a href=\"{issuer}\">{issuer}</a>; clients find it by \
         themselves.</p>\
         <nav aria-label=\"Surfaces\"><ul>{}</ul></nav>{}\
         <section><h2>What else to try</h2><ul>\
         <li>Give your client the address of an OAuth surface and nothing else; sign in, and call \
         <code>whoami</code>.\
         <li>Call <code>get_secret</code> with the scope <code>mcp:read</code>: the client is sent back to ask for more.\
         <li>Call <code>write_note</code> with a content of <code>rm -rf</code>: a rule on arguments refuses it.\
         <li>Take a token of one surface to another, and read the challenge.\
         <li>Read the resources <code>surface://self</code> and <code>policy://tools</code>.\
         <li>Read <a href=\"{3}\">what else is served</a>, as a page or as OpenAPI.\
         <li>Let a browser be sent back to <a href=\"{2}\">{2}</a>, which shows what came along.</ul></section>",
        links.collect::<String>(),
        surfaces.iter().map(|surface| section(surface)).collect::<String>(),
        crate::callback::PATH,
        keyward_shared::api::PAGE,
    )
}

fn section(surface: &Surface) -> String {
    let id = escape(&surface.id);
    let tools: Vec<_> = surface.tools.iter().map(|tool| format!("<code>{}</code>", tool.name)).collect();
    let places = ["Streamable HTTP", "HTTP with SSE"].into_iter().zip(&surface.urls);
    let places = places.filter_map(|(transport, url)| Some((transport, url.as_ref()?)));
    let places = places.map(|(transport, url)| format!("<dt>{transport}<dd><code>{}</code>", escape(url)));
    let tools = if tools.is_empty() { "those of the server behind".to_owned() } else { tools.join(", ") };
    format!(
        "<section id=\"{id}\"><h2>{id}: {}</h2><dl>{}<dt>Send<dd>{}<dt>Tools<dd>{tools}</dl>{}</section>",
        escape(&surface.title),
        places.collect::<String>(),
        escape(surface.shown),
        tries(surface)
    )
}

/// Shell commands to try; words in capitals are placeholders.
fn tries(surface: &Surface) -> String {
    let (Ok(kind), [Some(url), _]) = (credentials::kind(surface.kind), &surface.urls) else { return String::new() };
    let login = kind.login.map(|flags| format!("mcp-auth login {url}{flags}\n")).unwrap_or_default();
    let curl = kind.curl.replace("URL", url);
    let curl = if curl.is_empty() { curl } else { format!("{curl} \\\n  ") };
    let lines = format!(
        "{login}mcp-auth tools {url}\n\n\
         curl {url} \\\n  {curl}-H 'Content-Type: application/json' \\\n  \
         -d '{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/list\"}}'"
    );
    // Makes long lines scrollable by keyboard.
    let label = escape(&surface.id);
    format!("<pre tabindex=\"0\" aria-label=\"How to try {label}\"><code>{}</code></pre>", escape(&lines))
}
