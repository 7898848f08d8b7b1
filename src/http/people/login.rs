//! `/login`: signs people in.
use super::{
    answer::app_name,
    cookies,
    forms::{self, PageForm, Purpose},
    problem::Problem,
    session::{self, SignedInUser},
    urls::{AUTHORIZE, DEVICE, DEVICE_WITH_CODE, LOGIN, MAX_URL},
};
use crate::{
    app::App,
    authorization::pushed_request,
    error::{ErrorCode, OAuthError},
    http::{
        described::{form_of_a_page, page},
        extract::ClientIp,
        respond::{Page, SeeOther, page_error},
        views::{SignInPage, SignInReason},
    },
    model::{Client, User},
    oauth::params::Params,
    people::{known_browser, sign_in::sign_in},
    tokens::id_token,
};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::Routes;
use std::sync::Arc;
use tower_sessions::Session;

const BROWSER: &str = "keyward_browser";
const KNOWN_BROWSER: &str = "keyward_known";
/// The longest lifetime that browsers accept (draft-ietf-httpbis-rfc6265bis §5.5).
const REMEMBERED: &str = "; Max-Age=34560000";

pub fn routes() -> Routes<Arc<App>> {
    let fields = [
        ("username", true, "Who signs in."),
        ("password", true, "What proves it."),
        ("return_to", false, "Where to go on: a path of this server."),
    ];
    let shows = page("Sign-in").query(&[fields[2]]);
    Routes::new().route(LOGIN, get(show).post(post), [shows, form_of_a_page("Signs in", &fields)])
}

async fn show(
    State(app): State<Arc<App>>,
    session: Session,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::parse_up_to(MAX_URL, query.unwrap_or_default().as_bytes())?;
    let signed_in = session::current(&app, &session).await?;
    let view = View {
        return_to: return_to(&params)?,
        signed_in: signed_in.as_ref(),
        was_signed_out: params.get("why")? == Some("signed_out"),
        ..View::default()
    };
    Ok(view.page(&app, &Visitor::of(&app, &headers)).await?)
}

