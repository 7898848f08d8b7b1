//! Who may ask at all: the `Host` and `Origin` of a request (against DNS rebinding), and CORS for allowed origins.
use crate::{
    challenge::Refusal, error_code::ErrorCode, jwks::is_loopback, places::PageOrigin, request_id::Id, wire::single,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use url::Url;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, \
     Mcp-Session-Id, Last-Event-ID, DPoP, X-Request-Id";
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, X-Request-Id, Retry-After");
/// A year.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

#[derive(Clone, Debug)]
pub struct Allowed {
    hosts: Vec<String>,
    origins: Vec<url::Origin>,
    /// As browsers spell them.
    pages: Vec<PageOrigin>,
    pub loopback_origins: bool,
}

impl Allowed {
    /// The resource's own host and origin, the loopback names, and web pages served from this very machine.
    pub fn for_resource(resource: &Url) -> Self {
        let own = resource.host_str().unwrap_or_default();
        let hosts = ["localhost", "127.0.0.1", "::1", own].map(bare).to_vec();
        Self { hosts, origins: vec![resource.origin()], pages: Vec::new(), loopback_origins: true }
    }

    pub fn allow_host(&mut self, host: &str) {
        self.hosts.push(bare(host));
    }

    pub fn allow_origin(&mut self, origin: &Url) {
        self.origins.push(origin.origin());
    }

    /// Lets these pages in, and nothing answers to their hosts.
    #[must_use]
    pub fn with_pages(&self, pages: &[PageOrigin]) -> Self {
        let pages = [self.pages.as_slice(), pages].concat();
        Self { pages, ..self.clone() }
    }

    /// The origin of the page that asks, if a page does; 421 (RFC 9110 §15.5.20) for a host that is not ours.
    pub fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<Option<HeaderValue>, Refusal> {
        self.check_host(headers, uri)?;
        let origin = single(headers, &header::ORIGIN);
        match origin {
            Ok(None) => Ok(None),
            Ok(Some(origin)) if self.allows_origin(origin) => Ok(HeaderValue::from_str(origin).ok()),
            _ => Err(Refusal::new(ErrorCode::Forbidden, "the Origin header names an origin not allowed")),
        }
    }

    fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        if host(headers, uri).is_some_and(|host| self.hosts.contains(&host)) {
            return Ok(());
        }
        let text = "the Host header names no host of this server";
        Err(Refusal::new(ErrorCode::MisdirectedRequest, text))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        let is_page = self.pages.iter().any(|page| page.as_str() == origin);
        is_page
            || Url::parse(origin).is_ok_and(|url| {
                self.origins.contains(&url.origin())
                    || (self.loopback_origins && url.origin().is_tuple() && is_loopback(&url))
            })
    }
}

/// Middleware, for what no gate stands before.
pub async fn judge(State(allowed): State<Allowed>, id: Id, request: Request, next: Next) -> Response {
    match allowed.check(request.headers(), request.uri()) {
        Ok(_) => next.run(request).await,
        Err(refusal) => refusal.into_response(&id.0),
    }
}

/// Middleware, for what every web page may read: only the `Host` is judged.
pub async fn judge_host(State(allowed): State<Allowed>, id: Id, request: Request, next: Next) -> Response {
    match allowed.check_host(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(&id.0),
    }
}

/// A host that is found by https is to be found so from now on (RFC 6797).
pub fn secured(router: Router, origins: &[Url]) -> Router {
    router.layer(from_fn_with_state(Arc::from(origins), keep_secure))
}

async fn keep_secure(State(origins): State<Arc<[Url]>>, request: Request, next: Next) -> Response {
    let host = host(request.headers(), request.uri());
    // Loopback names are everybody's on the machine.
    let secure =
        |url: &Url| url.scheme() == "https" && !is_loopback(url) && host.is_some() && url.host_str().map(bare) == host;
    let secure = origins.iter().any(secure);
    let mut response = next.run(request).await;
    if secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    response
}

pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What an allowed origin may send, with the headers that credentials go in. `Mcp-Param-*` are named by each tool, so
/// those asked for are repeated.
pub fn preflight(headers: &HeaderMap, credentials: &[&str]) -> Response {
    let mut allowed = [&[ALLOWED_HEADERS], credentials].concat().join(", ");
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let is_param = |name: &&str| name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("mcp-param-"));
    for name in asked.into_iter().flat_map(|names| names.split(',')).map(str::trim).filter(is_param) {
        allowed.push_str(", ");
        allowed.push_str(name);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    response
}

/// Lets an allowed origin read the answer.
pub fn expose(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
}

/// The authority the request names, port included, in lower case.
pub fn authority(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = single(headers, &header::HOST).ok().flatten().or_else(|| uri.authority().map(Authority::as_str));
    named.map(str::to_ascii_lowercase)
}

/// The host without its port: identifiers come from configuration, and a forwarded port changes nothing.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let authority = match single(headers, &header::HOST).ok()? {
        Some(host) => host.parse::<Authority>().ok()?,
        // HTTP/2 has `:authority` instead (RFC 9113 §8.3.1).
        None => uri.authority()?.clone(),
    };
    (!authority.as_str().contains('@')).then(|| bare(authority.host()))
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}
