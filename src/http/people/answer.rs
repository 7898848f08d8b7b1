//! The response to an authorization request: a code, an error for the client, or a page for the user.
use super::problem::Problem;
use crate::{
    app::App,
    authorization::{consent::is_trusted, request::Refusal},
    error::{ErrorCode, OAuthError},
    http::{
        negotiate::AppRedirect,
        respond::{CountedRefusal, Page, SeeOther, log, page_error},
        views::{AppName, LeavingPage, MessagePage},
    },
    model::{Client, ClientSource},
    oauth::{
        authorization_request::Callback,
        compared::RedirectUriComparison,
        display_name::{display_name, quotable},
        redirect_uri::{RedirectKind, kind, label},
    },
    secrets::AuthorizationCode,
};
use axum::{
    Extension,
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// Redirects with a code (RFC 6749 §4.1.2).
pub fn code(app: &App, client: &Client, callback: &Callback, code: &AuthorizationCode) -> Response {
    let location = callback.location(&app.config.issuer, &[("code", code.expose())]);
    onward(client, callback, location, None)
}

/// Redirects with an error (RFC 6749 §4.1.2.1).
pub fn error(app: &App, client: &Client, callback: &Callback, error: &OAuthError) -> Response {
    log(error);
    let what = match error.code {
        ErrorCode::AccessDenied => "You said no, and the app is told so.".to_owned(),
        _ => format!("The app's request can't be completed: {}.", error.description),
    };
    let location = error_location(app, callback, error);
    (Extension(CountedRefusal::from(error)), onward(client, callback, location, Some(what))).into_response()
}

fn error_location(app: &App, callback: &Callback, error: &OAuthError) -> String {
    let description = [("error", error.code.as_str()), ("error_description", error.description.as_ref())];
    callback.location(&app.config.issuer, &description)
}

/// An app's own scheme does not replace the page in the browser, so the browser gets a page with the link.
fn onward(client: &Client, callback: &Callback, location: String, refusal: Option<String>) -> Response {
    if !matches!(kind(&callback.redirect_uri), RedirectKind::PrivateUse { .. }) {
        return SeeOther(location).into_response();
    }
    let onward = AppRedirect { app: app_name(client), href: location.clone(), refusal };
    (Extension(onward), SeeOther(location)).into_response()
}

/// The page for a form that was answered before. `said` is the earlier answer, `again` the one in this request.
pub fn already(client: &Client, said: bool, again: bool) -> Response {
    let name = app_name(client).quoted();
    let (status, message) = match (said, again) {
        (true, true) => (StatusCode::OK, format!("Go back to {name}. It continues there.")),
        (true, false) => (StatusCode::CONFLICT, format!("You allowed it, and that counts. Go back to {name}.")),
        (false, _) => {
            let message = format!("You said no, and that counts. To be asked anew, start again in {name}.");
            (StatusCode::CONFLICT, message)
        }
    };
    (status, Page(MessagePage { title: "You already answered", message: &message, link: None })).into_response()
}

/// The page for a pushed request that was used before (RFC 9126 §4).
pub fn completed(client: &Client) -> Response {
    (StatusCode::BAD_REQUEST, already(client, true, true)).into_response()
}

/// While nobody has signed in, an unverified client's URI is shown as a link instead of a redirect: otherwise this
/// server would be an open redirector (RFC 9700 §4.11.2).
pub fn refuse(app: &App, refusal: Refusal, signed_in: bool) -> Result<Response, Problem> {
    match refusal {
        Refusal::ToUser(error) => Err(Problem::from(error).of_an_app()),
        Refusal::ElsewhereThanRegistered { client, error, compared } => {
            Err(elsewhere(&client, error, compared, signed_in))
        }
        Refusal::AfterSignIn => Err(OAuthError::login_required("sign in first").into()),
        Refusal::ToClient { client, callback, error } if signed_in || is_trusted(&client) => {
            Ok(self::error(app, &client, &callback, &error))
        }
        Refusal::ToClient { client, callback, error } => {
            log(&error);
            let what = format!("The app's request can't be completed: {}.", error.description);
            let page = LeavingPage {
                app: app_name(&client),
                host: &label(&callback.redirect_uri),
                href: &error_location(app, &callback, &error),
                what: &what,
                code: error.code.as_str(),
            };
            Ok(page_error(&error, Page(page)))
        }
    }
}

/// The registered redirect URIs of clients that registered themselves, or have a public document, are no secret. Those
/// of the operator's own clients are shown only to people who have signed in.
fn elsewhere(client: &Client, error: OAuthError, compared: RedirectUriComparison, signed_in: bool) -> Problem {
    let may_see = signed_in || client.source != ClientSource::Seed;
    let title = match compared.sent {
        Some(_) => "The app's return address is not registered",
        None => "The app sent no return address",
    };
    Problem::from(error)
        .titled(title)
        .advising(
            "Nothing was sent anywhere. If you run the app: let it send a registered address, exactly as it is \
             registered, or register the one it sends.",
        )
        .of_an_app()
        .comparing(compared, may_see)
}

/// The name for a page, which puts it in quotation marks unless the operator configured it: a name that the client
/// chose itself cannot leave them.
pub fn client_name(client: &Client) -> String {
    match client.metadata.client_name.as_deref().and_then(display_name) {
        Some(name) if is_trusted(client) => name,
        Some(name) => quotable(&name),
        None => client.id.to_string(),
    }
}

pub fn app_name(client: &Client) -> AppName {
    AppName { name: client_name(client), is_verified: is_trusted(client) }
}
