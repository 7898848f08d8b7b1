//! The page that says what went wrong.
use crate::oauth::compared::Compared;
use askama::Template;

/// An error told to a person, because it must not or cannot go to the client (RFC 6749 §4.1.2.1).
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    pub title: &'a str,
    pub message: String,
    pub advice: Option<String>,
    /// Address and words of the link.
    pub link: Option<(String, &'a str)>,
    pub comparison: Option<Comparison>,
    /// The request id that the log knows.
    pub reference: String,
    pub code: &'a str,
}

/// What was sent beside what is registered, if whoever reads the page may see that.
pub struct Comparison {
    pub compared: Compared,
    pub may_see: bool,
}
