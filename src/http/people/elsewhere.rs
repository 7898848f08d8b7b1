//! Browsers that opened this server under another address than the issuer's: their forms would be refused.
use crate::app::App;
use axum::{
    extract::Request,
    http::{HeaderName, header, uri::Authority},
};
use url::Url;

/// Characters of an address that are logged.
const MAX_ORIGIN_CHARACTERS: usize = 200;

/// Checks all requests of browsers. Requests that our pages trigger have the page's address in their `Referer`:
/// `Referrer-Policy: same-origin` sends it to this server only.
pub fn notice(app: &App, request: &Request) {
    if let Some(origin) = opened_at(app, request) {
        tell(app, &origin);
    }
}

/// The origin that the browser sees, if it is not the issuer's. `Host` and `Referer` must agree: then the page is ours,
/// and no proxy has replaced `Host`.
fn opened_at(app: &App, request: &Request) -> Option<String> {
    let from = Url::parse(text(request, header::REFERER)?).ok()?.origin().ascii_serialization();
    let (_, authority) = from.split_once("://")?;
    (host(request)? == authority && from != app.config.origin()).then_some(from)
}

pub fn text(request: &Request, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The host in the request; HTTP/2 has it in the URI (RFC 9113 §8.3.1).
pub fn host(request: &Request) -> Option<&str> {
    text(request, header::HOST).or_else(|| request.uri().authority().map(Authority::as_str))
}

/// Logs the address, which strangers can choose, so each one is logged only once in a while.
pub fn tell(app: &App, origin: &str) {
    let opened: String = origin.chars().take(MAX_ORIGIN_CHARACTERS).collect();
    if app.limits.notices.is_new(&opened) {
        tracing::warn!(
            opened,
            issuer = app.config.issuer,
            "somebody opened this server under another address than the issuer's, where its forms are refused. Lead \
             people to the issuer, or make that address the issuer"
        );
    }
}
