//! Pages for people: one file and one name in this list for each. Pages use cookies and never CORS.
mod answer;
mod consent_page;
mod cookies;
mod device;
mod elsewhere;
mod forms;
mod home;
mod problem;
mod question;
mod session;
mod static_files;
mod urls;

use super::{programs, protection::protected, respond::method_not_allowed};
use crate::app::App;
use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use time::Duration;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

/// Each module has a function `routes`.
macro_rules! pages {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        fn routes() -> Routes<Arc<App>> {
            Routes::new()$(.merge($module::routes()))*
        }
    };
}

pages!(authorize, consent, login, logout, setup);

pub fn all(app: &Arc<App>) -> Routes<Arc<App>> {
    let sessions = SessionManagerLayer::new(app.sessions())
        .with_name(cookies::name(app, "keyward"))
        .with_secure(app.config.is_https())
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::seconds(app.config.sessions.lifetime.into())));
    let devices = if app.config.device_authorization.enabled { device::routes() } else { Routes::new() };
    let legacy = if app.config.legacy_paths { authorize::legacy() } else { Routes::new() };
    let pages = routes()
        .merge(home::routes(programs::metadata(app)))
        .merge(devices)
        .layered(|router| router.layer(sessions))
        .merge(legacy)
        .merge(static_files::routes())
        .layered(|router| router.method_not_allowed_fallback(method_not_allowed));
    pages.layered(|router| router.layer(from_fn_with_state(app.clone(), around)))
}

async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    elsewhere::notice(&app, &request);
    protected(next.run(request).await).await
}
