//! Pages for people: one file and one name in this list each. Cookies live here, CORS does not.
mod answer;
mod device;
mod forms;
mod question;
mod session;
mod static_files;

use super::{
    method_not_allowed,
    respond::{Page, page_error},
    views::ErrorPage,
};
use crate::{app::App, error::OAuthError, storage::Sessions, telemetry};
use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use time::Duration;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

/// Each module offers `routes`.
macro_rules! pages {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        fn routes() -> Router<Arc<App>> {
            Router::new()$(.merge($module::routes()))*
        }
    };
}

pages!(authorize, consent, home, login, logout, setup);

/// No script, nothing from elsewhere, no frames. No `form-action`: Chromium applies it to the redirect that
/// answers the consent form, and the code would never arrive.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                                       frame-ancestors 'none'";

pub fn router(app: &App) -> Router<Arc<App>> {
    let sessions = SessionManagerLayer::new(Sessions { db: app.db.clone(), clock: app.clock.clone() })
        .with_name(cookie_name(app, "keyward"))
        .with_secure(app.config.is_https())
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::seconds(app.config.sessions.lifetime.into())));
    let devices = if app.config.device_authorization.enabled { device::routes() } else { Router::new() };
    let pages = routes()
        .merge(devices)
        .layer(sessions)
        .merge(static_files::routes())
        .method_not_allowed_fallback(method_not_allowed);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    headers.into_iter().fold(pages, |pages, (name, value): (HeaderName, _)| {
        pages.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
    })
}

/// Bound to this very host where browsers can make sure of it (`__Host-` wants https).
fn cookie_name(app: &App, name: &str) -> String {
    if app.config.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

/// An error told to the person at the browser, with a reference that the log knows.
pub struct Problem(OAuthError);

impl<E: Into<OAuthError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let reference = telemetry::request_id().unwrap_or_default();
        let cause = error.cause.as_ref().map(|cause| format!("{cause:#}"));
        tracing::warn!(code = error.code, description = %error.description, cause, "error page shown");
        let (title, advice) = match error.code {
            "server_error" => ("Something went wrong here", Some("Try again in a moment.")),
            "temporarily_unavailable" | "too_many_requests" => ("Please wait a moment", Some("Then try again.")),
            "invalid_scope" => ("Not available to you", None),
            "access_denied" => ("This page can't be used like that", Some("Go back to your app and start again.")),
            "invalid_client" => ("Unknown app", Some("Remove the connection in your app, then connect again.")),
            _ => ("This request can't be completed", Some("Go back to your app and start again.")),
        };
        let message = sentence(&error.description);
        let page = ErrorPage { title, message: &message, advice, reference: &reference, code: error.code };
        page_error(&error, Page(page))
    }
}

/// A description as a sentence; a parameter's name stays as it is on the wire.
fn sentence(description: &str) -> String {
    if description.split(' ').next().is_some_and(|word| word.contains('_')) {
        return format!("{description}.");
    }
    let mut letters = description.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
