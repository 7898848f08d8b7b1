//! What people see of devices that wait for them (RFC 8628).
use super::{ClientCard, ScopeLine, ServerCard};
use askama::Template;

/// `GET /device`; posts `form_token` and `user_code` to `/device`.
#[derive(Template)]
#[template(path = "device_code.html")]
pub struct EnterCode<'a> {
    pub form_token: &'a str,
    pub username: &'a str,
    /// Of the link, or as typed before; empty at first.
    pub user_code: &'a str,
    pub error: Option<&'a str>,
}

/// The question of RFC 8628 §3.3; posts `form_token`, `user_code` and `decision` (`allow` or `deny`) to
/// `/device/decision`.
#[derive(Template)]
#[template(path = "device_consent.html")]
pub struct DeviceConsent<'a> {
    pub form_token: &'a str,
    /// As the device shows it.
    pub user_code: &'a str,
    pub username: &'a str,
    pub client: ClientCard<'a>,
    pub server: ServerCard<'a>,
    /// Identifiers of further servers it asks for.
    pub also: Vec<&'a str>,
    /// Where the device asked from.
    pub device_address: &'a str,
    /// The person's browser comes from there too.
    pub same_address: bool,
    /// Date and time, and how many minutes ago that was.
    pub asked_at: &'a str,
    pub minutes_ago: i64,
    pub scopes: Vec<ScopeLine<'a>>,
    /// A sentence: until when the consent lasts.
    pub lifetime: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str) -> Vec<String> {
        let consent = |verified, document_host, same_address| DeviceConsent {
            form_token: text,
            user_code: text,
            username: text,
            client: ClientCard {
                name: text,
                id: text,
                proven_host: None,
                document_host,
                verified,
                vouched_by: None,
                homepage: Some(text),
                logo: Some(text),
            },
            server: ServerCard { name: text, url: text },
            also: vec![text],
            device_address: text,
            same_address,
            asked_at: text,
            minutes_ago: 1,
            scopes: vec![ScopeLine { name: text, words: text, is_new: true }],
            lifetime: text,
        };
        let enter = |error| EnterCode { form_token: text, username: text, user_code: text, error };
        let pages = [
            enter(None).render(),
            enter(Some(text)).render(),
            consent(true, None, true).render(),
            consent(false, Some(text), false).render(),
            consent(false, None, false).render(),
        ];
        pages.into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn each_has_one_title_and_heading_and_needs_nothing_the_policy_forbids() {
        for page in pages("calm") {
            for once in ["<title>", "<h1>", "<main "] {
                assert_eq!(page.matches(once).count(), 1, "{once} in {page}");
            }
            for forbidden in ["<script", "<style", " style=", "javascript:"] {
                assert!(!page.contains(forbidden), "{forbidden} in {page}");
            }
        }
    }

    #[test]
    fn none_lets_text_become_markup() {
        for page in pages("<script>alert(1)</script>") {
            assert!(!page.contains("<script") && page.contains("&#60;script&#62;alert(1)"), "{page}");
        }
        for page in pages("\" onfocus=\"alert(1)") {
            assert!(!page.contains("onfocus=\""), "{page}");
        }
    }

    #[test]
    fn a_stranger_is_called_unverified_and_no_is_as_prominent_as_yes() {
        let pages = pages("calm");
        let unverified = |page: &String| page.contains(r#"<span class="badge caution">unverified</span>"#);
        assert_eq!(pages.iter().map(unverified).collect::<Vec<_>>(), [false, false, false, false, true]);
        for page in &pages[2..] {
            assert!(page.contains(r#"<button class="button no" name="decision" value="deny">"#));
            assert!(page.contains(r#"<button class="button" name="decision" value="allow">"#));
        }
    }
}
