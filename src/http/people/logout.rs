//! `/logout`: ends this browser's session.
use super::{
    forms::{self, PageForm, Purpose},
    login::return_to,
    problem::Problem,
    session::{self, SignedInUser},
    urls::{AUTHORIZE, authorize_url, to_login},
};
use crate::{
    app::App,
    audit,
    error::OAuthError,
    events::EventType,
    http::{
        described::{form_of_a_page, page},
        respond::Page,
        views::SignOutPage,
    },
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes() -> Routes<Arc<App>> {
    let fields = [("return_to", false, "Where somebody else may sign in and go on.")];
    let told = [page("Sign-out"), form_of_a_page("Ends the session of this browser", &fields)];
    Routes::new().route("/logout", get(show).post(post), told)
}

async fn show(State(app): State<Arc<App>>, session: Session) -> Result<Response, Problem> {
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(done()) };
    Ok(ask(&app, &signed_in, "", None))
}

/// `why` says why the question is asked again.
fn ask(app: &App, signed_in: &SignedInUser, return_to: &str, why: Option<&str>) -> Response {
    let form_token = forms::mint(app, Purpose::SignOut, &signed_in.session_id, &[]);
    let username = Some(signed_in.user.username.as_str());
    Page(SignOutPage { form_token: &form_token, username, return_to, why, done: false }).into_response()
}

async fn post(State(app): State<Arc<App>>, session: Session, PageForm(params): PageForm) -> Result<Response, Problem> {
    // Another user may want to continue with the request of the consent page.
    let request = return_to(&params).ok().and_then(|page| page.strip_prefix(AUTHORIZE));
    let leave = || request.map_or_else(done, |query| to_login(query).into_response());
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(leave()) };
    if let Err(stale) = forms::verify(&app, &params, Purpose::SignOut, Some(&signed_in.session_id)) {
        let kept = request.map(authorize_url).unwrap_or_default();
        let page = ask(&app, &signed_in, &kept, Some(stale.sentence()));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    }
    session.flush().await.map_err(OAuthError::from)?;
    audit::Event::new(EventType::Logout).user(signed_in.user.id).record(&app.audit).await;
    Ok(leave())
}

fn done() -> Response {
    Page(SignOutPage { form_token: "", username: None, return_to: "", why: None, done: true }).into_response()
}
