//! What people see: one struct per page, each filled in by its handler and escaped by askama.
pub mod device;

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
    pub client_name: Option<&'a str>,
    pub server_name: Option<&'a str>,
}

/// The question of RFC 6749 §4.1.1; posts `form_token`, `request` and `decision` (`allow` or `deny`) to `/consent`,
/// and `form_token` and `return_to` to `/logout` for whom somebody else signed in.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    pub form_token: &'a str,
    /// The authorization request: its raw query, percent-encoded as it came.
    pub request: &'a str,
    pub username: &'a str,
    pub client: ClientCard<'a>,
    pub server: ServerCard<'a>,
    /// Identifiers of further servers it asks for.
    pub also: Vec<&'a str>,
    pub destination: Destination<'a>,
    pub scopes: Vec<ScopeLine<'a>>,
    /// A sentence: until when the consent lasts.
    pub lifetime: &'a str,
    /// Sentences: what of the client changed since it was last allowed.
    pub changed: &'a [String],
    /// Part of `scopes` was allowed before; `is_new` tells which part was not.
    pub step_up: bool,
}

impl<'a> ConsentPage<'a> {
    /// What is decided now: in a step-up only what is new.
    fn asked(&self) -> impl Iterator<Item = &ScopeLine<'a>> {
        self.scopes.iter().filter(|scope| scope.is_new || !self.step_up)
    }

    /// What a step-up leaves as it was.
    fn kept(&self) -> impl Iterator<Item = &ScopeLine<'a>> {
        self.scopes.iter().filter(|scope| self.step_up && !scope.is_new)
    }
}

/// Who asks. Without `verified`, `vouched_by`, `document_host` and `proven_host` the page calls it unverified.
pub struct ClientCard<'a> {
    /// What it calls itself (RFC 7591 §2 `client_name`).
    pub name: &'a str,
    pub id: &'a str,
    /// The host of its `https` redirect URI: whoever it is, only this host receives the code.
    pub proven_host: Option<&'a str>,
    /// The host of the metadata document that its identifier is the URL of: the name and the redirect URIs are this
    /// host's word.
    pub document_host: Option<&'a str>,
    /// The operator wrote it down, so the name is true.
    pub verified: bool,
    /// The name of an issuer, trusted by the operator, that signed the name and the redirect URIs (RFC 7591 §2.3).
    pub vouched_by: Option<&'a str>,
    /// What it says its homepage is (`client_uri`); shown, never linked.
    pub homepage: Option<&'a str>,
    /// The path of its logo on this server, if it has one.
    pub logo: Option<&'a str>,
}

impl ClientCard<'_> {
    /// Stands for a logo where there is none.
    fn initial(&self) -> String {
        let letter = self.name.chars().find(|letter| letter.is_alphanumeric());
        letter.map_or_else(|| "?".to_owned(), |letter| letter.to_uppercase().collect())
    }
}

/// An MCP server: a resource in the words of RFC 8707.
pub struct ServerCard<'a> {
    pub name: &'a str,
    pub url: &'a str,
}

/// Where the code goes.
pub struct Destination<'a> {
    /// The host of the redirect URI, or the app's scheme.
    pub label: &'a str,
    pub kind: DestinationKind,
}

/// The kinds of redirect URI of RFC 8252 §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    Https,
    Loopback,
    App,
}

