//! An error page for a person, with a reference that the log has too.
use crate::{
    error::OAuthError,
    http::{
        respond::{ErrorText, Page, page_error},
        views::errors::Comparison,
        words::ErrorWords,
    },
    oauth::compared::RedirectUriComparison,
};
use axum::response::{IntoResponse, Response};

pub struct Problem {
    error: OAuthError,
    words: Box<ErrorWords>,
}

impl<E: Into<OAuthError>> From<E> for Problem {
    fn from(error: E) -> Self {
        let error = error.into();
        let words = ErrorWords::of(&ErrorText::from(&error), None);
        Self { error, words: Box::new(words) }
    }
}

impl Problem {
    #[must_use]
    pub fn titled(mut self, title: &'static str) -> Self {
        self.words.title = title;
        self
    }

    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        message.clone_into(&mut self.words.message);
        self
    }

    #[must_use]
    pub fn advising(mut self, advice: &str) -> Self {
        self.words.advice = Some(advice.to_owned());
        self
    }

    /// Shows the sent value beside the registered one, if the reader may see it.
    #[must_use]
    pub fn comparing(mut self, compared: RedirectUriComparison, may_see: bool) -> Self {
        self.words.comparison = Some(Comparison { compared, may_see });
        self
    }

    /// Adds a link to continue with.
    #[must_use]
    pub fn leading(mut self, href: impl Into<String>, words: &'static str) -> Self {
        self.words.link = Some((href.into(), words));
        self
    }

    /// Says that the app sent the browser here, and can do so again.
    #[must_use]
    pub fn of_an_app(mut self) -> Self {
        if self.words.is_final {
            self.words.link = None;
            self.words.advice.get_or_insert_with(|| "Start again in the app that sent you here.".to_owned());
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { error, words } = self;
        let cause = error.cause.as_ref().map(|cause| format!("{cause:#}"));
        tracing::warn!(error = error.code.as_str(), description = %error.description, cause, "error page shown");
        page_error(&error, Page(words.page(error.code)))
    }
}
