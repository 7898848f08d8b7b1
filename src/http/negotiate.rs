//! Chooses between HTML for people and JSON for programs, in errors and redirects.
use super::{
    extract::accepts_rather,
    protection::protect,
    respond::{ErrorText, Page},
    views::{AppName, OnwardPage},
    words::ErrorWords,
};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};

const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// Whether the client is a browser: browsers accept HTML; programs accept JSON, or send no `Accept`.
#[must_use]
pub fn wants_html(headers: &HeaderMap) -> bool {
    accepts_rather(headers, HTML, JSON)
}

/// In the extensions of a redirect to an app's own scheme. A browser opens the app but stays on the page, so it gets a
/// page with the link (RFC 6749 §1.7 leaves the means to us); a program gets the redirect.
#[derive(Clone)]
pub struct AppRedirect {
    pub app: AppName,
    pub href: String,
    /// A sentence: why the request was refused.
    pub refusal: Option<String>,
}

/// Paths of endpoints for programs, which respond in the format of their specification, whatever `Accept` says.
pub type Programs = Arc<BTreeSet<String>>;

/// What a client can read, known from its request.
pub struct Reader {
    html: bool,
    json: bool,
    /// Whether the request is one that only programs make.
    is_form_of_programs: bool,
}

impl Reader {
    pub fn of(request: &Request, programs: &BTreeSet<String>) -> Self {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        Self {
            html: wants_html(request.headers()),
            json: accepts_rather(request.headers(), JSON, HTML),
            is_form_of_programs: !is_read && path.is_some_and(|path| programs.contains(path)),
        }
    }

    /// The response in the form that this client reads.
    pub fn served(&self, mut response: Response) -> Response {
        let Self { html, json, is_form_of_programs } = *self;
        if html && let Some(onward) = response.extensions_mut().remove::<AppRedirect>() {
            return lead_on(response, onward);
        }
        let Some(told) = response.extensions().get::<ErrorText>().cloned() else { return response };
        let is_page =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
        let status = response.status();
        if html && !is_page && (!is_form_of_programs || status == StatusCode::METHOD_NOT_ALLOWED) {
            protect(response.headers_mut());
            return with_content(response, Page(ErrorWords::of(&told, Some(status)).page(told.code)));
        }
        if json && !html && is_page {
            let told = json!({"error": told.code, "error_description": told.description});
            return with_content(response, axum::Json(told));
        }
        response
    }
}

/// Turns the redirect into a page with the link, which the browser follows automatically if it can.
fn lead_on(mut response: Response, AppRedirect { app, href, refusal }: AppRedirect) -> Response {
    let refresh = HeaderValue::from_str(&format!("0; url={href}"));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().remove(header::LOCATION);
    if let Ok(refresh) = refresh {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    with_content(response, Page(OnwardPage { app: &app, href: &href, refusal: refusal.as_deref() }))
}

/// Replaces the content of a response and keeps everything else.
fn with_content(response: Response, content: impl IntoResponse) -> Response {
    let (mut parts, _) = response.into_parts();
    let content = content.into_response();
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(kind) = content.headers().get(header::CONTENT_TYPE) {
        parts.headers.insert(header::CONTENT_TYPE, kind.clone());
    }
    parts.headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT));
    Response::from_parts(parts, content.into_body())
}
