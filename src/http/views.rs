//! The data of each page: one struct for each template, filled in by a handler and escaped by askama.
pub mod device;
pub mod errors;
pub mod question;

use crate::oauth::look_alikes::{self, NamePart};
use askama::Template;

/// `GET /login`; posts `form_token`, `return_to`, `username` and `password` to `/login`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'a> {
    pub form_token: &'a str,
    /// Where to go once signed in: a path on this server.
    pub return_to: &'a str,
    /// The username typed before; empty at first.
    pub username: &'a str,
    pub error: Option<&'a str>,
    /// A sentence: why the page is shown again.
    pub why: Option<&'a str>,
    pub reason: SignInReason<'a>,
}

/// Why a person is asked to sign in.
pub enum SignInReason<'a> {
    /// The person opened the page without an app.
    Visit,
    SentBy(AppName),
    /// The app asks to confirm that the signed-in user is still the same (OpenID Connect Core §3.1.2.1).
    Confirm(AppName, &'a str),
    /// The app lets the person choose an account.
    Choose(AppName, &'a str),
    /// The app expects another user.
    Another(AppName, &'a str),
    Device,
    /// The person was signed out while the page of this app, or another page of ours, was open.
    SignedOut(Option<AppName>),
    SignedOutOfDevice,
}

impl SignInReason<'_> {
    fn app(&self) -> Option<&AppName> {
        match self {
            Self::SentBy(app) | Self::Confirm(app, _) | Self::Choose(app, _) | Self::Another(app, _) => Some(app),
            Self::SignedOut(app) => app.as_ref(),
            Self::Visit | Self::Device | Self::SignedOutOfDevice => None,
        }
    }
}

/// The name of an app, in quotation marks unless the operator configured it.
#[derive(Clone, Debug)]
pub struct AppName {
    pub name: String,
    pub is_verified: bool,
}

impl AppName {
    /// The name in a sentence without markup.
    #[must_use]
    pub fn quoted(&self) -> String {
        if self.is_verified { self.name.clone() } else { format!("“{}”", self.name) }
    }

    fn parts(&self) -> Vec<NamePart> {
        if self.is_verified {
            return vec![NamePart { text: self.name.clone(), is_marked: false }];
        }
        look_alikes::parts(&self.name)
    }

    /// A name that the operator configured needs no warning.
    fn warning(&self) -> Option<&'static str> {
        look_alikes::warning(&self.name).filter(|_| !self.is_verified)
    }
}

/// An MCP server, which RFC 8707 calls a resource.
pub struct ServerCard<'a> {
    pub name: &'a str,
    pub url: &'a str,
}

/// An error for a client whose host is not verified. The page shows a link instead of redirecting, so that this server
/// is no open redirector (RFC 9700 §4.11.2).
#[derive(Template)]
#[template(path = "leaving.html")]
pub struct LeavingPage<'a> {
    pub app: AppName,
    pub host: &'a str,
    /// The complete error response URI; its scheme was checked at registration.
    pub href: &'a str,
    /// A sentence: what happened.
    pub what: &'a str,
    pub code: &'a str,
}

/// A link that opens an app by its own scheme. The browser follows it automatically if it can, and stays on the page.
#[derive(Template)]
#[template(path = "onward.html")]
pub struct OnwardPage<'a> {
    pub app: &'a AppName,
    /// The complete authorization response.
    pub href: &'a str,
    /// A sentence: why the request was refused.
    pub refusal: Option<&'a str>,
}

/// `GET` and `POST /logout`; posts `form_token` and perhaps `return_to` to `/logout`.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage<'a> {
    pub form_token: &'a str,
    pub username: Option<&'a str>,
    /// The page where another user may sign in and continue: a path of this server, or empty.
    pub return_to: &'a str,
    /// A sentence: why the question is asked again.
    pub why: Option<&'a str>,
    pub done: bool,
}

/// Creates or restores an administrator; posts `form_token`, `token`, `username`, `password` and `password_again` to
/// `/setup`.
#[derive(Template)]
#[template(path = "setup.html")]
pub struct SetupPage<'a> {
    pub form_token: &'a str,
    /// The secret of the one-time link.
    pub token: &'a str,
    pub username: &'a str,
    pub error: Option<&'a str>,
}

/// A message, and possibly a link to continue with.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage<'a> {
    pub title: &'a str,
    pub message: &'a str,
    /// URL and text of the link.
    pub link: Option<(&'a str, &'a str)>,
}

/// `GET /`.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage<'a> {
    pub issuer: &'a str,
    pub username: Option<&'a str>,
    pub servers: Vec<ServerCard<'a>>,
    pub demo: bool,
    /// Names and passwords; only in the demo.
    pub demo_people: Vec<(&'a str, &'a str)>,
}

#[cfg(test)]
mod tests {
    use super::{
        errors::{Comparison, ErrorPage},
        *,
    };
    use crate::oauth::compared::RedirectUriComparison;

    const HOSTILE: &str = "<script>alert(1)</script>";

    fn sign_in(error: Option<&str>, reason: SignInReason<'_>) -> askama::Result<String> {
        SignInPage { form_token: "form", return_to: "/", username: "alice", error, why: error, reason }.render()
    }

    fn app(name: &str, is_verified: bool) -> AppName {
        AppName { name: name.into(), is_verified }
    }