async fn post(
    State(app): State<Arc<App>>,
    session: Session,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let visitor = Visitor::of(&app, &headers);
    let return_to = return_to(&params)?;
    let (username, password) = (params.get("username")?.unwrap_or("").trim(), params.get("password")?.unwrap_or(""));
    if was_let_in(&app, &session, &params, username).await? {
        return Ok(SeeOther(return_to.to_owned()).into_response());
    }
    let signed_in = session::current(&app, &session).await?;
    let view = View { return_to, username, signed_in: signed_in.as_ref(), ..View::default() };
    let form = match forms::verify(&app, &params, Purpose::SignIn, visitor.known()) {
        Ok(form) => form,
        Err(stale) => {
            let page = View { why: Some(stale.sentence()), ..view }.page(&app, &visitor).await?;
            return Ok((StatusCode::FORBIDDEN, page).into_response());
        }
    };
    let refused = async |text: &str| View { error: Some(text), ..view }.page(&app, &visitor).await;
    let marks = cookie(&headers, &cookies::name(&app, KNOWN_BROWSER)).unwrap_or("");
    let begin = async |user: &User| session::begin(&app, &session, user, return_to, &form.id).await;
    match sign_in(&app, username, password, address, marks, begin).await {
        Ok(Some(user)) => {
            let marks = known_browser::remember(&app, marks, &user);
            let remember = set_cookie(&app, KNOWN_BROWSER, &marks, REMEMBERED)?;
            Ok((AppendHeaders([(header::SET_COOKIE, remember)]), SeeOther(return_to.to_owned())).into_response())
        }
        Ok(None) => Ok((StatusCode::FORBIDDEN, refused("Wrong username or password.").await?).into_response()),
        Err(error) if error.code == ErrorCode::TooManyRequests => {
            let wait = match error.retry_after {
                Some(1) => "in 1 second".to_owned(),
                Some(seconds) => format!("in {seconds} seconds"),
                None => "later".to_owned(),
            };
            let page = refused(&format!("Too many wrong passwords. Try again {wait}.")).await?;
            Ok(page_error(&error, page))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the same form signed this user in before: a second click is not a second sign-in.
async fn was_let_in(app: &App, session: &Session, params: &Params, username: &str) -> Result<bool, OAuthError> {
    let Some(form) = forms::sent(app, params, Purpose::SignIn) else { return Ok(false) };
    let signed_in = session::current(app, session).await?;
    let is_theirs = signed_in.is_some_and(|one| one.user.username.to_lowercase() == username.to_lowercase());
    Ok(is_theirs && session::began_by(session, &form.id).await?)
}

/// A secret that only this browser has: a random value in a cookie, so visitors need no database row.
struct Visitor {
    browser: String,
    is_new: bool,
}

impl Visitor {
    fn of(app: &App, headers: &HeaderMap) -> Self {
        match cookie(headers, &cookies::name(app, BROWSER)).filter(|value| value.len() == 43) {
            Some(browser) => Self { browser: browser.to_owned(), is_new: false },
            None => Self { browser: crate::secrets::random(), is_new: true },
        }
    }

    fn known(&self) -> Option<&str> {
        Some(self.browser.as_str()).filter(|_| !self.is_new)
    }
}

#[derive(Clone, Copy, Default)]
struct View<'a> {
    return_to: &'a str,
    username: &'a str,
    error: Option<&'a str>,
    /// Why the page is shown again.
    why: Option<&'a str>,
    signed_in: Option<&'a SignedInUser>,
    was_signed_out: bool,
}

impl<'a> View<'a> {
    async fn page(self, app: &App, visitor: &Visitor) -> Result<Response, OAuthError> {
        let Self { return_to, username, error, why, .. } = self;
        let reason = self.reason(app).await?;
        let username = match reason {
            SignInReason::Confirm(_, person) if username.is_empty() => person,
            _ => username,
        };
        let form_token = forms::mint(app, Purpose::SignIn, &visitor.browser, &[]);
        let page = Page(SignInPage { form_token: &form_token, return_to, username, error, why, reason });
        let mut response = page.into_response();
        if visitor.is_new {
            let cookie = set_cookie(app, BROWSER, &visitor.browser, "")?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn reason(self, app: &App) -> Result<SignInReason<'a>, OAuthError> {
        if self.return_to.starts_with(DEVICE) {
            return Ok(if self.was_signed_out { SignInReason::SignedOutOfDevice } else { SignInReason::Device });
        }
        let Some((client, params)) = asking(app, self.return_to).await? else {
            return Ok(if self.was_signed_out { SignInReason::SignedOut(None) } else { SignInReason::Visit });
        };
        let name = app_name(&client);
        if self.was_signed_out {
            return Ok(SignInReason::SignedOut(Some(name)));
        }
        let Some(SignedInUser { user, .. }) = self.signed_in else { return Ok(SignInReason::SentBy(name)) };
        let value = |name| params.get(name).ok().flatten();
        let hinted = match value("id_token_hint") {
            Some(hint) => id_token::subject(app, hint, &client).await?,
            None => None,
        };
        let prompts = |wanted| value("prompt").is_some_and(|prompt| prompt.split(' ').any(|one| one == wanted));
        Ok(match () {
            () if hinted.is_some_and(|sub| sub != user.id.to_string()) => SignInReason::Another(name, &user.username),
            () if prompts("select_account") => SignInReason::Choose(name, &user.username),
            () if prompts("login") || value("max_age").is_some() => SignInReason::Confirm(name, &user.username),
            () => SignInReason::SentBy(name),
        })
    }
}

/// The client that waits for the sign-in, and its request.
async fn asking(app: &App, return_to: &str) -> Result<Option<(Arc<Client>, Params)>, OAuthError> {
    let Some(query) = return_to.strip_prefix(AUTHORIZE) else { return Ok(None) };
    let Ok(asked) = Params::parse(query.as_bytes()) else { return Ok(None) };
    let Ok(Some(id)) = asked.get("client_id") else { return Ok(None) };
    let Some(client) = app.clients.find(id).await? else { return Ok(None) };
    let pushed = pushed_request::find(app, &asked).await.ok().flatten();
    Ok(Some((client, pushed.map_or_else(|| asked.clone(), |(params, _)| params))))
}

/// Always a path of this server, never another site (RFC 9700 §4.11).
pub fn return_to(params: &Params) -> Result<&str, OAuthError> {
    let path = params.get("return_to")?.unwrap_or("/");
    let ours = path == "/" || path.starts_with(AUTHORIZE) || path == DEVICE || path.starts_with(DEVICE_WITH_CODE);
    let plain = path.len() <= MAX_URL && path.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'\\');
    (ours && plain).then_some(path).ok_or_else(|| OAuthError::invalid_request("return_to is no page of this server"))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn set_cookie(app: &App, name: &str, value: &str, lifetime: &str) -> Result<HeaderValue, OAuthError> {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}", cookies::name(app, name));
    HeaderValue::from_str(&cookie).map_err(OAuthError::server_error)
}
