//! Our own forms: sent from our own pages, in the browser they were made for, about what they were made for.
use crate::{
    app::App,
    error::OAuthError,
    http::extract::{is_type, read, same_origin},
    oauth::params::Params,
    secrets::{Digest, base64url, from_base64url},
};
use aws_lc_rs::hmac;
use axum::extract::{FromRequest, Request};
use std::sync::Arc;

use super::{Problem, authorize::MAX_URL};

const MAX_FORM: usize = 64 * 1024;
/// Seconds a page may lie open before its form is too old.
const LIFETIME: i64 = 30 * 60;
const NONCE: usize = 16;

/// A token for one form: `browser` is what only this browser holds, `purpose` what the form decides about.
#[must_use]
pub fn mint(app: &App, browser: &str, purpose: &str) -> String {
    let nonce = rand::random::<[u8; NONCE]>();
    let issued_at = app.clock.now().unix_timestamp().to_be_bytes();
    let head = [nonce.as_slice(), &issued_at].concat();
    let mac = authenticate(app, &head, browser, purpose);
    base64url([&head, mac.as_ref()].concat())
}

/// What identifies this one form, so that it can be made to count once.
pub fn verify(app: &App, params: &Params, browser: Option<&str>, purpose: &str) -> Result<Digest, OAuthError> {
    let refused = || OAuthError::access_denied("this form was not made for this browser, or is too old");
    let (token, browser) = (params.get("form_token")?.ok_or_else(refused)?, browser.ok_or_else(refused)?);
    let bytes = from_base64url(token).ok_or_else(refused)?;
    let (head, mac) = bytes.split_at_checked(NONCE + 8).ok_or_else(refused)?;
    let expected = authenticate(app, head, browser, purpose);
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), mac).map_err(|_| refused())?;
    let issued_at = head.last_chunk::<8>().copied().map(i64::from_be_bytes).unwrap_or_default();
    let fresh = app.clock.now().unix_timestamp() - issued_at <= LIFETIME;
    fresh.then(|| Digest::of(head)).ok_or_else(refused)
}

fn authenticate(app: &App, head: &[u8], browser: &str, purpose: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&app.form_key);
    context.update(head);
    // Fixed lengths, so that one part can't be taken for another.
    context.update(Digest::of(browser).as_bytes());
    context.update(Digest::of(purpose).as_bytes());
    context.sign()
}

/// A form of ours, from our own origin (Fetch Metadata, RFC 6454 §7).
pub struct PageForm(pub Params);

impl FromRequest<Arc<App>> for PageForm {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded").into());
        }
        if !same_origin(app, request.headers()) {
            return Err(OAuthError::access_denied("the form was sent from another site").into());
        }
        Ok(Self(Params::parse_up_to(MAX_URL, &read(request.into_body(), MAX_FORM).await?)?))
    }
}
