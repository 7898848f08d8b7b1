//! `/`: what this is, and who is signed in.
use super::{Problem, session};
use crate::{
    app::App,
    http::{
        respond::Page,
        views::{Home, ServerCard},
    },
};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(show))
}

async fn show(State(app): State<Arc<App>>, session: Session) -> Result<Response, Problem> {
    let signed_in = session::current(&app, &session).await?;
    let servers = app.resources.iter().map(|resource| ServerCard { name: &resource.name, url: &resource.identifier });
    Ok(Page(Home {
        issuer: &app.config.issuer,
        username: signed_in.as_ref().map(|signed_in| signed_in.user.username.as_str()),
        servers: servers.collect(),
        demo: !app.demo_people.is_empty(),
        demo_people: app.demo_people.to_vec(),
    })
    .into_response())
}
