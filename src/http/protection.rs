//! Security headers of every page, error pages included.
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

/// No scripts, no foreign content, no frames. `form-action` is missing on purpose: Chromium applies it to the redirect
/// after the consent form too, so the code would never reach the client.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                                       frame-ancestors 'none'";

pub async fn protected(mut response: Response) -> Response {
    protect(response.headers_mut());
    response
}

pub fn protect(headers: &mut HeaderMap) {
    let all = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
