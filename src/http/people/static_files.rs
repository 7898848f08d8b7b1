//! The stylesheet and the icon, embedded in the binary.
use crate::{app::App, http::respond::Document};
use axum::{extract::Request, routing::get};
use keyward_shared::api::{Operation, Routes};
use serde_json::json;
use std::sync::Arc;

const STYLESHEET: &str = include_str!("../../../static/keyward.css");
const ICON: &str = include_str!("../../../static/icon.svg");

pub fn routes() -> Routes<Arc<App>> {
    let file = |kind, content| {
        let file = Document::file(kind, content);
        get(async move |request: Request| file.respond(request.headers()))
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
