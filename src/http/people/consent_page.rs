//! The page that asks a person whether an app may.
use super::{
    forms::{self, Purpose},
    question,
};
use crate::{
    app::App,
    authorization::consent::{ConsentRequest, EarlierConsents},
    error::OAuthError,
    http::{respond::Page, views::question::QuestionPage},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// The question, with a form that counts once, in this session, for what it says. `again` says why a decision was none:
/// then nothing is fetched for it, either.
pub async fn show(
    app: &App,
    asked: &ConsentRequest<'_>,
    remembered: &EarlierConsents,
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
