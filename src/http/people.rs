//! Pages for people: one file and one name in this list each. Cookies live here, CORS does not.
mod answer;
mod device;
mod elsewhere;
mod forms;
mod home;
mod question;
mod session;
mod static_files;

use super::{
    method_not_allowed, programs,
    respond::{Page, Told, page_error},
    views::errors::Comparison,
    words::Words,
};
use crate::{app::App, error::OAuthError, oauth::compared::Compared};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use time::Duration;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

/// Each module offers `routes`.
macro_rules! pages {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        fn routes() -> Routes<Arc<App>> {
            Routes::new()$(.merge($module::routes()))*
        }
    };
}

pages!(authorize, consent, login, logout, setup);

/// No script, nothing from elsewhere, no frames. No `form-action`: Chromium applies it to the redirect that
/// answers the consent form, and the code would never arrive.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                                       frame-ancestors 'none'";

pub fn all(app: &Arc<App>) -> Routes<Arc<App>> {
    let sessions = SessionManagerLayer::new(app.sessions())
        .with_name(cookie_name(app, "keyward"))
        .with_secure(app.config.is_https())
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::seconds(app.config.sessions.lifetime.into())));
    let devices = if app.config.device_authorization.enabled { device::routes() } else { Routes::new() };
    let legacy = if app.config.legacy_paths { authorize::legacy() } else { Routes::new() };
    let pages = routes()
        .merge(home::routes(programs::metadata(app)))
        .merge(devices)
        .merge(legacy)
        .layered(|router| router.layer(sessions))
        .merge(static_files::routes())
        .layered(|router| router.method_not_allowed_fallback(method_not_allowed));
    let noticed = from_fn_with_state(app.clone(), elsewhere::notice);
    pages.layered(|router| router.layer(map_response(protected)).layer(noticed))
}

pub async fn protected(mut response: Response) -> Response {
    protect(response.headers_mut());
    response
}

/// What every page says to the browser, errors too.
pub fn protect(headers: &mut HeaderMap) {
    let all = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Bound to this very host where browsers can make sure of it: `__Host-` wants https, and cookies for all paths.
fn cookie_name(app: &App, name: &str) -> String {
    let prefix = match (app.config.is_https(), app.config.base_path()) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}{name}")
}

/// An error told to the person at the browser, with a reference that the log knows.
pub struct Problem {
    error: OAuthError,
    words: Box<Words>,
}

impl<E: Into<OAuthError>> From<E> for Problem {
    fn from(error: E) -> Self {
        let error = error.into();
        let words = Words::of(&Told::from(&error), None);
        Self { error, words: Box::new(words) }
    }
}

impl Problem {
    #[must_use]
    pub fn titled(mut self, title: &'static str) -> Self {
        self.words.title = title;
        self
    }

    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        message.clone_into(&mut self.words.message);
        self
    }

    #[must_use]
    pub fn advising(mut self, advice: &str) -> Self {
        self.words.advice = Some(advice.to_owned());
        self
    }

    /// With what was sent beside what is registered, if whoever reads it may see that.
    #[must_use]
    pub fn comparing(mut self, compared: Compared, may_see: bool) -> Self {
        self.words.comparison = Some(Comparison { compared, may_see });
        self
    }

    /// To where it goes on.
    #[must_use]
    pub fn leading(mut self, href: impl Into<String>, words: &'static str) -> Self {
        self.words.link = Some((href.into(), words));
        self
    }

    /// An app sent the browser here, and can do so again.
    #[must_use]
    pub fn of_an_app(mut self) -> Self {
        if self.words.is_final {
            self.words.link = None;
            self.words.advice.get_or_insert_with(|| "Start again in the app that sent you here.".to_owned());
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { error, words } = self;
        let cause = error.cause.as_ref().map(|cause| format!("{cause:#}"));
        tracing::warn!(error = error.code.as_str(), description = %error.description, cause, "error page shown");
        page_error(&error, Page(words.page(error.code)))
    }
}
