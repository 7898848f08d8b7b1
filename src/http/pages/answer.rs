//! How an authorization request ends: with a code, with an error for the client, or with a page for the user.
use super::Problem;
use crate::{
    accounts::{consent::is_trusted, request::Refusal},
    app::App,
    error::OAuthError,
    http::{
        respond::{Page, Refused, SeeOther, log, page_error},
        views::Leaving,
    },
    model::Client,
    oauth::{
        authorization_request::Callback,
        display_name::{display_name, quotable},
        redirect_uri::label,
    },
    secrets::AuthorizationCode,
};
use axum::{
    Extension,
    response::{IntoResponse, Response},
};

/// RFC 6749 §4.1.2. Without a code the form was used before, and counts once.
pub fn code(app: &App, callback: &Callback, code: Option<&AuthorizationCode>) -> Response {
    match code {
        Some(code) => SeeOther(callback.location(&app.config.issuer, &[("code", code.expose())])).into_response(),
        None => Problem::from(OAuthError::invalid_request("this decision was already taken")).into_response(),
    }
}

/// RFC 6749 §4.1.2.1. A stranger's address is not opened on its own while nobody has signed in: whoever sent the
/// link would have got the browser there with our name on it (RFC 9700 §4.11.2).
pub fn refuse(app: &App, refusal: Refusal, signed_in: bool) -> Result<Response, Problem> {
    match refusal {
        Refusal::ToUser(error) => Err(error.into()),
        Refusal::AfterSignIn => Err(OAuthError::login_required("sign in first").into()),
        Refusal::ToClient { client, callback, error } => {
            log(&error);
            let description = [("error", error.code), ("error_description", error.description.as_ref())];
            let location = callback.location(&app.config.issuer, &description);
            if signed_in || is_trusted(&client) {
                return Ok((Extension(Refused::from(&error)), SeeOther(location)).into_response());
            }
            let what = format!("The app's request can't be completed: {}.", error.description);
            let page = Leaving {
                client_name: &client_name(&client),
                host: &label(&callback.redirect_uri),
                href: &location,
                what: &what,
                code: error.code,
            };
            Ok(page_error(&error, Page(page)))
        }
    }
}

/// As a page may show it: what a stranger calls itself stays between our quotation marks.
pub fn client_name(client: &Client) -> String {
    match client.metadata.client_name.as_deref().and_then(display_name) {
        Some(name) if is_trusted(client) => name,
        Some(name) => quotable(&name),
        None => client.id.to_string(),
    }
}
