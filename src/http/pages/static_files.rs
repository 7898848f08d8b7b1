//! The stylesheet and the icon, from inside the binary.
use crate::app::App;
use axum::{Router, http::header, routing::get};
use std::sync::Arc;

const STYLESHEET: &str = include_str!("../../../static/keyward.css");
const ICON: &str = include_str!("../../../static/icon.svg");

pub fn routes() -> Router<Arc<App>> {
    let file = |kind: &'static str, content: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], content))
    };
    Router::new()
        .route("/static/keyward.css", file("text/css; charset=utf-8", STYLESHEET))
        .route("/static/icon.svg", file("image/svg+xml", ICON))
        .route("/favicon.ico", file("image/svg+xml", ICON))
}
