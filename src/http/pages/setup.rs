//! `/setup`: the first administrator, through the link that was printed at the start.
use super::{
    Problem,
    forms::{self, PageForm, Purpose},
};
use crate::{
    accounts::sign_in::{create_first_admin, refuse_choice},
    app::App,
    error::OAuthError,
    http::{
        respond::Page,
        views::{Message, Setup},
    },
    oauth::params::Params,
    secrets::SetupToken,
    storage::setup_tokens,
};
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/setup", get(show).post(post))
}

fn spent() -> OAuthError {
    OAuthError::invalid_request("this link was used, has expired, or was replaced by a newer one")
}

async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let token = SetupToken::presented(params.get("token")?.unwrap_or(""));
    if !setup_tokens::is_valid(&app.db, &token.digest(), app.clock.now()).await? {
        return Err(spent().into());
    }
    Ok(page(&app, &token, "", None).into_response())
}

/// The link itself is what only this browser holds.
async fn post(State(app): State<Arc<App>>, PageForm(params): PageForm) -> Result<Response, Problem> {
    let token = SetupToken::presented(params.get("token")?.unwrap_or(""));
    forms::verify(&app, &params, Purpose::SetUp, Some(token.expose()))?;
    let username = params.get("username")?.unwrap_or("").trim();
    let password = params.get("password")?.unwrap_or("");
    let wrong = match params.get("password_again")? {
        Some(again) if again == password => refuse_choice(username, password),
        _ => Some("The two passwords differ."),
    };
    if let Some(wrong) = wrong {
        return Ok((StatusCode::BAD_REQUEST, page(&app, &token, username, Some(wrong))).into_response());
    }
    if !create_first_admin(&app, &token, username, password).await? {
        return Err(spent().into());
    }
    let message = "You can sign in now. The link that brought you here no longer works.";
    Ok(Page(Message { title: "Welcome", message, link: Some(("/login", "Sign in")) }).into_response())
}

fn page(app: &App, token: &SetupToken, username: &str, error: Option<&str>) -> impl IntoResponse + use<> {
    let form_token = forms::mint(app, Purpose::SetUp, token.expose(), &[]);
    Page(Setup { form_token: &form_token, token: token.expose(), username, error }).into_response()
}
