//! The page that asks a user whether an app may have access.
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

/// Shows the question. Its form counts once, in this session, and only for what the page shows. `again` says why a
/// decision did not count: then no logo is fetched.
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
