//! The page that ends a sign-in in the browser.
use crate::{encode, error::Failure};

const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.125rem/1.5 system-ui,sans-serif;\
background:#f6f7f9;color:#14171c}\
main{box-sizing:border-box;width:min(30rem,calc(100% - 2rem));padding:2rem;border:1px solid #d4d9e1;border-radius:12px;\
background:#fff;overflow-wrap:anywhere}\
h1{margin:0 0 .5rem;font-size:1.375rem;line-height:1.3}p{margin:0}\
@media(prefers-color-scheme:dark){body{background:#101318;color:#e8ebf0}main{background:#181c23;border-color:#333a45}}";

/// The page's content security policy: its own style, and nothing else.
pub fn policy() -> String {
    let style = encode::base64(encode::sha256(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The last page of a sign-in to the server of that name. The terminal says more about a failure.
pub fn end(name: &str, fault: Option<&Failure>) -> String {
    match fault.map(|fault| &*fault.code) {
        None => of(&format!("Signed in to {}.", short(name)), "Close this page."),
        Some("access_denied") => of("You said no.", "Nothing was allowed. Close this page."),
        Some(_) => of("Not signed in.", "It did not work, and nothing was kept. Go back to the terminal: it says why."),
    }
}

pub fn of(title: &str, text: &str) -> String {
    let (title, text) = (escaped(title), escaped(text));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} mcp-auth</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
    )
}

/// The server's own name, cut to a line or two.
fn short(name: &str) -> String {
    const AT_MOST: usize = 80;
    let plain: String = name.chars().filter(|character| !character.is_control()).take(AT_MOST).collect();
    if name.chars().count() > AT_MOST { format!("{plain}…") } else { plain }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_it_ended_and_a_name_is_text() {
        let good = end("<b>\"Demo\"</b> & more", None);
        assert!(
            good.contains(
                "<h1>Signed in to &lt;b&gt;&quot;Demo&quot;&lt;/b&gt; &amp; more.</h1><p>Close this page.</p>"
            )
        );
        let no = end("Demo", Some(&Failure::new("access_denied", "")));
        assert!(no.contains("<h1>You said no.</h1><p>Nothing was allowed. Close this page.</p>"));
        let failed = end("Demo", Some(&Failure::new("invalid_grant", "s3cret")));
        assert!(failed.contains("Not signed in.") && !failed.contains("s3cret"));
        assert!(end(&"n".repeat(500), None).contains(&format!("{}….", "n".repeat(80))));
    }
}
