//! `/device`: asks for a device's code, and whether the device may have access (RFC 8628 §3.3).
use super::{
    forms::{self, Form, PageForm, Purpose},
    problem::Problem,
    question,
    session::{self, SignedInUser},
    urls::{DEVICE, DEVICE_WITH_CODE, LOGIN, after_sign_out},
};
use crate::{
    app::App,
    authorization::device::{WaitingDevice, look_up, said_by},
    error::OAuthError,
    http::{
        described::{form_of_a_page, page},
        extract::{ClientIp, OwnAddress},
        respond::{NoStore, Page, SeeOther},
        views::{MessagePage, device::EnterCodePage, question::QuestionPage},
    },
    model::FormAnswer,
    oauth::params::{Params, form_urlencode},
    secrets::UserCode,
    storage::answered_forms,
};
use axum::{
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use keyward_shared::api::{Operation, Routes};
use qrcode::{QrCode, render::svg};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use tower_sessions::Session;

/// Unknown, expired and used codes must give the same message.
const NO_SUCH_CODE: &str = "No device waits for this code. Compare it with what the device shows. Codes are good for \
                            ten minutes; after that, start again on the device.";

pub fn routes() -> Routes<Arc<App>> {
    let code = [("user_code", true, "As the device shows it.")];
    let decision = [code[0], ("decision", true, "`allow` or `deny`")];
    let enters =
        page("Where the code of a device is typed in (RFC 8628 §3.3)").query(&[("user_code", false, code[0].2)]);
    let picture = Operation::get("The link with the code, as a picture").tag("Pages").query(&code);
    let picture = picture.gives(200, "A QR code", "image/svg+xml", &json!({}));
    let decides = form_of_a_page("The decision of a person about a device", &decision);
    Routes::new()
        .route(DEVICE, routing::get(show).post(find), [enters, form_of_a_page("Finds the device", &code)])
        .route("/device/decision", routing::post(decide), [decides])
        .route("/device/qr", routing::get(qr), [picture])
}

/// A GET looks nothing up: a code in the link only fills in the field (RFC 8628 §3.3.1).
async fn show(State(app): State<Arc<App>>, session: Session, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let code = params.get("user_code")?.and_then(UserCode::parse);
    let Some(signed_in) = session::current(&app, &session).await? else {
        return Ok(SeeOther(format!("{LOGIN}?return_to={}", form_urlencode(&page_for(code)))).into_response());
    };
    let code = code.map(|code| code.expose()).unwrap_or_default();
    Ok(enter_code(&app, &signed_in, &code, None))
}

fn enter_code(app: &App, signed_in: &SignedInUser, user_code: &str, error: Option<&str>) -> Response {
    let form_token = forms::mint(app, Purpose::EnterCode, &signed_in.session_id, &[]);
    let username = &signed_in.user.username;
    Page(EnterCodePage { form_token: &form_token, username, user_code, error }).into_response()
}

/// Redirects to sign in and back to this page.
fn signed_out(typed: &str) -> Response {
    after_sign_out(&page_for(UserCode::parse(typed))).into_response()
}

fn page_for(code: Option<UserCode>) -> String {
    code.map_or_else(|| DEVICE.to_owned(), |code| format!("{DEVICE_WITH_CODE}{}", code.expose()))
}

async fn find(
    State(app): State<Arc<App>>,
    session: Session,
    ClientIp(address): ClientIp,
    OwnAddress(browser): OwnAddress,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let typed = params.get("user_code")?.unwrap_or("");
    let shown: String = typed.chars().take(40).collect();
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(signed_out(typed)) };
    if let Err(stale) = forms::verify(&app, &params, Purpose::EnterCode, Some(&signed_in.session_id)) {
        let page = enter_code(&app, &signed_in, &shown, Some(stale.sentence()));
        return Ok((StatusCode::FORBIDDEN, page).into_response());
    }
    let (code, waiting) = match UserCode::parse(typed) {
        Some(code) => {
            // A user who goes back and types a decided code again is not guessing.
            if let Some(allowed) = said_by(&app, &code, &signed_in.user).await? {
                return Ok(answered_before(allowed));
            }
            let waiting = look_up(&app, &code, &signed_in.user, address).await?;
            (Some(code), waiting)
        }
        None => (None, None),
    };
    let Some((code, waiting)) = code.zip(waiting) else {
        return Ok((StatusCode::BAD_REQUEST, enter_code(&app, &signed_in, &shown, Some(NO_SUCH_CODE))).into_response());
    };
    Ok(ask(&app, &signed_in, &code, &waiting, browser, &[]).await?)
}

