//! Pages below the issuer's path: their links, redirects and cookies all stay below it.
use super::respond::SeeOther;
use crate::{app::App, error::OAuthError};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::{Operation, Routes};
use std::sync::Arc;

/// Attributes that hold URLs, as our templates write them. Untrusted text cannot contain them, because its quotes are
/// escaped.
const LINKS: [&str; 4] = [" href=\"/", " src=\"/", " action=\"/", " formaction=\"/"];

/// Pages are written for the root path; this layer moves them below the issuer's path.
pub fn placed(app: &App, pages: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let base = app.config.base_path();
    if base.is_empty() {
        return pages;
    }
    let (shared, home) = (Arc::<str>::from(base), base.to_owned());
    let pages = pages.layered(|router| router.layer(middleware::from_fn_with_state(shared, put_below)));
    let front_door = get(async move || SeeOther(home));
    let told = Operation::get("Leads to the home page").tag("Pages").answers(303, "There");
    pages.below(base).route(&format!("{base}/"), front_door, [told])
}

async fn put_below(State(base): State<Arc<str>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(location) = headers.get(header::LOCATION).and_then(|to| location(to, &base)) {
        headers.insert(header::LOCATION, location);
    }
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|cookie| scoped(cookie, &base)).collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// Adapts the links of every HTML response, including errors of endpoints that a browser requested.
pub async fn linked(app: &App, response: Response) -> Response {
    let base = app.config.base_path();
    if !base.is_empty() && is_html(response.headers()) { link_below(response, base).await } else { response }
}

fn is_html(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("text/html"))
}

/// The location below `base` for a path of this server; `None` for other URLs.
fn location(to: &HeaderValue, base: &str) -> Option<HeaderValue> {
    let path = to.to_str().ok().filter(|to| to.starts_with('/') && !to.starts_with("//"))?;
    HeaderValue::from_str(&format!("{base}{path}")).ok()
}

fn scoped(cookie: &HeaderValue, base: &str) -> HeaderValue {
    let Ok(text) = cookie.to_str() else { return cookie.clone() };
    let own = format!("Path={base}");
    let parts: Vec<_> = text.split("; ").map(|part| if part == "Path=/" { own.as_str() } else { part }).collect();
    HeaderValue::from_str(&parts.join("; ")).unwrap_or_else(|_| cookie.clone())
}

async fn link_below(response: Response, base: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let page = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return OAuthError::server_error(error).into_response(),
    };
    let page = LINKS.iter().fold(page, |page, link| {
        let below = format!("{}{base}/", link.trim_end_matches('/'));
        page.replace(link, &below)
    });
    // It has the length of the unchanged page.
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}
