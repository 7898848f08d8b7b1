//! Tokens of our forms: they prove that a form was sent from our own page, in the browser and for the question it was
//! made for.
use crate::{
    app::App,
    clock::NODES_DIFFER,
    error::OAuthError,
    http::extract::{is_type, read, same_origin},
    oauth::params::Params,
    secrets::{Digest, base64url, from_base64url},
};
use aws_lc_rs::hmac;
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderName, header},
};
use std::sync::Arc;

use super::{elsewhere, problem::Problem, urls::MAX_URL};

const MAX_FORM_BYTES: usize = 64 * 1024;
/// Seconds after which the form of an open page expires.
const LIFETIME_SECONDS: i64 = 30 * 60;
const NONCE_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;

/// The purpose of a form. It is authenticated as a separate byte before fields of fixed length, so that no text can
/// make a form of one purpose look like another.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Purpose {
    SetUp = 1,
    SignIn,
    SignOut,
    EnterCode,
    Consent,
    Device,
}

/// The authenticated content of a form token.
pub struct Form {
    /// Identifies this form, so that it can count once.
    pub id: Digest,
    pub is_old: bool,
    browser: Digest,
    /// A digest of each part of what the page showed.
    pub shown: Vec<Digest>,
}

impl Form {
    pub fn is_of(&self, browser: &str) -> bool {
        self.browser.matches(&Digest::of(browser))
    }
}

/// A token for one form: `browser` is a secret that only this browser has, `shown` are digests of what the page shows.
#[must_use]
pub fn mint(app: &App, purpose: Purpose, browser: &str, shown: &[Digest]) -> String {
    let nonce = rand::random::<[u8; NONCE_BYTES]>();
    let issued_at = app.clock.now().unix_timestamp().to_be_bytes();
    let browser = Digest::of(browser);
    let digests = [&browser].into_iter().chain(shown).flat_map(Digest::as_bytes).copied();
    let said: Vec<_> = nonce.into_iter().chain(issued_at).chain(digests).collect();
    let mac = authenticate(app, purpose, &said);
    base64url([&said, mac.as_ref()].concat())
}

/// Why a form no longer counts. Its page is shown again and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleForm {
    Elsewhere,
    Old,
}

impl StaleForm {
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Elsewhere => "This page was not made for this browser, or its cookie is gone.",
            Self::Old => "This page was open for more than 30 minutes.",
        }
    }
}

/// Verifies a form that does not depend on what its page showed.
pub fn verify(app: &App, params: &Params, purpose: Purpose, browser: Option<&str>) -> Result<Form, StaleForm> {
    let form = sent(app, params, purpose).ok_or(StaleForm::Elsewhere)?;
    match browser.is_some_and(|browser| form.is_of(browser)) {
        true if form.is_old => Err(StaleForm::Old),
        true => Ok(form),
        false => Err(StaleForm::Elsewhere),
    }
}

/// The submitted form, if this server made it for this purpose. The page checks whether it still counts.
pub fn sent(app: &App, params: &Params, purpose: Purpose) -> Option<Form> {
    let bytes = params.get("form_token").ok()?.and_then(from_base64url)?;
    let (said, mac) = bytes.len().checked_sub(DIGEST_BYTES).and_then(|end| bytes.split_at_checked(end))?;
    let expected = authenticate(app, purpose, said);
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), mac).ok()?;
    let (head, digests) = said.split_at_checked(NONCE_BYTES + 8)?;
    let issued_at = head.last_chunk::<8>().copied().map(i64::from_be_bytes).unwrap_or_default();
    let mut digests = digests.chunks(DIGEST_BYTES).map(Digest::from_bytes);
    let age = app.clock.now().unix_timestamp() - issued_at;
    Some(Form {
        id: Digest::of(head),
        is_old: !(-NODES_DIFFER.whole_seconds()..=LIFETIME_SECONDS).contains(&age),
        browser: digests.next()?,
        shown: digests.collect(),
    })
}

/// The decision: allow or deny.
pub fn decision(params: &Params) -> Result<bool, OAuthError> {
    match params.get("decision")? {
        Some("allow") => Ok(true),
        Some("deny") => Ok(false),
        _ => Err(OAuthError::invalid_request("decision must be allow or deny")),
    }
}

fn authenticate(app: &App, purpose: Purpose, said: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(app.derived_keys.forms());
    context.update(&[purpose as u8]);
    context.update(said);
    context.sign()
}

/// The form was sent from a page of another site, or from our page under an address that is not the issuer's.
fn from_elsewhere(app: &App, request: &Request) -> Problem {
    let origin = elsewhere::text(request, header::ORIGIN).unwrap_or_default();
    let opened_there = origin.split_once("://").is_some_and(|(_, there)| Some(there) == elsewhere::host(request))
        || elsewhere::text(request, HeaderName::from_static("sec-fetch-site")) == Some("same-origin");
    if !opened_there {
        return OAuthError::access_denied("the form was sent from another site").into();
    }
    elsewhere::tell(app, origin);
    let sentence = format!("this server is {}. You opened it under another address", app.config.issuer);
    Problem::from(OAuthError::access_denied(sentence))
        .titled("Another address")
        .leading(format!("{}/", app.config.base()), "Open this server")
}

/// Extractor: a form from our own origin (Fetch Metadata, RFC 6454 §7).
pub struct PageForm(pub Params);

impl FromRequest<Arc<App>> for PageForm {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded").into());
        }
        if !same_origin(app, request.headers()) {
            return Err(from_elsewhere(app, &request));
        }
        Ok(Self(Params::parse_up_to(MAX_URL, &read(request.into_body(), MAX_FORM_BYTES).await?)?))
    }
}
