//! The question whether a program may act for a user, on the consent page and for a device.
use crate::{
    oauth::look_alikes::{self, NamePart},
    secrets::Digest,
};
use askama::Template;
use serde::Serialize;
use serde_json::json;

/// Everything the page shows comes from this value, and its digests are in the form: a decision counts only if the
/// question is still the same in each of its [parts](Question::parts).
#[derive(Serialize)]
pub struct Question {
    /// Digest of the request or device that the decision is about.
    pub about: String,
    pub app: AppCard,
    pub origin: Origin,
    pub servers: Vec<Server>,
    /// The claims about the user that the app would get.
    pub identity: Vec<ScopeLine>,
    /// Requested scopes that this user may not grant.
    pub withheld: Vec<ScopeLine>,
    /// A sentence: how long the access would last.
    pub lifetime: String,
    pub username: String,
    /// Identifies the user, because a username can later belong to somebody else.
    pub user_id: String,
    pub history: History,
}

/// The client, as the page shows it.
#[derive(Serialize)]
pub struct AppCard {
    /// Its own name (RFC 7591 §2 `client_name`).
    pub name: String,
    pub id: String,
    pub standing: Verification,
    /// Its homepage by its own account (`client_uri`); shown, but never as a link.
    pub homepage: Option<String>,
    /// The path of its logo on this server.
    pub logo: Option<String>,
    /// Sentences: warnings about the publisher of its document. How many users trust that publisher changes all the
    /// time, so it is not part of the decision.
    #[serde(skip)]
    pub cautions: Vec<String>,
    /// Digest of its whole metadata and policy: the consent stores more than the page shows.
    pub metadata: String,
}

/// How far a client's name is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Verification {
    /// The operator configured it.
    Verified,
    /// The issuer with this name, trusted by the operator, signed it (RFC 7591 §2.3).
    VouchedBy(String),
    /// The publisher of its metadata document vouches for it: a host, or a host with a path if many people publish
    /// there.
    DescribedBy(String),
    /// Not verified: it may be any program, but only this host receives the code.
    ReturnsTo(String),
    Unverified,
}

/// Where the request came from, and where the response goes.
#[derive(Serialize)]
pub enum Origin {
    /// The response goes to a redirect URI (RFC 8252 §7): its kind, its label for the page, and the full URI.
    Redirect { kind: RedirectKind, label: String, uri: String },
    /// The response goes to a waiting device (RFC 8628 §3.3).
    Device(Device),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RedirectKind {
    Https,
    Loopback,
    App,
}

#[derive(Serialize)]
pub struct Device {
    /// The code in the form that the device shows.
    pub user_code: String,
    /// The device's address.
    pub address: String,
    /// How the device's address compares with the browser's.
    pub place: Proximity,
    /// Date and time of the request, and how many minutes ago that was.
    pub asked_at: String,
    #[serde(skip)]
    pub minutes_ago: i64,
}

/// The device's address compared with the browser's.
#[derive(Clone, Copy, Serialize)]
pub enum Proximity {
    Same,
    Other,
    /// The browser's address is unknown, because only a proxy's is known.
    Untold,
}

/// An MCP server, which RFC 8707 calls a resource, and the requested scopes in its own words.
#[derive(Serialize)]
pub struct Server {
    pub name: String,
    pub url: String,
    pub lines: Vec<ScopeLine>,
}

/// A scope with its description.
#[derive(Serialize)]
pub struct ScopeLine {
    pub scope: String,
    pub words: String,
    /// Whether it was not allowed before; part of the history.
    #[serde(skip)]
    pub is_new: bool,
}

/// What this user allowed this client before.
#[derive(Default, Serialize)]
pub struct History {
    pub step: Step,
    /// Sentences: how the client changed since it was last allowed.
    pub changes: Vec<String>,
    /// Sentences: that it was allowed before, and why the user is asked again.
    pub note: Option<String>,
    /// All scopes that stay allowed in a step-up, on each server, whether they were requested or not.
    pub kept: Vec<Server>,
    pub kept_identity: Vec<ScopeLine>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Step {
    /// No earlier consent counts: everything is asked.
    #[default]
    First,
    /// A part was allowed before: only the rest is asked.
    More,
    /// Everything was allowed before.
    Same,
}

/// The first part of a question: the request or device it is about.
#[must_use]
pub fn part_of_request(about: &str) -> Digest {
    Digest::of(json!(about).to_string())
}

impl Question {
    /// Digests of the parts of the page, each with the sentence to show if that part has changed.
    #[must_use]
    pub fn parts(&self) -> [(Digest, String); 9] {
        let servers: Vec<_> = self.servers.iter().map(|server| (&server.name, &server.url)).collect();
        let lines: Vec<_> = self.servers.iter().map(|server| &server.lines).collect();
        let origin = match self.origin {
            Origin::Redirect { .. } => "It returns to another address than before.",
            Origin::Device(_) => "It is another device, or asks from another address.",
        };
        let person = format!("You are now signed in as {}.", self.username);
        [
            (json!(self.about), "This is another request than before.".to_owned()),
            (json!(self.app), "The app says something else of itself than before.".to_owned()),
            (json!(self.origin), origin.to_owned()),
            (json!(servers), "It would use other servers than before.".to_owned()),
            (json!([lines, self.identity]), "What it could do is different now.".to_owned()),
            (json!(self.withheld), "What is not available to you is different now.".to_owned()),
            (json!(self.lifetime), "How long it would have access is different now.".to_owned()),
            (json!([self.username, self.user_id]), person),
            (json!(self.history), "You answered this app meanwhile, or it changed.".to_owned()),
        ]
        .map(|(part, sentence)| (Digest::of(part.to_string()), sentence))
    }

