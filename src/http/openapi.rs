//! Describes this server as `OpenAPI` 3.1 and as a page, generated from the lists of routes.
use super::{
    endpoint::Endpoint,
    protection::protected,
    respond::{Document, Page, method_not_allowed},
};
use crate::app::App;
use askama::Template;
use axum::{extract::Request, http::Method, middleware::map_response, response::IntoResponse, routing::get};
use keyward_shared::api::{self, ApiInfo, DescribedPath, Routes};
use serde_json::{Value, json};
use std::sync::Arc;

const DESCRIPTION: &str = "An OAuth 2.1 authorization server for MCP servers. Clients find its endpoints by the metadata \
                           and need nothing of this; it is for those who try them by hand.";

/// `GET /docs`.
#[derive(Template)]
#[template(path = "docs.html")]
struct Docs<'a> {
    /// HTML, escaped.
    content: &'a str,
}

/// Adds the endpoints of the descriptions, which describe all endpoints including these.
pub fn with_own(app: &App, endpoints: &mut Vec<Endpoint>, pages: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let base = app.config.base_path();
    let own = api::own(base);
    let of_endpoints: Vec<DescribedPath> = endpoints.iter().flat_map(Endpoint::described).collect();
    let document = document(app, of_endpoints.iter().chain(pages.described()).chain(&own));
    let content = api::content(&document);
    let [(place, told), (page_place, page_told)] = own;
    let document = Document::new(&document);
    let get_document = get(async move |request: Request| document.respond(request.headers()));
    endpoints.push(Endpoint::new(&place, get_document, told).cors(&[Method::GET], &["mcp-protocol-version"]));
    let show = get(async move || Page(Docs { content: &content }).into_response()).fallback(method_not_allowed);
    pages.merge(Routes::new().route(&page_place, show.layer(map_response(protected)), page_told))
}

fn document<'a>(app: &App, described: impl Iterator<Item = &'a DescribedPath>) -> Value {
    let base = app.config.base();
    let bearer = |what: &str| json!({"type": "http", "scheme": "bearer", "description": what});
    let schemes = json!({
        "client": {"type": "http", "scheme": "basic", "description": "Identifier and secret of a client (RFC 6749 §2.3.1)"},
        "access_token": {
            "type": "openIdConnect",
            "openIdConnectUrl": format!("{base}/.well-known/openid-configuration"),
        },
        "registration": bearer("A registration access token, or an initial one (RFC 7591, RFC 7592)"),
        "operator": bearer("The operator's token, `debug.admin_token`"),
    });
    let about = ApiInfo {
        title: "Keyward",
        description: DESCRIPTION,
        origin: app.config.origin(),
        schemas: serde_json::Map::new(),
        security_schemes: schemes.as_object().cloned().unwrap_or_default(),
        error: &[
            ("error", true, "What kind of failure; stable."),
            ("error_description", true, "The rule that was broken, for developers."),
        ],
    };
    api::document(&about, described)
}
