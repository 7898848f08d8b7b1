//! `/consent`: may this client do that on your behalf?
use super::{
    Problem, answer,
    authorize::{ask, authorize_url},
    forms::{self, Form, PageForm, Purpose},
    question,
    session::{self, SignedIn},
};
use crate::{
    accounts::{
        consent::{Asked, Remembered},
        pushed_request,
        request::{Judged, Refusal, Visitor},
    },
    app::App,
    error::OAuthError,
    http::{
        respond::{Page, SeeOther},
        views::question::QuestionPage,
    },
    oauth::params::Params,
    storage::grants,
};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing,
};
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/consent", routing::post(post))
}

/// The question, with a form that counts once, in this session, for what it says. `again` says why a decision was none:
/// then nothing is fetched for it, either.
pub async fn page(
    app: &App,
    asked: &Asked<'_>,
    remembered: &Remembered,
    query: &str,
    session_id: &str,
    again: &[String],
) -> Result<Response, OAuthError> {
    let visitor = again.is_empty().then_some(asked.terms.user.id);
    let question = question::of_request(app, asked, remembered, query, visitor).await?;
    let page = Page(QuestionPage {
        form_token: &forms::mint(app, Purpose::Consent, session_id, &question.digests()),
        sign_out_token: &forms::mint(app, Purpose::SignOut, session_id, &[]),
        request: query,
        question: &question,
        again,
    });
    let status = if again.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, page).into_response())
}

async fn post(State(app): State<Arc<App>>, session: Session, PageForm(params): PageForm) -> Result<Response, Problem> {
    match decide(&app, &session, &params).await {
        Ok(response) => Ok(response),
        Err(refusal) => answer::refuse(&app, refusal, true),
    }
}

async fn decide(app: &App, session: &Session, params: &Params) -> Result<Response, Refusal> {
    let query = params.require("request")?;
    let Some(signed_in) = session::current(app, session).await? else {
        return Err(OAuthError::access_denied("you are no longer signed in").into());
    };
    let form = forms::sent(app, params, Purpose::Consent)?;
    let allow = forms::decision(params)?;
    let judged = match Judged::parse(app, query, Visitor::Decider).await {
        // What is kept of the client is too old to decide by: its page is made anew.
        Err(Refusal::AfterSignIn) => return Ok(SeeOther(authorize_url(query)).into_response()),
        judged => judged?,
    };
    match settle(app, session, query, &judged, signed_in, &form, allow).await {
        Ok(response) => Ok(response),
        Err(error) => Err(judged.refuse(error)),
    }
}

/// Only what the page showed is decided; of anything else the page is shown anew.
async fn settle(
    app: &App,
    session: &Session,
    query: &str,
    judged: &Judged<'_>,
    signed_in: SignedIn,
    form: &Form,
    allow: bool,
) -> Result<Response, OAuthError> {
    let granted = judged.grantable(app, signed_in.user.role)?;
    let asked = Asked::new(judged, &signed_in.user, signed_in.auth_time, &granted);
    let remembered = asked.remembered(app).await?;
    let question = question::of_request(app, &asked, &remembered, query, None).await?;
    let again = question::differences(form, &signed_in.session_id, &question);
    if !again.is_empty() {
        // A form that was sent twice is different now for that very reason.
        return match grants::find_by_decision(&app.db, &form.id).await? {
            Some(_) => Ok(answer::code(app, &judged.callback, None)),
            None => ask(app, session, query, Some(signed_in), judged, &again).await,
        };
    }
    if allow {
        session::satisfied(session).await?;
        let code = asked.approve(app, Some(&form.id)).await?;
        return Ok(answer::code(app, &judged.callback, code.as_ref()));
    }
    if !pushed_request::complete(app, judged.pushed.as_ref()).await? {
        return Ok(answer::code(app, &judged.callback, None));
    }
    Err(asked.deny(app).await)
}
