//! `/logout`: this browser's session ends.
use super::{
    Problem,
    authorize::{AUTHORIZE, to_login},
    forms::{self, PageForm, Purpose},
    login::return_to,
    session,
};
use crate::{
    app::App,
    audit,
    error::OAuthError,
    http::{respond::Page, views::SignOut},
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
    Router::new().route("/logout", get(show).post(post))
}

async fn show(State(app): State<Arc<App>>, session: Session) -> Result<Response, Problem> {
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(done()) };
    let form_token = forms::mint(&app, Purpose::SignOut, &signed_in.session_id, &[]);
    let username = Some(signed_in.user.username.as_str());
    Ok(Page(SignOut { form_token: &form_token, username, done: false }).into_response())
}

async fn post(State(app): State<Arc<App>>, session: Session, PageForm(params): PageForm) -> Result<Response, Problem> {
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(done()) };
    // From the consent page somebody else may want to go on with the request.
    let request = return_to(&params).ok().and_then(|page| page.strip_prefix(AUTHORIZE));
    forms::verify(&app, &params, Purpose::SignOut, Some(&signed_in.session_id))?;
    session.flush().await.map_err(OAuthError::from)?;
    audit::Event::new("logout").user(signed_in.user.id).record(&app).await;
    Ok(request.map_or_else(done, |query| to_login(query).into_response()))
}

fn done() -> Response {
    Page(SignOut { form_token: "", username: None, done: true }).into_response()
}
