//! `/setup`: creates or restores an administrator through the one-time link that `serve` or `keyward setup-link`
//! prints.
use super::{
    forms::{self, Form, PageForm, Purpose},
    problem::Problem,
    urls::LOGIN,
};
use crate::{
    app::App,
    error::OAuthError,
    http::{
        described::{self, form_of_a_page},
        respond::Page,
        views::{MessagePage, SetupPage},
    },
    oauth::params::Params,
    people::{
        setup_link::{SetupOutcome, use_up},
        sign_in::refuse_choice,
    },
    secrets::{Digest, SetupToken},
    storage::{answered_forms, setup_tokens},
};
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_limits::spelling::normal_form;
use keyward_shared::api::Routes;
use std::sync::Arc;

pub fn routes() -> Routes<Arc<App>> {
    let fields = [
        ("token", true, "Of the link."),
        ("username", true, "Of the new account."),
        ("password", true, "Of the new account."),
        ("password_again", true, "The same."),
    ];
    let shows = described::page("The first administrator, by a link that counts once").query(&[fields[0]]);
    let told = [shows, form_of_a_page("Makes an administrator", &fields)];
    Routes::new().route("/setup", get(show).post(post), told)
}

/// The same page for every problem with the link.
fn spent() -> Problem {
    let error = OAuthError::invalid_request("this setup link was used, has expired, or was replaced by a newer one");
    Problem::from(error)
        .titled("This setup link no longer works")
        .saying("Who runs this server makes a new one with keyward setup-link. Already created? Sign in.")
        .leading(LOGIN, "Sign in")
}

async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let token = SetupToken::presented(params.get("token")?.unwrap_or(""));
    if !setup_tokens::is_valid(&app.db, &token.digest(), app.clock.now()).await? {
        return Err(spent());
    }
    Ok(page(&app, &token, "", None).into_response())
}

/// The link is the secret that binds the form to this browser.
async fn post(State(app): State<Arc<App>>, PageForm(params): PageForm) -> Result<Response, Problem> {
    let token = SetupToken::presented(params.get("token")?.unwrap_or(""));
    let username = params.get("username")?.unwrap_or("").trim();
    let password = params.get("password")?.unwrap_or("");
    let form = forms::sent(&app, &params, Purpose::SetUp).filter(|form| form.is_of(token.expose()));
    if was_answered(&app, form.as_ref(), username).await? {
        return Ok(welcome());
    }
    if !setup_tokens::is_valid(&app.db, &token.digest(), app.clock.now()).await? {
        return Err(spent());
    }
    let form = match forms::verify(&app, &params, Purpose::SetUp, Some(token.expose())) {
        Ok(form) => form,
        Err(stale) => {
            let page = page(&app, &token, username, Some(stale.sentence()));
            return Ok((StatusCode::FORBIDDEN, page).into_response());
        }
    };
    let wrong = match params.get("password_again")? {
        Some(again) if again == password => refuse_choice(username, password),
        _ => Some("The two passwords differ."),
    };
    if let Some(wrong) = wrong {
        return Ok((StatusCode::BAD_REQUEST, page(&app, &token, username, Some(wrong))).into_response());
    }
    match use_up(&app, &token, username, password, &answered(&form, username)).await? {
        SetupOutcome::Created | SetupOutcome::Recovered => Ok(welcome()),
        SetupOutcome::Spent => {
            // Two concurrent requests: the second one finds the form answered.
            if was_answered(&app, Some(&form), username).await? { Ok(welcome()) } else { Err(spent()) }
        }
        SetupOutcome::NameTaken => {
            let refusal = "A person who is no administrator has this name. Choose another one.";
            Ok((StatusCode::BAD_REQUEST, page(&app, &token, username, Some(refusal))).into_response())
        }
    }
}

/// The key under which the answer to a form is stored. It covers the username, so that the same form with another name
/// counts as another form.
fn answered(form: &Form, username: &str) -> Digest {
    Digest::of([form.id.as_bytes(), normal_form(username).to_ascii_lowercase().as_bytes()].concat())
}

async fn was_answered(app: &App, form: Option<&Form>, username: &str) -> Result<bool, OAuthError> {
    let Some(form) = form else { return Ok(false) };
    Ok(answered_forms::find(&app.db, &answered(form, username)).await?.is_some())
}

fn welcome() -> Response {
    let message = "You can sign in now. The link that brought you here no longer works.";
    Page(MessagePage { title: "Welcome", message, link: Some((LOGIN, "Sign in")) }).into_response()
}

fn page(app: &App, token: &SetupToken, username: &str, error: Option<&str>) -> impl IntoResponse + use<> {
    let form_token = forms::mint(app, Purpose::SetUp, token.expose(), &[]);
    Page(SetupPage { form_token: &form_token, token: token.expose(), username, error }).into_response()
}
