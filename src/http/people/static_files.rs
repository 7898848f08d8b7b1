//! The stylesheet and the icon, embedded in the binary.
use crate::app::App;
use axum::{http::header, routing::get};
use keyward_shared::api::{Operation, Routes};
use serde_json::json;
use std::sync::Arc;

const STYLESHEET: &str = include_str!("../../../static/keyward.css");
const ICON: &str = include_str!("../../../static/icon.svg");

pub fn routes() -> Routes<Arc<App>> {
    let file = |kind: &'static str, content: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], content))
    };
    let told = |summary, kind| [Operation::get(summary).tag("Pages").gives(200, "The file", kind, &json!({}))];
    Routes::new()
        .route(
            "/static/keyward.css",
            file("text/css; charset=utf-8", STYLESHEET),
            told("The style of all pages", "text/css"),
        )
        .route("/static/icon.svg", file("image/svg+xml", ICON), told("The icon", "image/svg+xml"))
        .route("/favicon.ico", file("image/svg+xml", ICON), told("The icon", "image/svg+xml"))
}
