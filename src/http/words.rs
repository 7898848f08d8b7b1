//! Error texts for people: what happened, what to do, and where to continue.
use super::{
    respond::ErrorText,
    views::errors::{Comparison, ErrorPage},
};
use crate::{error::ErrorCode, telemetry};
use axum::http::StatusCode;

pub struct ErrorWords {
    pub title: &'static str,
    pub message: String,
    pub advice: Option<String>,
    pub link: Option<(String, &'static str)>,
    pub comparison: Option<Comparison>,
    /// Whether trying again cannot help.
    pub is_final: bool,
}

impl ErrorWords {
    /// `status` is the response's, if it is more specific than the error.
    #[must_use]
    pub fn of(told: &ErrorText, status: Option<StatusCode>) -> Self {
        let again = || told.retry_after.map(|seconds| format!("Try again in {}.", span(seconds)));
        let (title, message, advice) = match told.code {
            _ if status == Some(StatusCode::METHOD_NOT_ALLOWED) => {
                ("This page can't be opened like that", "Only a form on another page can open it.".to_owned(), None)
            }
            ErrorCode::NotFound => ("There is nothing here", "No page has this address.".to_owned(), None),
            ErrorCode::ServerError => {
                ("Something went wrong here", sentence(told), Some("Try again in a moment.".to_owned()))
            }
            ErrorCode::TemporarilyUnavailable if told.is_outage => {
                ("Keyward is not available for a moment", "Reload this page in a few seconds.".to_owned(), None)
            }
            ErrorCode::TemporarilyUnavailable | ErrorCode::TooManyRequests => {
                ("Please wait a moment", sentence(told), again())
            }
            ErrorCode::InvalidScope => ("Not available to you", sentence(told), None),
            ErrorCode::AccessDenied => ("This page can't be used like that", sentence(told), None),
            ErrorCode::InvalidClientMetadata => {
                let advice = "Only its developer can fix that: tell them what is written here.".to_owned();
                ("This app can't be let in", sentence(told), Some(advice))
            }
            ErrorCode::InvalidClient => {
                let advice = "Remove the connection in the app and add it again.".to_owned();
                ("This app is not known here", sentence(told), Some(advice))
            }
            _ => ("This request can't be completed", sentence(told), None),
        };
        let waits = [ErrorCode::ServerError, ErrorCode::TemporarilyUnavailable, ErrorCode::TooManyRequests]
            .contains(&told.code);
        let link = (!waits).then(|| ("/".to_owned(), "Go to the start page"));
        Self { title, message, advice, link, comparison: None, is_final: !waits }
    }

    #[must_use]
    pub fn page(self, code: ErrorCode) -> ErrorPage<'static> {
        let Self { title, message, advice, link, comparison, .. } = self;
        let reference = telemetry::request_id().unwrap_or_default();
        ErrorPage { title, message, advice, link, comparison, reference, code: code.as_str() }
    }
}

fn span(seconds: u64) -> String {
    if seconds == 1 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

/// Turns a description into a sentence; parameter names stay as they are.
fn sentence(told: &ErrorText) -> String {
    let description = &told.description;
    if description.split(' ').next().is_some_and(|word| word.contains('_')) {
        return format!("{description}.");
    }
    let mut letters = description.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
