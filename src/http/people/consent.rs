//! `/consent`: records the user's decision about a client.
use super::{
    answer,
    authorize::ask,
    forms::{self, Form, PageForm, Purpose},
    problem::Problem,
    question,
    session::{self, SignedInUser},
    urls::{after_sign_out, authorize_url},
};
use crate::{
    app::App,
    authorization::{
        consent::{ConsentRequest, DENIED},
        request::{Refusal, ValidRequest, Visitor},
    },
    error::OAuthError,
    grants::authorization_code,
    http::{described::form_of_a_page, respond::SeeOther},
    model::FormAnswer,
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
    let decision = Decision { query, form: form.as_ref(), allow };
    let settled = settle(&app, &session, signed_in, decision).await;
    if let Ok(Settlement::Now(response)) = settled {
        return Ok(response);
    }
    // The same form may have been answered in the meantime, which changes the question.
    if let Some(led) = lead_again(&app, own, allow).await? {
        return Ok(led);
    }
    match settled {
        Ok(Settlement::Now(response) | Settlement::Not(response)) => Ok(response),
        Err(refusal) => answer::refuse(&app, refusal, true),
    }
}

/// The earlier response to the same form, while it is still valid: a code only while nobody has exchanged it.
async fn lead_again(app: &App, form: Option<&Form>, allow: bool) -> Result<Option<Response>, OAuthError> {
    let Some(form) = form else { return Ok(None) };
    let answered = answered_forms::find(&app.db, &form.id).await?;
    let Some(FormAnswer::Consent { allowed, client_id, redirect_uri, state }) = answered.map(|form| form.answer) else {
        return Ok(None);
    };
    let Some(client) = app.clients.find(&client_id).await? else { return Ok(None) };
    let callback = Callback { redirect_uri, state };
    let code = AuthorizationCode::of_form(app.derived_keys.forms(), &form.id);
    Ok(Some(match (allowed, allow) {
        (true, true) if authorization_code::is_good(app, &code).await? => answer::code(app, &client, &callback, &code),
        (false, false) => answer::error(app, &client, &callback, &OAuthError::access_denied(DENIED)),
        _ => answer::already(&client, allowed, allow),
    }))
}

/// The result of a submitted form.
enum Settlement {
    /// The form was answered.
    Now(Response),
    /// The form does not count; its page is shown again, or redirects.
    Not(Response),
}

/// A submitted form, and its authorization request.
#[derive(Clone, Copy)]
struct Decision<'a> {
    query: &'a str,
    /// `None` if this server did not make it.
    form: Option<&'a Form>,
    allow: bool,
}

async fn settle(
    app: &App,
    session: &Session,
    signed_in: SignedInUser,
    decision: Decision<'_>,
) -> Result<Settlement, Refusal> {
    let query = decision.query;
    let request = match ValidRequest::parse(app, query, Visitor::Decider).await {
        // The cached client is too old to decide about: the page is made again.
        Err(Refusal::AfterSignIn) => return Ok(Settlement::Not(SeeOther(authorize_url(query)).into_response())),
        request => request?,
    };
    match weigh(app, session, &request, signed_in, decision).await {
        Ok(settled) => Ok(settled),
        Err(error) => Err(request.refuse(error)),
    }
}

/// The decision counts only for what the page showed; if anything differs now, the page is shown again.
async fn weigh(
    app: &App,
    session: &Session,
    request: &ValidRequest<'_>,
    signed_in: SignedInUser,
    Decision { query, form, allow }: Decision<'_>,
) -> Result<Settlement, OAuthError> {
    let granted = request.grantable(app, signed_in.user.role)?;
    let asked = ConsentRequest::new(request, &signed_in.user, signed_in.auth_time, &granted);
    let remembered = asked.remembered(app).await?;
    let question = question::of_request(app, &asked, &remembered, query, None).await?;
    let again = question::differences(form, &signed_in.session_id, &question);
    let Some(form) = form.filter(|_| again.is_empty()) else {
        let mut page = ask(app, session, query, Some(signed_in), request, &again).await?;
        if form.is_none() && page.status() == StatusCode::CONFLICT {
            *page.status_mut() = StatusCode::FORBIDDEN;
        }
        return Ok(Settlement::Not(page));
    };
    let (client, callback) = (&request.client, &request.callback);
    let ended = if allow {
        session::satisfied(session).await?;
        let code = asked.approve(app, &remembered, Some(&form.id)).await?;
        code.map(|code| answer::code(app, client, callback, &code))
    } else {
        asked.deny(app, &form.id).await?.map(|error| answer::error(app, client, callback, &error))
    };
    Ok(ended.map_or_else(|| Settlement::Not(answer::completed(client)), Settlement::Now))
}