/// One scope, by its wire name and in words.
pub struct ScopeLine<'a> {
    pub name: &'a str,
    pub words: &'a str,
    /// Not allowed before.
    pub is_new: bool,
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
    const BADGE: &str = r#"<span class="badge caution">unverified</span>"#;

    fn consent<'a>(name: &'a str, proven_host: Option<&'a str>, verified: bool) -> ConsentPage<'a> {
        ConsentPage {
            form_token: "form",
            request: "response_type=code&client_id=abc",
            username: "alice",
            client: ClientCard {
                name,
                id: "abc",
                proven_host,
                document_host: None,
                verified,
                vouched_by: None,
                homepage: None,
                logo: None,
            },
            server: ServerCard { name: "Notes", url: "https://notes.example/mcp" },
            destination: Destination { label: "127.0.0.1", kind: DestinationKind::Loopback },
            scopes: vec![
                ScopeLine { name: "mcp:read", words: "Read your notes", is_new: false },
                ScopeLine { name: "mcp:write", words: "Change your notes", is_new: true },
            ],
            lifetime: "Until you revoke it.",
            changed: &[],
            also: vec![],
            step_up: false,
        }
    }

    fn every_page(text: &str) -> Vec<String> {
        let mut consent = consent(text, Some(text), false);
        (consent.request, consent.username, consent.lifetime) = (text, text, text);
        (consent.client.homepage, consent.client.logo) = (Some(text), Some(text));
        consent.client.id = text;
        consent.client.document_host = Some(text);
        consent.server = ServerCard { name: text, url: text };
        consent.destination = Destination { label: text, kind: DestinationKind::App };
        consent.scopes = vec![ScopeLine { name: text, words: text, is_new: true }];
        let changed = [text.to_owned()];
        (consent.changed, consent.also) = (&changed, vec![text]);
        let some = Some(text);
        let pages = [
            consent.render(),
            SignIn {
                form_token: text,
                return_to: text,
                username: text,
                error: some,
                client_name: some,
                server_name: some,
            }
            .render(),
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
        assert!(consent(HOSTILE, None, false).render().unwrap().contains("&#60;script&#62;alert(1)"));
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
    fn a_client_is_called_unverified_exactly_when_nothing_is_proven() {
        for (proven_host, verified) in [(None, false), (None, true), (Some("app.example"), false)] {
            let page = consent("Notes App", proven_host, verified).render().unwrap();
            let nothing = proven_host.is_none() && !verified;
            assert_eq!(page.contains(BADGE), nothing);
            assert_eq!(page.contains("Anybody can register under this name"), nothing);
        }
    }

    #[test]
    fn a_client_described_by_a_host_is_shown_with_it_and_on_this_computer_with_what_that_is_worth() {
        let mut page = consent("Notes App", None, false);
        page.client.document_host = Some("app.example");
        let html = page.render().unwrap();
        assert!(html.contains("described by <bdi>app.example</bdi>") && !html.contains(BADGE));
        assert!(html.contains("can claim to be"));
        page.destination = Destination { label: "app.example", kind: DestinationKind::Https };
        page.client.proven_host = Some("app.example");
        let html = page.render().unwrap();
        assert!(html.contains("described by <bdi>app.example</bdi>") && !html.contains("can claim to be"));
    }

    #[test]
    fn a_logo_comes_from_here_with_words_and_an_initial_letter_stands_for_none() {
        let mut page = consent("“notes” App", None, false);
        let (letter, picture) = (r#"<span class="logo" aria-hidden="true">N</span>"#, r#"<img class="logo""#);
        let html = page.render().unwrap();
        assert!(html.contains(letter) && !html.contains(picture), "{html}");
        page.client.logo = Some("/logos/abc");
        let html = page.render().unwrap();
        assert!(html.contains(r#"<img class="logo" src="/logos/abc" alt="Logo of “notes” App, by its own account""#));
        assert!(!html.contains(r#"<span class="logo""#));
    }

    #[test]
    fn a_client_that_an_issuer_signed_for_is_shown_with_it_and_on_this_computer_with_what_that_is_worth() {
        let mut page = consent("Notes App", None, false);
        page.client.vouched_by = Some("Acme");
        let html = page.render().unwrap();
        assert!(html.contains("verified by <bdi>Acme</bdi>") && !html.contains(BADGE));
        assert!(html.contains("can claim to be"));
        page.destination = Destination { label: "app.example", kind: DestinationKind::Https };
        page.client.proven_host = Some("app.example");
        let html = page.render().unwrap();
        assert!(html.contains("verified by <bdi>Acme</bdi>") && !html.contains("can claim to be"));
        page.client.vouched_by = Some(HOSTILE);
        assert!(!page.render().unwrap().contains("<script"));
    }

    #[test]
    fn saying_no_is_as_prominent_as_saying_yes() {
        let page = consent("Notes App", None, false).render().unwrap();
        assert!(page.contains(r#"<button class="button no" name="decision" value="deny">"#));
        assert!(page.contains(r#"<button class="button" name="decision" value="allow">"#));
    }

    #[test]
    fn a_code_for_this_computer_comes_with_a_caution() {
        let mut page = consent("Notes App", None, false);
        assert!(page.render().unwrap().contains("The code goes to a program on this computer."));
        page.destination = Destination { label: "app.example", kind: DestinationKind::Https };
        assert!(!page.render().unwrap().contains("on this computer"));
    }

    #[test]
    fn a_step_up_tells_what_is_added_from_what_stays() {
        let mut page = consent("Notes App", None, false);
        let html = page.render().unwrap();
        assert!(!html.contains("Already allowed") && !html.contains(">new</span>"));
        page.step_up = true;
        let html = page.render().unwrap();
        let (added, kept) = html.split_once("Already allowed").unwrap();
        assert!(added.contains("What is added") && added.contains("mcp:write") && !added.contains("mcp:read"));
        assert!(kept.contains("mcp:read") && !kept.contains("mcp:write"));
        assert_eq!(html.matches(">new</span>").count(), 1);
    }

    #[test]
    fn a_wrong_password_is_announced_and_tied_to_both_fields() {
        let page = |error| SignIn {
            form_token: "form",
            return_to: "/",
            username: "alice",
            error,
            client_name: None,
            server_name: None,
        };
        let html = page(Some("Wrong.")).render().unwrap();
        assert!(html.contains(r#"role="alert" id="problem""#));
        assert_eq!(html.matches(r#"aria-describedby="problem""#).count(), 2);
        assert!(!page(None).render().unwrap().contains("problem"));
    }
}
