//! A redirect URI for trying things by hand: shows the parameters of the redirect, and stores nothing.
use crate::{answers::accepted, page};
use axum::{
    Json,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use keyward_shared::api::Operation;
use keyward_shared::api::escape;
use serde_json::json;
use url::form_urlencoded;

pub(crate) const PATH: &str = "/docs/oauth-callback";

/// Explains the parameters of an authorization response.
const KNOWN: [(&str, &str); 8] = [
    ("code", "The authorization code (RFC 6749 §4.1.2): redeem it once, soon, with the code_verifier."),
    ("state", "What your request sent along; anything else means that this is not its answer."),
    ("iss", "Who answers (RFC 9207); it must be the issuer that you asked."),
    ("error", "Why there is no code (RFC 6749 §4.1.2.1)."),
    ("error_description", "The same, for developers."),
    ("error_uri", "A page about the error."),
    ("session_state", "Of OpenID Connect Session Management; OAuth clients ignore it."),
    ("response", "A signed response (JARM) that holds all others."),
];

pub(crate) fn described() -> Operation {
    let told = Operation::get("Shows what a browser was sent back with, for trying by hand").tag("About this server");
    told.gives(200, "The parameters", "application/json", &json!({"type": "object"}))
}

pub(crate) async fn show(headers: HeaderMap, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let outcome = match parameters.iter().map(|(name, _)| name.as_ref()).find(|name| ["error", "code"].contains(name)) {
        Some("code") => "The authorization server sent a code.",
        Some(_) => "The authorization server refused.",
        None => "Neither a code nor an error came along.",
    };
    let mut response = if accepted(&headers).any(|range| range == "text/html") {
        page::response(page::of("OAuth redirect", &told(outcome, &parameters)))
    } else {
        let parameters = parameters.iter().map(|(name, value)| json!({"name": name, "value": value}));
        Json(json!({"outcome": outcome, "parameters": parameters.collect::<Vec<_>>()})).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn told(outcome: &str, parameters: &[(std::borrow::Cow<str>, std::borrow::Cow<str>)]) -> String {
    let shown = parameters.iter().map(|(name, value)| {
        let known = KNOWN.iter().find(|(known, _)| known == name).map_or("", |(_, meaning)| meaning);
        format!("<dt>{}<dd><code>{}</code><br>{known}", escape(name), escape(value))
    });
    format!(
        "<p>{outcome} These are the parameters of the address that your browser was sent to. They are shown, and not \
         kept: this page has no script, calls nobody, and may not be stored.</p>\
         <section><h2>Parameters</h2><dl>{}</dl></section>\
         <section><h2>How to use it</h2><p>Register this page's address as a <code>redirect_uri</code> of a client, \
         open the authorization endpoint with it in a browser, and take the code from here to the token endpoint. \
         What comes behind a <code>#</code> stays in the browser and is not seen here.</p></section>",
        shown.collect::<String>()
    )
}
