//! Browsers that opened this server under another address than the issuer's: their forms are refused.
use crate::app::App;
use axum::{
    extract::{Request, State},
    http::{HeaderName, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;
use url::Url;

/// No more of an address is told.
const LONGEST: usize = 200;

/// Of whatever a browser asks for. The address that somebody typed shows in the `Referer` of what a page of ours loads:
/// `Referrer-Policy: same-origin` sends it there and to nobody else.
pub async fn notice(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(origin) = opened_at(&app, &request) {
        tell(&app, &origin);
    }
    next.run(request).await
}

/// The origin that a browser sees, if that is not the issuer's: the host that was asked is the one that it comes from,
/// so that this is no page of somebody else, and no proxy that puts another `Host` in its place.
fn opened_at(app: &App, request: &Request) -> Option<String> {
    let from = Url::parse(text(request, header::REFERER)?).ok()?.origin().ascii_serialization();
    let (_, authority) = from.split_once("://")?;
    (host(request)? == authority && from != app.config.origin()).then_some(from)
}

pub fn text(request: &Request, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// HTTP/2 has it in the URI (RFC 9113 §8.3.1).
pub fn host(request: &Request) -> Option<&str> {
    text(request, header::HOST).or_else(|| request.uri().authority().map(Authority::as_str))
}

/// In the log, each address once in a while: it is whatever a stranger wrote.
pub fn tell(app: &App, origin: &str) {
    let opened: String = origin.chars().take(LONGEST).collect();
    if app.limits.notices.is_new(&opened) {
        tracing::warn!(
            opened,
            issuer = app.config.issuer,
            "somebody opened this server under another address than the issuer's, where its forms are refused. Lead \
             people to the issuer, or make that address the issuer"
        );
    }
}
