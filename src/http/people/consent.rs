//! `/consent`: may this client do that on your behalf?
use super::{
    Problem, answer,
    authorize::{after_sign_out, ask, authorize_url},
    forms::{self, Form, PageForm, Purpose},
    question,
    session::{self, SignedIn},
};
use crate::{
    authorization::{consent::{Asked, DENIED, Remembered}, request::{Judged, Refusal, Visitor}},
    app::App,
    error::OAuthError,
    grants::authorization_code,
    http::{
        described::form_of_a_page,
        respond::{Page, SeeOther},
        views::question::QuestionPage,
    },
    model::Answer,
    oauth::authorization_request::Callback,
    secrets::AuthorizationCode,
    storage::answered_forms,
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing,
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes() -> Routes<Arc<App>> {
    let fields = [("request", true, "What was asked for."), ("decision", true, "`allow` or `deny`")];
    Routes::new().route("/consent", routing::post(post), [form_of_a_page("The decision of a person", &fields)])
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
    let (query, allow) = (params.require("request")?, forms::decision(&params)?);
    let Some(signed_in) = session::current(&app, &session).await? else {
        return Ok(after_sign_out(&authorize_url(query)).into_response());
    };
    let session_id = signed_in.session_id.clone();
    let form = forms::sent(&app, &params, Purpose::Consent);
    let own = form.as_ref().filter(|form| form.is_of(&session_id) && question::is_about(form, query));
    if let Some(led) = lead_again(&app, own, allow).await? {
        return Ok(led);
    }
    let settled = settle(&app, &session, query, signed_in, form.as_ref(), allow).await;
    if let Ok(Settled::Now(response)) = settled {
        return Ok(response);
    }
    // The same form may have been answered meanwhile, which changes the question.
    if let Some(led) = lead_again(&app, own, allow).await? {
        return Ok(led);
    }
    match settled {
        Ok(Settled::Now(response) | Settled::Not(response)) => Ok(response),
        Err(refusal) => answer::refuse(&app, refusal, true),
    }
}

/// Where the form led when it was first sent, as long as that is right: a code only while nobody has exchanged it.
async fn lead_again(app: &App, form: Option<&Form>, allow: bool) -> Result<Option<Response>, OAuthError> {
    let Some(form) = form else { return Ok(None) };
    let answered = answered_forms::find(&app.db, &form.id).await?;
    let Some(Answer::Consent { allowed, client_id, redirect_uri, state }) = answered.map(|form| form.answer) else {
        return Ok(None);
    };
    let Some(client) = app.clients.find(&client_id).await? else { return Ok(None) };
    let callback = Callback { redirect_uri, state };
    let code = AuthorizationCode::of_form(&app.form_key, &form.id);
    Ok(Some(match (allowed, allow) {
        (true, true) if authorization_code::is_good(app, &code).await? => answer::code(app, &client, &callback, &code),
        (false, false) => answer::error(app, &client, &callback, &OAuthError::access_denied(DENIED)),
        _ => answer::already(&client, allowed, allow),
    }))
}

/// What became of a form.
enum Settled {
    /// It was answered.
    Now(Response),
    /// It counts for nothing; its page is shown anew, or leads on.
    Not(Response),
}

async fn settle(
    app: &App,
    session: &Session,
    query: &str,
    signed_in: SignedIn,
    form: Option<&Form>,
    allow: bool,
) -> Result<Settled, Refusal> {
    let judged = match Judged::parse(app, query, Visitor::Decider).await {
        // What is kept of the client is too old to decide by: its page is made anew.
        Err(Refusal::AfterSignIn) => return Ok(Settled::Not(SeeOther(authorize_url(query)).into_response())),
        judged => judged?,
    };
    match weigh(app, session, query, &judged, signed_in, form, allow).await {
        Ok(settled) => Ok(settled),
        Err(error) => Err(judged.refuse(error)),
    }
}

/// Only what the page showed is decided; of anything else the page is shown anew.
async fn weigh(
    app: &App,
    session: &Session,
    query: &str,
    judged: &Judged<'_>,
    signed_in: SignedIn,
    form: Option<&Form>,
    allow: bool,
) -> Result<Settled, OAuthError> {
    let granted = judged.grantable(app, signed_in.user.role)?;
    let asked = Asked::new(judged, &signed_in.user, signed_in.auth_time, &granted);
    let remembered = asked.remembered(app).await?;
    let question = question::of_request(app, &asked, &remembered, query, None).await?;
    let again = question::differences(form, &signed_in.session_id, &question);
    let Some(form) = form.filter(|_| again.is_empty()) else {
        let mut page = ask(app, session, query, Some(signed_in), judged, &again).await?;
        if form.is_none() && page.status() == StatusCode::CONFLICT {
            *page.status_mut() = StatusCode::FORBIDDEN;
        }
        return Ok(Settled::Not(page));
    };
    let (client, callback) = (&judged.client, &judged.callback);
    let ended = if allow {
        session::satisfied(session).await?;
        let code = asked.approve(app, &remembered, Some(&form.id)).await?;
        code.map(|code| answer::code(app, client, callback, &code))
    } else {
        asked.deny(app, &form.id).await?.map(|error| answer::error(app, client, callback, &error))
    };
    Ok(ended.map_or_else(|| Settled::Not(answer::completed(client)), Settled::Now))
}