    #[test]
    fn a_stranger_stays_between_quotation_marks_and_nothing_is_promised() {
        let page = |is_verified| sign_in(None, SignInReason::SentBy(app("My Agent", is_verified))).unwrap();
        assert!(page(false).contains("“<bdi>My Agent</bdi>” sent you here."));
        assert!(page(true).contains("<strong><bdi>My Agent</bdi></strong> sent you here."));
        assert!(page(false).contains("asked before it gets anything you have not allowed before"));
    }

    #[test]
    fn a_sign_in_says_what_it_is_for() {
        let app = || app("My Agent", false);
        for (reason, told) in [
            (SignInReason::Visit, "Sign in"),
            (SignInReason::Confirm(app(), "bob"), "“My Agent” asks you to confirm that it is you, bob."),
            (SignInReason::Choose(app(), "bob"), "“My Agent” lets you choose the account. You are signed in as bob."),
            (SignInReason::Another(app(), "bob"), "“My Agent” asks for another account than bob."),
            (SignInReason::Device, "Sign in to connect a device."),
            (SignInReason::SignedOut(Some(app())), "You were signed out. Sign in to continue to “My Agent”."),
            (SignInReason::SignedOut(None), "You were signed out. Sign in to continue."),
            (SignInReason::SignedOutOfDevice, "You were signed out. Sign in to connect a device."),
        ] {
            let page = scraper::Html::parse_document(&sign_in(None, reason).unwrap());
            let text = page.root_element().text().collect::<String>();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(told), "{told} in {text}");
        }
    }

    #[test]
    fn a_name_that_imitates_is_marked_where_it_asks_to_sign_in_and_where_it_is_left_for() {
        let app = app("Cl\u{430}ude ✓", false);
        let (reason, refusal) = (SignInReason::SentBy(app.clone()), None);
        for page in [sign_in(None, reason), OnwardPage { app: &app, href: "a:b", refusal }.render()] {
            let page = page.unwrap();
            assert!(page.contains("“<bdi>Cl<mark>\u{430}</mark>ude <mark>✓</mark></bdi>”"), "{page}");
            assert!(page.contains("look like others"), "{page}");
        }
    }

    fn every_page(text: &str) -> Vec<String> {
        let some = Some(text);
        let named = |is_verified| app(text, is_verified);
        let owned = || text.to_owned();
        let error = ErrorPage {
            title: text,
            message: owned(),
            advice: Some(owned()),
            link: Some((owned(), text)),
            comparison: Some(Comparison {
                compared: RedirectUriComparison { sent: Some(owned()), registered: vec![owned()], more_registered: 1 },
                may_see: true,
            }),
            reference: owned(),
            code: text,
        };
        let sign_out = |username, done| SignOutPage { form_token: text, username, return_to: text, why: some, done };
        let pages = [
            sign_in(some, SignInReason::SentBy(named(false))),
            sign_in(None, SignInReason::SentBy(named(true))),
            sign_in(some, SignInReason::Confirm(named(false), text)),
            sign_in(some, SignInReason::Choose(named(false), text)),
            sign_in(some, SignInReason::Another(named(true), text)),
            sign_in(some, SignInReason::SignedOut(Some(named(false)))),
            sign_in(some, SignInReason::Device),
            error.render(),
            LeavingPage { app: named(false), host: text, href: text, what: text, code: text }.render(),
            OnwardPage { app: &named(false), href: text, refusal: some }.render(),
            OnwardPage { app: &named(true), href: text, refusal: None }.render(),
            sign_out(some, false).render(),
            sign_out(None, true).render(),
            SetupPage { form_token: text, token: text, username: text, error: some }.render(),
            MessagePage { title: text, message: text, link: Some((text, text)) }.render(),
            HomePage {
                issuer: text,
                username: some,
                servers: vec![ServerCard { name: text, url: text }],
                demo: true,
                demo_people: vec![(text, text)],
            }
            .render(),
        ];
        pages.into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn every_page_has_a_language_a_title_one_heading_and_one_main_landmark() {
        for page in every_page("calm") {
            assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{page}");
            for once in ["<title>", "<h1>", "<main "] {
                assert_eq!(page.matches(once).count(), 1, "{once} in {page}");
            }
        }
    }

    #[test]
    fn no_page_lets_text_become_markup() {
        for page in every_page(HOSTILE) {
            assert!(!page.contains("<script"), "{page}");
        }
        for page in every_page("\" autofocus onfocus=\"alert(1)") {
            assert!(!page.contains("onfocus=\""), "{page}");
        }
    }

    #[test]
    fn no_page_needs_what_the_content_security_policy_forbids() {
        for page in every_page("calm") {
            for forbidden in ["<script", "<style", " style=", "javascript:", "http-equiv"] {
                assert!(!page.contains(forbidden), "{forbidden} in {page}");
            }
        }
    }

    #[test]
    fn a_wrong_password_is_announced_and_tied_to_both_fields() {
        let html = sign_in(Some("Wrong."), SignInReason::Visit).unwrap();
        assert!(html.contains(r#"role="alert" id="problem""#));
        assert_eq!(html.matches(r#"aria-describedby="problem""#).count(), 2);
        assert!(!sign_in(None, SignInReason::Visit).unwrap().contains("problem"));
    }
}
