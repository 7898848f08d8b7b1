//! The error page.
use crate::oauth::compared::RedirectUriComparison;
use askama::Template;

/// An error for a person, because it must not or cannot go to the client (RFC 6749 §4.1.2.1).
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    pub title: &'a str,
    pub message: String,
    pub advice: Option<String>,
    /// URL and text of the link.
    pub link: Option<(String, &'a str)>,
    pub comparison: Option<Comparison>,
    /// The request id, which is also in the log.
    pub reference: String,
    pub code: &'a str,
}

/// The sent value beside the registered one, if the reader may see them.
pub struct Comparison {
    pub compared: RedirectUriComparison,
    pub may_see: bool,
}
