//! What people see: one struct per page, each filled in by its handler and escaped by askama.
pub mod device;
pub mod question;

use askama::Template;

/// `GET /login`; posts `form_token`, `return_to`, `username` and `password` to `/login`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    pub form_token: &'a str,
    /// Where to go once signed in: a path on this server.
    pub return_to: &'a str,
    /// What was typed before; empty at first.
    pub username: &'a str,
    pub error: Option<&'a str>,
    /// That sent the browser here.
    pub app: Option<AppName>,
}

/// What an app calls itself, in quotation marks unless the operator wrote it down.
pub struct AppName {
    pub name: String,
    pub is_verified: bool,
}

/// An MCP server: a resource in the words of RFC 8707.
pub struct ServerCard<'a> {
    pub name: &'a str,
    pub url: &'a str,
}

/// An error told to a person, because it must not or cannot go to the client (RFC 6749 §4.1.2.1).
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    pub title: &'a str,
    pub message: &'a str,
    pub advice: Option<&'a str>,
    /// The request id that the log knows.
    pub reference: &'a str,
    pub code: &'a str,
}

/// An error for a client at a host nobody vouches for: shown with one link to follow by hand, so that this server is
/// no open redirector (RFC 9700 §4.11.2).
#[derive(Template)]
#[template(path = "leaving.html")]
pub struct Leaving<'a> {
    pub client_name: &'a str,
    pub host: &'a str,
    /// The complete error response URI; its scheme was judged when the redirect URI was registered.
    pub href: &'a str,
    /// A sentence: what happened.
    pub what: &'a str,
    pub code: &'a str,
}

/// `GET` and `POST /logout`; posts `form_token` to `/logout`.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOut<'a> {
    pub form_token: &'a str,
    pub username: Option<&'a str>,
    pub done: bool,
}

/// The first administrator; posts `form_token`, `token`, `username`, `password` and `password_again` to `/setup`.
#[derive(Template)]
#[template(path = "setup.html")]
pub struct Setup<'a> {
    pub form_token: &'a str,
    /// The secret of the one-time link.
    pub token: &'a str,
    pub username: &'a str,
    pub error: Option<&'a str>,
}

/// One thing to say, and perhaps one place to go next.
#[derive(Template)]
#[template(path = "message.html")]
pub struct Message<'a> {
    pub title: &'a str,
    pub message: &'a str,
    /// Address and words of the link.
    pub link: Option<(&'a str, &'a str)>,
}

/// `GET /`.
#[derive(Template)]
#[template(path = "home.html")]
pub struct Home<'a> {
    pub issuer: &'a str,
    pub username: Option<&'a str>,
    pub servers: Vec<ServerCard<'a>>,
    pub demo: bool,
    /// Names and passwords, for the demo only.
    pub demo_people: Vec<(&'a str, &'a str)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>";

    fn sign_in(error: Option<&str>, app: Option<AppName>) -> askama::Result<String> {
        SignIn { form_token: "form", return_to: "/", username: "alice", error, app }.render()
    }

    #[test]
    fn a_stranger_stays_between_quotation_marks_and_nothing_is_promised() {
        let page = |is_verified| sign_in(None, Some(AppName { name: "My Agent".into(), is_verified })).unwrap();
        assert!(page(false).contains("“<bdi>My Agent</bdi>” sent you here."));
        assert!(page(true).contains("<strong><bdi>My Agent</bdi></strong> sent you here."));
        assert!(page(false).contains("asked before it gets anything you have not allowed before"));
    }

    fn every_page(text: &str) -> Vec<String> {
        let some = Some(text);
        let pages = [
            sign_in(some, Some(AppName { name: text.into(), is_verified: false })),
            sign_in(None, Some(AppName { name: text.into(), is_verified: true })),
            ErrorPage { title: text, message: text, advice: some, reference: text, code: text }.render(),
            Leaving { client_name: text, host: text, href: text, what: text, code: text }.render(),
            SignOut { form_token: text, username: some, done: false }.render(),
            SignOut { form_token: text, username: None, done: true }.render(),
            Setup { form_token: text, token: text, username: text, error: some }.render(),
            Message { title: text, message: text, link: Some((text, text)) }.render(),
            Home {
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
        let html = sign_in(Some("Wrong."), None).unwrap();
        assert!(html.contains(r#"role="alert" id="problem""#));
        assert_eq!(html.matches(r#"aria-describedby="problem""#).count(), 2);
        assert!(!sign_in(None, None).unwrap().contains("problem"));
    }
}
