//! Responses: errors as JSON with their challenge, pages, redirects, and documents that caches may keep.
use super::extract::takes_gzip;
use crate::{
    error::{ErrorCode, OAuthError},
    model::{Form, Ready},
    oauth::challenge::{Challenge, Scheme},
};
use askama::Template;
use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{borrow::Cow, sync::Arc};

/// The realm of all challenges.
pub const REALM: &str = "keyward";

/// A response that nobody may store, because it holds tokens, secrets or data about a user (RFC 6749 §5.1).
pub struct NoStore<T>(pub T);

impl<T: IntoResponse> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, "no-store")], self.0).into_response()
    }
}

fn status(error: &OAuthError) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// RFC 9110 §11.6.1: every 401 has a challenge.
fn challenge(error: &OAuthError) -> Option<Challenge> {
    let bearer = Challenge::new(Scheme::Bearer, REALM);
    match error.code {
        ErrorCode::InvalidClient => Some(Challenge::basic(REALM)),
        ErrorCode::Unauthorized => Some(bearer),
        ErrorCode::InvalidToken => Some(bearer.error(error.code.as_str(), &error.description)),
        ErrorCode::InsufficientScope => {
            Some(bearer.error(error.code.as_str(), &error.description).with("scope", "openid"))
        }
        _ => None,
    }
}

/// In the extensions of a response, for the metrics: the error code, and whether a budget was used up.
#[derive(Clone, Copy)]
pub struct CountedRefusal {
    pub error: ErrorCode,
    pub by_budget: bool,
}

impl From<&OAuthError> for CountedRefusal {
    fn from(error: &OAuthError) -> Self {
        Self { error: error.code, by_budget: error.by_budget }
    }
}

/// In the extensions of a response, for layers that render the error in another form.
#[derive(Clone)]
pub struct ErrorText {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
    pub retry_after: Option<u64>,
    /// Whether a dependency of this server did not answer.
    pub is_outage: bool,
}

impl From<&OAuthError> for ErrorText {
    fn from(error: &OAuthError) -> Self {
        Self {
            code: error.code,
            description: error.description.clone(),
            retry_after: error.retry_after,
            is_outage: error.cause.is_some(),
        }
    }
}

/// The error as JSON; this is the only place where its cause is logged.
#[must_use]
pub fn with_status(status: StatusCode, error: &OAuthError) -> Response {
    log(error);
    let body = Json(json!({"error": error.code, "error_description": error.description}));
    let mut response = (status, NoStore(body)).into_response();
    add_headers(error, response.headers_mut());
    response.extensions_mut().insert(CountedRefusal::from(error));
    response.extensions_mut().insert(ErrorText::from(error));
    response
}

pub fn log(error: &OAuthError) {
    if let Some(cause) = &error.cause {
        tracing::error!(error = error.code.as_str(), cause = format!("{cause:#}"), "request failed");
    } else {
        tracing::debug!(error = error.code.as_str(), description = %error.description, "request refused");
    }
}

fn add_headers(error: &OAuthError, headers: &mut HeaderMap) {
    if let Some(value) = challenge(error).and_then(|challenge| HeaderValue::from_str(&challenge.to_string()).ok()) {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(nonce) = error.dpop_nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        headers.insert("dpop-nonce", nonce);
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        with_status(status(&self), &self)
    }
}

/// An error page with the status and headers of the error.
pub fn page_error(error: &OAuthError, page: impl IntoResponse) -> Response {
    let status = match error.code {
        ErrorCode::InvalidClient => StatusCode::BAD_REQUEST,
        ErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        _ => status(error),
    };
    let mut response = (status, page).into_response();
    response.extensions_mut().insert(CountedRefusal::from(error));
    response.extensions_mut().insert(ErrorText::from(error));
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A page for a person.
pub struct Page<T>(pub T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => NoStore(Html(html)).into_response(),
            Err(error) => OAuthError::server_error(error).into_response(),
        }
    }
}

/// 303, so that the browser does not send the form's content on (RFC 9700 §4.12).
pub struct SeeOther(pub String);

impl IntoResponse for SeeOther {
    fn into_response(self) -> Response {
        match HeaderValue::from_str(&self.0) {
            Ok(location) => (StatusCode::SEE_OTHER, NoStore([(header::LOCATION, location)])).into_response(),
            Err(error) => OAuthError::server_error(error).into_response(),
        }
    }
}

/// A public document, made once.
#[derive(Clone)]
pub struct Document {
    content: Arc<Ready>,
    kind: &'static str,
    cache_control: &'static str,
}

impl Document {
    /// As JSON.
    #[must_use]
    pub fn new(value: &Value) -> Self {
        Self::of(Arc::new(Ready::new(value.to_string())))
    }

    /// Of JSON.
    #[must_use]
    pub fn of(content: Arc<Ready>) -> Self {
        Self { content, kind: "application/json", cache_control: "public, max-age=300" }
    }

    /// A file that changes only with a new version of this program.
    #[must_use]
    pub fn file(kind: &'static str, content: &'static str) -> Self {
        Self { content: Arc::new(Ready::new(content)), kind, cache_control: "public, max-age=3600" }
    }

    /// Answers 304 if the client has the document already (RFC 9110 §13.1.2).
    #[must_use]
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let gzip = takes_gzip(request).then(|| self.content.gzip()).flatten();
        let Form { bytes, etag } = gzip.unwrap_or(self.content.plain());
        let known = request.get(header::IF_NONE_MATCH).is_some_and(|tags| {
            tags.to_str().unwrap_or("").split(',').any(|tag| etag == tag.trim().trim_start_matches("W/"))
        });
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(header::ETAG, etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if gzip.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *response.body_mut() = bytes.clone().into();
        response
    }
}

pub async fn not_found() -> Response {
    let error = OAuthError::new(ErrorCode::NotFound, "there is nothing at this path");
    error.into_response()
}

pub async fn method_not_allowed() -> Response {
    let error = OAuthError::invalid_request("this endpoint does not take this method; see the Allow header");
    with_status(StatusCode::METHOD_NOT_ALLOWED, &error)
}