    /// The digests in the form of this question.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        self.parts().map(|(digest, _)| digest).into()
    }

    /// Whether only claims about the user are requested.
    fn is_about_person(&self) -> bool {
        self.servers.is_empty()
    }

    fn asks(&self, line: &ScopeLine) -> bool {
        self.history.step != Step::More || line.is_new
    }

    /// The lines to decide about: in a step-up only the new ones.
    fn asked<'a>(&'a self, lines: &'a [ScopeLine]) -> Vec<&'a ScopeLine> {
        lines.iter().filter(|line| self.asks(line)).collect()
    }

    /// The servers with lines to decide about.
    fn asked_servers(&self) -> Vec<&Server> {
        self.servers.iter().filter(|server| server.lines.iter().any(|line| self.asks(line))).collect()
    }

    /// "Notes", "Notes and Weather", "Notes and 2 other servers".
    fn server_names(&self) -> (&str, String) {
        match self.asked_servers()[..] {
            [] => ("", String::new()),
            [only] => (&only.name, String::new()),
            [first, second] => (&first.name, format!(" and {}", second.name)),
            [first, ref others @ ..] => (&first.name, format!(" and {} other servers", others.len())),
        }
    }

    fn is_on_the_web(&self) -> bool {
        matches!(self.origin, Origin::Redirect { kind: RedirectKind::Https, .. })
    }

    /// Whether something on the page deserves attention first.
    fn has_warning(&self) -> bool {
        !self.is_on_the_web() || !self.history.changes.is_empty()
    }

    fn is_of_device(&self) -> bool {
        matches!(self.origin, Origin::Device(_))
    }
}

impl RedirectKind {
    /// The kind of program that the app runs in, for an app that another program could impersonate.
    #[must_use]
    pub fn here(self) -> &'static str {
        if self == Self::App { "device" } else { "computer" }
    }
}

impl AppCard {
    /// Shown in place of a missing logo.
    fn initial(&self) -> String {
        let letter = self.name.chars().find(|letter| letter.is_alphanumeric());
        letter.map_or_else(|| "?".to_owned(), |letter| letter.to_uppercase().collect())
    }

    /// Short enough for a heading.
    fn short_name(&self) -> String {
        const MAX_NAME_CHARACTERS: usize = 40;
        if self.name.chars().count() <= MAX_NAME_CHARACTERS {
            return self.name.clone();
        }
        let cut: String = self.name.chars().take(MAX_NAME_CHARACTERS - 1).collect();
        format!("{}…", cut.trim_end())
    }

    fn is_verified(&self) -> bool {
        self.standing == Verification::Verified
    }

    /// A name that the operator configured needs no warning.
    fn warning(&self) -> Option<&'static str> {
        look_alikes::warning(&self.name).filter(|_| !self.is_verified())
    }

    fn parts(&self, name: &str) -> Vec<NamePart> {
        if self.is_verified() {
            return vec![NamePart { text: name.to_owned(), is_marked: false }];
        }
        look_alikes::parts(name)
    }
}

/// The question of RFC 6749 §4.1.1, which posts `form_token`, `request` and `decision` (`allow` or `deny`) to
/// `/consent`; or that of RFC 8628 §3.3, with `user_code` instead of `request`, to `/device/decision`.
#[derive(Template)]
#[template(path = "question.html")]
pub struct QuestionPage<'a> {
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
    /// The raw query of the authorization request, percent-encoded as it was received; empty for a device.
    pub request: &'a str,
    pub question: &'a Question,
    /// Sentences: why the page is shown again.
    pub again: &'a [String],
}

#[cfg(test)]
mod tests;