/// `again` says why a decision did not count: then no logo is fetched.
async fn ask(
    app: &App,
    signed_in: &SignedInUser,
    code: &UserCode,
    waiting: &WaitingDevice<'_>,
    browser: Option<IpAddr>,
    again: &[String],
) -> Result<Response, OAuthError> {
    let session_id = &signed_in.session_id;
    let visitor = again.is_empty().then_some(signed_in.user.id);
    let question = question::of_device(app, waiting, signed_in, code, browser, visitor).await?;
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
    OwnAddress(browser): OwnAddress,
    PageForm(params): PageForm,
) -> Result<Response, Problem> {
    let (allow, typed) = (forms::decision(&params)?, params.require("user_code")?);
    let Some(signed_in) = session::current(&app, &session).await? else { return Ok(signed_out(typed)) };
    let form = forms::sent(&app, &params, Purpose::Device);
    let own = form.as_ref().filter(|form| form.is_of(&signed_in.session_id));
    if let Some(led) = lead_again(&app, own, allow).await? {
        return Ok(led);
    }
    let code = UserCode::parse(typed).ok_or_else(too_late)?;
    let Some(waiting) = look_up(&app, &code, &signed_in.user, address).await? else {
        return lead_again(&app, own, allow).await?.ok_or_else(too_late);
    };
    let question = question::of_device(&app, &waiting, &signed_in, &code, browser, None).await?;
    let again = question::differences(form.as_ref(), &signed_in.session_id, &question);
    let Some(form) = form.as_ref().filter(|_| again.is_empty()) else {
        let mut page = ask(&app, &signed_in, &code, &waiting, browser, &again).await?;
        if form.is_none() {
            *page.status_mut() = StatusCode::FORBIDDEN;
        }
        return Ok(page);
    };
    if !waiting.decide(&app, &signed_in.user, signed_in.auth_time, allow, &form.id, address).await? {
        return lead_again(&app, Some(form), allow).await?.ok_or_else(too_late);
    }
    Ok(decided(allow))
}

fn too_late() -> Problem {
    Problem::from(OAuthError::invalid_request("no device waits for this decision any longer"))
        .titled("No device waits for this any longer")
        .saying("Somebody decided before, or the code has expired. Start again on the device, which shows a new code.")
        .leading(DEVICE, "Enter another code")
}

/// The earlier response to the same form.
async fn lead_again(app: &App, form: Option<&Form>, allow: bool) -> Result<Option<Response>, OAuthError> {
    let Some(form) = form else { return Ok(None) };
    let answered = answered_forms::find(&app.db, &form.id).await?;
    let Some(FormAnswer::Device { allowed }) = answered.map(|form| form.answer) else { return Ok(None) };
    if allowed == allow {
        return Ok(Some(decided(allowed)));
    }
    Ok(Some(answered_before(allowed)))
}

fn answered_before(allowed: bool) -> Response {
    let message = if allowed {
        "You allowed it, and that counts. The device is connected."
    } else {
        "You said no, and that counts. To be asked anew, start again on the device."
    };
    let page = Page(MessagePage { title: "You already answered", message, link: None });
    (StatusCode::CONFLICT, page).into_response()
}

fn decided(allowed: bool) -> Response {
    let (title, message) = if allowed {
        ("Connected", "The device goes on by itself in a few seconds. You can close this page.")
    } else {
        ("Nothing was allowed", "The device is told that you said no. You can close this page.")
    };
    Page(MessagePage { title, message, link: None }).into_response()
}

/// A QR code with the link and the code, for a device to show. It is the same whether or not the code exists.
async fn qr(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::parse(query.unwrap_or_default().as_bytes())?;
    let malformed = || OAuthError::invalid_request("user_code must be the 8 letters of a code");
    let code = UserCode::parse(params.require("user_code")?).ok_or_else(malformed)?;
    let link = format!("{}{DEVICE_WITH_CODE}{}", app.config.base(), code.expose());
    let image = QrCode::new(link).map_err(OAuthError::server_error)?;
    let svg = image.render::<svg::Color>().min_dimensions(240, 240).build();
    Ok(NoStore(([(header::CONTENT_TYPE, "image/svg+xml")], svg)).into_response())
}
