//! `/`: shows what this server is and who is signed in; programs get the metadata.
use super::{problem::Problem, session};
use crate::{
    app::App,
    http::{
        described::{gives, page},
        negotiate::wants_html,
        respond::{Document, Page},
        views::{HomePage, ServerCard},
    },
};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes(metadata: Document) -> Routes<Arc<App>> {
    let told = gives(page("What this is; for programs the metadata"), 200, "The metadata");
    Routes::new().route("/", get(show).layer(Extension(metadata)), [told])
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(metadata): Extension<Document>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let by_reader = [(header::VARY, "accept")];
    if !wants_html(&headers) {
        let document = metadata.respond(&HeaderMap::new());
        return Ok((by_reader, [(header::CACHE_CONTROL, "no-store")], document).into_response());
    }
    let signed_in = session::current(&app, &session).await?;
    let servers = app.resources.iter().map(|resource| ServerCard { name: &resource.name, url: &resource.identifier });
    let page = Page(HomePage {
        issuer: &app.config.issuer,
        username: signed_in.as_ref().map(|signed_in| signed_in.user.username.as_str()),
        servers: servers.collect(),
        demo: app.demo.is_some(),
        demo_people: app.demo.as_ref().map_or_else(Vec::new, |demo| demo.people.to_vec()),
    });
    Ok((by_reader, page).into_response())
}
