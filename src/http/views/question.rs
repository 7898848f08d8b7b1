//! The question whether a program may act for somebody, on the consent page and for a device.
use crate::{
    oauth::look_alikes::{self, Part},
    secrets::Digest,
};
use askama::Template;
use serde::Serialize;
use serde_json::json;

/// What was shown is what is granted: all that the page says comes from this one value, whose digests are in its form.
/// Whoever decides, decides about a question that is the same in each of its [parts](Question::parts).
#[derive(Serialize)]
pub struct Question {
    /// Digest of the request, or of the device, that the decision will be about.
    pub about: String,
    pub app: App,
    pub origin: Origin,
    pub servers: Vec<Server>,
    /// What it would learn of the person.
    pub identity: Vec<Line>,
    /// Asked for too, but not open to this person.
    pub withheld: Vec<Line>,
    /// A sentence: how long it would have access.
    pub lifetime: String,
    pub username: String,
    /// Identifies the person, whose name may be another's some day.
    pub user_id: String,
    pub history: History,
}

/// Who asks.
#[derive(Serialize)]
pub struct App {
    /// What it calls itself (RFC 7591 §2 `client_name`).
    pub name: String,
    pub id: String,
    pub standing: Standing,
    /// What it says its homepage is (`client_uri`); shown, never linked.
    pub homepage: Option<String>,
    /// The path of its logo on this server, if it has one.
    pub logo: Option<String>,
    /// Sentences: what to know of who describes it. How many others trust them changes by itself, and is no part of
    /// what is decided.
    #[serde(skip)]
    pub cautions: Vec<String>,
    /// Digest of all it says of itself: what is remembered has more than what is seen.
    pub metadata: String,
}

/// How much of a client's name is certain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// The operator wrote it down.
    Verified,
    /// An issuer of this name, trusted by the operator, signed it (RFC 7591 §2.3).
    VouchedBy(String),
    /// It is the word of the host that publishes its metadata document; where many people publish, with its path.
    DescribedBy(String),
    /// It may be anybody, but only this host receives the code.
    ReturnsTo(String),
    Unverified,
}

/// Where the request came from, and where the answer goes.
#[derive(Serialize)]
pub enum Origin {
    /// The answer goes to a redirect URI (RFC 8252 §7): what people are told of it, and all of it.
    Redirect { kind: RedirectKind, label: String, uri: String },
    /// The answer goes to a device that waits (RFC 8628 §3.3).
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
    /// As the device shows it.
    pub user_code: String,
    /// Where it asked from.
    pub address: String,
    /// Whether the person's browser comes from there too.
    pub place: Place,
    /// Date and time, and how many minutes ago that was.
    pub asked_at: String,
    #[serde(skip)]
    pub minutes_ago: i64,
}

/// Where a device asked from, beside where the browser is.
#[derive(Clone, Copy, Serialize)]
pub enum Place {
    Same,
    Other,
    /// What is known of the browser is a proxy's address.
    Untold,
}

/// An MCP server, a resource in the words of RFC 8707, and what would be allowed there in its own words.
#[derive(Serialize)]
pub struct Server {
    pub name: String,
    pub url: String,
    pub lines: Vec<Line>,
}

/// One scope, by its wire name and in words.
#[derive(Serialize)]
pub struct Line {
    pub scope: String,
    pub words: String,
    /// Not allowed before; a part of the history.
    #[serde(skip)]
    pub is_new: bool,
}

/// What this person allowed this client before.
#[derive(Default, Serialize)]
pub struct History {
    pub step: Step,
    /// Sentences: what of the client changed since it was last allowed.
    pub changes: Vec<String>,
    /// Sentences: that it was allowed, and why it is asked again.
    pub note: Option<String>,
    /// All that stays allowed in a step-up, on each server, whether it was asked for or not.
    pub kept: Vec<Server>,
    pub kept_identity: Vec<Line>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Step {
    /// Nothing was allowed before, or nothing that counts: everything is asked.
    #[default]
    First,
    /// Part of it was allowed: only the rest is asked.
    More,
    /// All of it was allowed.
    Same,
}

/// The first part of a question: what it is about.
#[must_use]
pub fn part_of_request(about: &str) -> Digest {
    Digest::of(json!(about).to_string())
}

impl Question {
    /// Digests of what the page says, each with the sentence for when it is different now.
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

    /// The digests that the form which decides about it holds.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        self.parts().map(|(digest, _)| digest).into()
    }

    /// Whether only claims about the person are asked for.
    fn is_about_person(&self) -> bool {
        self.servers.is_empty()
    }

    fn asks(&self, line: &Line) -> bool {
        self.history.step != Step::More || line.is_new
    }

    /// What is decided now: in a step-up only what is new.
    fn asked<'a>(&'a self, lines: &'a [Line]) -> Vec<&'a Line> {
        lines.iter().filter(|line| self.asks(line)).collect()
    }

    /// The servers where something is decided now.
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

    /// What is to be noticed before all else.
    fn has_warning(&self) -> bool {
        !self.is_on_the_web() || !self.history.changes.is_empty()
    }

    fn is_of_device(&self) -> bool {
        matches!(self.origin, Origin::Device(_))
    }
}

impl RedirectKind {
    /// What the app, which nothing tells from another, runs on.
    #[must_use]
    pub fn here(self) -> &'static str {
        if self == Self::App { "device" } else { "computer" }
    }
}

impl App {
    /// Stands for a logo where there is none.
    fn initial(&self) -> String {
        let letter = self.name.chars().find(|letter| letter.is_alphanumeric());
        letter.map_or_else(|| "?".to_owned(), |letter| letter.to_uppercase().collect())
    }

    /// As a heading has room for it.
    fn short_name(&self) -> String {
        const MOST: usize = 40;
        if self.name.chars().count() <= MOST {
            return self.name.clone();
        }
        let cut: String = self.name.chars().take(MOST - 1).collect();
        format!("{}…", cut.trim_end())
    }

    fn is_verified(&self) -> bool {
        self.standing == Standing::Verified
    }

    /// The operator's own words deceive nobody.
    fn warning(&self) -> Option<&'static str> {
        look_alikes::warning(&self.name).filter(|_| !self.is_verified())
    }

    fn parts(&self, name: &str) -> Vec<Part> {
        if self.is_verified() {
            return vec![Part { text: name.to_owned(), is_marked: false }];
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
    /// The authorization request: its raw query, percent-encoded as it came; empty for a device.
    pub request: &'a str,
    pub question: &'a Question,
    /// Sentences: why the page is shown anew.
    pub again: &'a [String],
}

#[cfg(test)]
mod tests;
