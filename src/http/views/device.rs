//! The page where a user enters a device's code (RFC 8628).
use askama::Template;

/// `GET /device`; posts `form_token` and `user_code` to `/device`.
#[derive(Template)]
#[template(path = "device_code.html")]
pub struct EnterCodePage<'a> {
    pub form_token: &'a str,
    pub username: &'a str,
    /// The code from the link, or the one typed before; empty at first.
    pub user_code: &'a str,
    pub error: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str) -> Vec<String> {
        let enter = |error| EnterCodePage { form_token: text, username: text, user_code: text, error };
        let pages = [enter(None).render(), enter(Some(text)).render()];
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
}
