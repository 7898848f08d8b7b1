//! A redirect URI that is not registered, beside those that are, to help its author (OAuth 2.1 §2.3.1).
use super::visible::cut;
use serde::Serialize;

/// Characters of one URI that are shown.
const MAX_SHOWN_CHARACTERS: usize = 200;
/// Registered URIs that are shown.
const MAX_REGISTERED_URIS: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedirectUriComparison {
    /// `None` if the request had none.
    pub sent: Option<String>,
    pub registered: Vec<String>,
    /// The number of registered URIs that are not shown.
    pub more_registered: usize,
}

impl RedirectUriComparison {
    /// Shows visible characters only, cut to a maximum. `mask` hides secrets in the sent URI before it is cut.
    #[must_use]
    pub fn new(sent: Option<&str>, registered: &[String], mask: impl Fn(&str) -> String) -> Self {
        Self {
            sent: sent.map(|sent| cut(&mask(sent), MAX_SHOWN_CHARACTERS)),
            registered: registered.iter().take(MAX_REGISTERED_URIS).map(|uri| cut(uri, MAX_SHOWN_CHARACTERS)).collect(),
            more_registered: registered.len().saturating_sub(MAX_REGISTERED_URIS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_shown_as_helps_and_a_secret_is_hidden_before_it_is_cut() {
        let registered: Vec<_> = (0..7).map(|n| format!("https://client.example/{n}{}", "x".repeat(300))).collect();
        let mask = |text: &str| text.replace("hush", "(masked)");
        let compared = RedirectUriComparison::new(Some("https://a.example/\u{202e}?t=hush"), &registered, mask);
        assert_eq!(compared.sent.as_deref(), Some("https://a.example/\\u{202e}?t=(masked)"));
        assert_eq!((compared.registered.len(), compared.more_registered), (5, 2));
        assert!(compared.registered.iter().all(|uri| uri.chars().count() == 201 && uri.ends_with('…')));
        assert_eq!(RedirectUriComparison::new(None, &registered[..1], mask).more_registered, 0);
    }
}
