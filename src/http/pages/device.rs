//! `/device`: which device waits for you, and may it in? (RFC 8628 §3.3)
use super::{
    Problem,
    forms::{self, PageForm, Purpose},
    question,
    session::{self, SignedIn},
};
use crate::{
    accounts::device::{Waiting, look_up},
    app::App,
    error::OAuthError,
    http::{
        extract::ClientIp,
        respond::{NoStore, Page, SeeOther},
        views::{Message, device::EnterCode, question::QuestionPage},
    },
    oauth::params::{Params, form_urlencode},
    secrets::UserCode,
};
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use qrcode::{QrCode, render::svg};
use std::{net::IpAddr, sync::Arc};
use tower_sessions::Session;

pub const DEVICE: &str = "/device";
pub const DEVICE_WITH_CODE: &str = "/device?user_code=";
/// Unknown, expired and used codes must read the same.
const NO_SUCH_CODE: &str = "No device waits for this code. Compare it with what the device shows. Codes are good for \
                            ten minutes; after that, start again on the device.";

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(DEVICE, routing::get(show).post(find))
        .route("/device/decision", routing::post(decide))
        .route("/device/qr", routing::get(qr))
}

/// A GET looks nothing up: a code in the link only fills in the field (RFC 8628 §3.3.1).
async fn show(State(app): State<Arc<App>>, session: Session, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let code = params.get("user_code")?.and_then(UserCode::parse).map(|code| code.expose());
    let Some(signed_in) = session::current(&app, &session).await? else {
        let page = code.map_or_else(|| DEVICE.to_owned(), |code| format!("{DEVICE_WITH_CODE}{code}"));
        return Ok(SeeOther(format!("/login?return_to={}", form_urlencode(&page))).into_response());
    };
    Ok(enter_code(&app, &signed_in, code.as_deref().unwrap_or(""), None))
}

fn enter_code(app: &App, signed_in: &SignedIn, user_code: &str, error: Option<&str>) -> Response {
    let form_token = forms::mint(app, Purpose::EnterCode, &signed_in.session_id, &[]);
    let username = &signed_in.user.username;
    Page(EnterCode { form_token: &form_token, username, user_code, error }).into_response()
}

async fn someone(app: &App, session: &Session) -> Result<SignedIn, OAuthError> {
    let signed_in = session::current(app, session).await?;
    signed_in.ok_or_else(|| OAuthError::access_denied("you are no longer signed in"))
}

async fn find(
    State(app): State<Arc<App>>,
    session: Session,
    ClientIp(address): ClientIp,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let signed_in = someone(&app, &session).await?;
    forms::verify(&app, &params, Purpose::EnterCode, Some(&signed_in.session_id))?;
    let typed = params.get("user_code")?.unwrap_or("");
    let (code, waiting) = match UserCode::parse(typed) {
        Some(code) => {
            let waiting = look_up(&app, &code, &signed_in.user).await?;
            (Some(code), waiting)
        }
        None => (None, None),
    };
    let Some((code, waiting)) = code.zip(waiting) else {
        let shown: String = typed.chars().take(40).collect();
        return Ok((StatusCode::BAD_REQUEST, enter_code(&app, &signed_in, &shown, Some(NO_SUCH_CODE))).into_response());
    };
    Ok(ask(&app, &signed_in, &code, &waiting, address, &[]).await?)
}

/// `again` says why a decision was none: then nothing is fetched for the page, either.
async fn ask(
    app: &App,
    signed_in: &SignedIn,
    code: &UserCode,
    waiting: &Waiting<'_>,
    address: IpAddr,
    again: &[String],
) -> Result<Response, OAuthError> {
    let (user, session_id) = (&signed_in.user, &signed_in.session_id);
    let visitor = again.is_empty().then_some(user.id);
    let question = question::of_device(app, waiting, user, code, address, visitor).await?;
    let page = Page(QuestionPage {
        form_token: &forms::mint(app, Purpose::Device, session_id, &question.digests()),
        sign_out_token: &forms::mint(app, Purpose::SignOut, session_id, &[]),
        request: "",
        question: &question,
        again,
    });
    let status = if again.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, page).into_response())
}

async fn decide(
    State(app): State<Arc<App>>,
    session: Session,
    ClientIp(address): ClientIp,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let signed_in = someone(&app, &session).await?;
    let (allow, form) = (forms::decision(&params)?, forms::sent(&app, &params, Purpose::Device)?);
    let too_late = || OAuthError::invalid_request("no device waits for this decision any longer");
    let code = UserCode::parse(params.require("user_code")?).ok_or_else(too_late)?;
    let waiting = look_up(&app, &code, &signed_in.user).await?.ok_or_else(too_late)?;
    let question = question::of_device(&app, &waiting, &signed_in.user, &code, address, None).await?;
    let again = question::differences(&form, &signed_in.session_id, &question);
    if !again.is_empty() {
        return Ok(ask(&app, &signed_in, &code, &waiting, address, &again).await?);
    }
    if !waiting.decide(&app, &signed_in.user, signed_in.auth_time, allow, address).await? {
        return Err(too_late().into());
    }
    let (title, message) = if allow {
        ("Connected", "The device goes on by itself in a few seconds. You can close this page.")
    } else {
        ("Nothing was allowed", "The device is told that you said no. You can close this page.")
    };
    Ok(Page(Message { title, message, link: None }).into_response())
}

/// The link with the code in it, for a device to show to a camera. Says the same whether or not there is such a code.
async fn qr(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let malformed = || OAuthError::invalid_request("user_code must be the 8 letters of a code");
    let code = UserCode::parse(params.require("user_code")?).ok_or_else(malformed)?;
    let link = format!("{}{DEVICE_WITH_CODE}{}", app.config.origin(), code.expose());
    let image = QrCode::new(link).map_err(OAuthError::server_error)?;
    let svg = image.render::<svg::Color>().min_dimensions(240, 240).build();
    Ok(NoStore(([(header::CONTENT_TYPE, "image/svg+xml")], svg)).into_response())
}
