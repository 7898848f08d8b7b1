//! `/login`: who are you?
use super::{
    Problem,
    answer::client_name,
    authorize::{AUTHORIZE, MAX_URL},
    cookie_name,
    device::{DEVICE, DEVICE_WITH_CODE},
    forms::{self, PageForm, Purpose},
    session,
};
use crate::{
    accounts::{consent::is_trusted, known_browser, sign_in::sign_in},
    app::App,
    error::OAuthError,
    http::{
        extract::ClientIp,
        respond::{Page, SeeOther, page_error},
        views::{AppName, SignIn},
    },
    oauth::params::Params,
};
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;
use tower_sessions::Session;

const BROWSER: &str = "keyward_browser";
const KNOWN_BROWSER: &str = "keyward_known";
/// As long as browsers keep any cookie (draft-ietf-httpbis-rfc6265bis §5.5).
const REMEMBERED: &str = "; Max-Age=34560000";

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/login", get(show).post(post))
}

async fn show(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::parse_up_to(MAX_URL, query.unwrap_or_default().as_bytes())?;
    let return_to = return_to(&params)?;
    if let Some(browser) = browser(&app, &headers) {
        return page(&app, browser, return_to, "", None).await;
    }
    // No row for a visitor: a random value that only this browser holds is enough to bind a form to it.
    let browser = crate::secrets::random();
    let mut response = page(&app, &browser, return_to, "", None).await?;
    response.headers_mut().append(header::SET_COOKIE, set_cookie(&app, BROWSER, &browser, "")?);
    Ok(response)
}

async fn post(
    State(app): State<Arc<App>>,
    session: Session,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let browser = browser(&app, &headers);
    forms::verify(&app, &params, Purpose::SignIn, browser)?;
    let return_to = return_to(&params)?;
    let (username, password) = (params.get("username")?.unwrap_or(""), params.get("password")?.unwrap_or(""));
    let refused = |text| page(&app, browser.unwrap_or(""), return_to, username, Some(text));
    let marks = cookie(&headers, &cookie_name(&app, KNOWN_BROWSER)).unwrap_or("");
    match sign_in(&app, username.trim(), password, address, marks).await {
        Ok(Some(user)) => {
            session::begin(&app, &session, &user, return_to).await?;
            let marks = known_browser::remember(&app, marks, &user);
            let remember = set_cookie(&app, KNOWN_BROWSER, &marks, REMEMBERED)?;
            Ok((AppendHeaders([(header::SET_COOKIE, remember)]), SeeOther(return_to.to_owned())).into_response())
        }
        Ok(None) => Ok((StatusCode::FORBIDDEN, refused("Wrong username or password.").await?).into_response()),
        Err(error) if error.code == "too_many_requests" => {
            let page = refused("Too many wrong tries. Wait a little, then try again.").await?;
            Ok(page_error(&error, page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    app: &App,
    browser: &str,
    return_to: &str,
    username: &str,
    error: Option<&str>,
) -> Result<Response, Problem> {
    let client = match asking_client(return_to) {
        Some(id) => app.clients.find(&id).await?,
        None => None,
    };
    let form_token = forms::mint(app, Purpose::SignIn, browser, &[]);
    let app = client.map(|client| AppName { name: client_name(&client), is_verified: is_trusted(&client) });
    Ok(Page(SignIn { form_token: &form_token, return_to, username, error, app }).into_response())
}

fn asking_client(return_to: &str) -> Option<String> {
    let params = Params::parse(return_to.split_once('?')?.1.as_bytes()).ok()?;
    params.get("client_id").ok()?.map(str::to_owned)
}

/// Only ever a path of ours: never a way out (RFC 9700 §4.11).
pub fn return_to(params: &Params) -> Result<&str, OAuthError> {
    let path = params.get("return_to")?.unwrap_or("/");
    let ours = path == "/" || path.starts_with(AUTHORIZE) || path == DEVICE || path.starts_with(DEVICE_WITH_CODE);
    let plain = path.len() <= MAX_URL && path.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'\\');
    (ours && plain).then_some(path).ok_or_else(|| OAuthError::invalid_request("return_to is no page of this server"))
}

fn browser<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    cookie(headers, &cookie_name(app, BROWSER)).filter(|value| value.len() == 43)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn set_cookie(app: &App, name: &str, value: &str, lifetime: &str) -> Result<HeaderValue, OAuthError> {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}", cookie_name(app, name));
    HeaderValue::from_str(&cookie).map_err(OAuthError::server_error)
}
