//! `/authorize` (RFC 6749 §4.1.1): shows the question to the user, or redirects with a code at once.
use super::{
    answer, consent_page,
    problem::Problem,
    session::{self, SignedInUser},
    urls::{MAX_URL, authorize_url, to_login},
};
use crate::{
    app::App,
    authorization::{
        checks::hinted_subject,
        consent::ConsentRequest,
        request::{Refusal, ValidRequest, Visitor},
    },
    clock::NODES_DIFFER,
    error::OAuthError,
    http::{
        described::{REQUEST_OF_AN_APP, page},
        extract::{is_type, read},
        respond::SeeOther,
    },
};
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::{Operation, Routes};
use std::sync::Arc;
use time::Duration;
use tower_sessions::Session;

const SUMMARY: &str = "Asks a person whether an app may (RFC 6749 §4.1)";

pub fn routes() -> Routes<Arc<App>> {
    Routes::new().route("/authorize", get(show).post(post), described(SUMMARY))
}

fn described(summary: &str) -> [Operation; 2] {
    let show = page(summary).query(&REQUEST_OF_AN_APP).query(&[(
        "request_uri",
        false,
        "In place of all but `client_id` (RFC 9126).",
    )]);
    let posted = Operation::post(summary).tag("Pages").form(&REQUEST_OF_AN_APP);
    [show, posted].map(|told| told.answers(303, "To the app, to the sign-in, or to the same by GET"))
}

/// The path for scripts that do not use discovery.
pub fn legacy() -> Routes<Arc<App>> {
    let show = async |RawQuery(query): RawQuery| SeeOther(authorize_url(&query.unwrap_or_default()));
    Routes::new().route("/oauth/authorize", get(show).post(post), described("Leads to `/authorize`"))
}

/// OpenID Connect Core §3.1.2.1: a request may come by POST. It is redirected to a URL, because the URL is the only
/// state.
async fn post(headers: HeaderMap, body: Body) -> Result<SeeOther, Problem> {
    if !is_type(&headers, "application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded").into());
    }
    let body = String::from_utf8(read(body, MAX_URL).await?.to_vec())
        .map_err(|_| OAuthError::invalid_request("the body is not UTF-8"))?;
    // A raw `#` would cut the URL short; the other characters are not allowed in URLs (RFC 3986 §2).
    let plain = body.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte));
    plain
        .then(|| SeeOther(authorize_url(&body)))
        .ok_or_else(|| OAuthError::invalid_request("the body is not form-encoded").into())
}

/// A GET uses nothing up, because some clients fetch this URL before the browser does.
async fn show(State(app): State<Arc<App>>, session: Session, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    if authorize_url(&query).len() > MAX_URL {
        return Err(OAuthError::invalid_request("the request has more than 32 KiB").into());
    }
    let signed_in = session::current(&app, &session).await?;
    let is_signed_in = signed_in.is_some();
    match proceed(&app, &session, &query, signed_in).await {
        Ok(response) => Ok(response),
        Err(refusal) => answer::refuse(&app, refusal, is_signed_in),
    }
}

async fn proceed(
    app: &App,
    session: &Session,
    query: &str,
    signed_in: Option<SignedInUser>,
) -> Result<Response, Refusal> {
    let visitor = signed_in.as_ref().map_or(Visitor::Nobody, |signed_in| Visitor::Person(signed_in.user.id));
    let request = match ValidRequest::parse(app, query, visitor).await {
        Err(Refusal::AfterSignIn) => return Ok(to_login(query).into_response()),
        request => request?,
    };
    // From here on, every error is reported to the client, failures of this server too (RFC 6749 §4.1.2.1).
    match ask(app, session, query, signed_in, &request, &[]).await {
        Ok(response) => Ok(response),
        Err(error) => Err(request.refuse(error)),
    }
}

/// `again` says why a decision did not count: then a new decision is needed, even if a consent is stored.
pub async fn ask(
    app: &App,
    session: &Session,
    query: &str,
    signed_in: Option<SignedInUser>,
    request: &ValidRequest<'_>,
    again: &[String],
) -> Result<Response, OAuthError> {
    let began_for_this = session::began_for(session, &authorize_url(query)).await?;
    let signed_in = match acceptable(app, request, signed_in, began_for_this).await? {
        Some(signed_in) => signed_in,
        None if request.request.prompt.none => {
            return Err(OAuthError::login_required("nobody suitable is signed in"));
        }
        None => return Ok(to_login(query).into_response()),
    };
    let granted = request.grantable(app, signed_in.user.role)?;
    let asked = ConsentRequest::new(request, &signed_in.user, signed_in.auth_time, &granted);
    let remembered = asked.remembered(app).await?;
    if again.is_empty() && asked.needs_no_page(app, &remembered) && !request.request.prompt.consent {
        session::satisfied(session).await?;
        let (client, callback) = (&request.client, &request.callback);
        let code = asked.approve(app, &remembered, None).await?;
        return Ok(code.map_or_else(|| answer::completed(client), |code| answer::code(app, client, callback, &code)));
    }
    if request.request.prompt.none {
        return Err(OAuthError::consent_required("the user has to be asked"));
    }
    consent_page::show(app, &asked, &remembered, query, &signed_in.session_id, again).await
}

/// Whether the signed-in user satisfies the request (OpenID Connect Core §3.1.2.1); `None` asks for another sign-in.
async fn acceptable(
    app: &App,
    request: &ValidRequest<'_>,
    signed_in: Option<SignedInUser>,
    began_for_this: bool,
) -> Result<Option<SignedInUser>, OAuthError> {
    let ValidRequest { client, request, .. } = request;
    let hinted = hinted_subject(app, request, client).await?;
    let Some(signed_in) = signed_in else { return Ok(None) };
    if hinted.is_some_and(|sub| sub != signed_in.user.id.to_string()) {
        return if began_for_this {
            Err(OAuthError::login_required("somebody other than the hinted user signed in"))
        } else {
            Ok(None)
        };
    }
    let age = app.clock.now() - signed_in.auth_time;
    let too_old = |most: u64| {
        let longest = Duration::seconds(most.try_into().unwrap_or(i64::MAX));
        most == 0 || age > longest || age < -NODES_DIFFER
    };
    let too_old = request.max_age.is_some_and(too_old);
    let again = request.prompt.login || request.prompt.select_account || too_old;
    Ok((!again || began_for_this).then_some(signed_in))
}
