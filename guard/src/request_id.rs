//! `X-Request-Id`: the client's own if well-formed, else a new one; on every answer, beside the headers all share.
use crate::challenge::{REQUEST_ID, RequestId};
use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};
use std::convert::Infallible;
use uuid::Uuid;

/// Middleware. Nested use changes nothing: the outermost chooses the id.
pub async fn attach(mut request: Request, next: Next) -> Response {
    let id = of(request.extensions().get(), request.headers());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.0);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Extracts the id a handler answers with.
pub struct Id(pub RequestId);

impl<S: Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(of(parts.extensions.get(), &parts.headers)))
    }
}

fn of(known: Option<&RequestId>, headers: &HeaderMap) -> RequestId {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let sent = headers.get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        !bytes.is_empty() && bytes.len() <= 128 && bytes.iter().all(plain)
    });
    let made = || HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("none"));
    known.cloned().unwrap_or_else(|| RequestId(sent.cloned().unwrap_or_else(made)))
}
