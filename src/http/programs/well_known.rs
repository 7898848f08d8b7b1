//! Unknown paths below `/.well-known/`: clients in browsers probe them, and must be able to read the 404.
use crate::{
    app::App,
    http::{endpoint::Endpoint, respond::not_found},
};
use axum::{http::Method, routing::get};

pub fn endpoint(_: &App) -> Endpoint {
    let endpoint = Endpoint::new("/.well-known/{*elsewhere}", get(not_found), Vec::new()).for_machines();
    endpoint.cors(&[Method::GET], &["mcp-protocol-version"])
}
