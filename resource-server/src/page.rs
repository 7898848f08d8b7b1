//! Pages for people: without scripts, and with one style sheet that the content security policy allows by its hash.
use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use base64ct::{Base64, Encoding};

const STYLE: &str = "\
    :root{color-scheme:light dark;background:Canvas;color:CanvasText}\
    body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem 1rem 4rem}\
    h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.2rem;margin:0 0 .5rem}\
    section{border-top:1px solid #8888;margin-top:1.5rem;padding-top:1.25rem}\
    dl{display:grid;grid-template-columns:11rem minmax(0,1fr);gap:.25rem 1rem;margin:0}\
    dl>div{display:contents}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}\
    details{margin:.25rem 0}details>dl,details>p{margin:.5rem 0 .75rem 1rem}dd dl{grid-template-columns:9rem minmax(0,1fr)}\
    code,pre{font:.875rem/1.5 ui-monospace,monospace}\
    pre{overflow-x:auto;margin:.75rem 0 0;padding:.75rem;border-radius:.375rem;background:#8882}\
    nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:0;padding:0}\
    a{color:#0b57d0;display:inline-block;padding:.125rem 0}:focus-visible{outline:2px solid;outline-offset:2px}\
    @media(prefers-color-scheme:dark){a{color:#a8c7fa}}\
    @media(max-width:40rem){dl{grid-template-columns:minmax(0,1fr);gap:0}dt{margin-top:.5rem}}";

/// The whole page around an escaped `main`.
pub(crate) fn of(title: &str, main: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style>\
         <main><h1>{title}</h1>{main}</main></html>"
    )
}

/// Allows exactly our style sheet (CSP Level 3 §8.4).
pub(crate) fn response(html: String) -> Response {
    let hash = Base64::encode_string(&keyward_guard::digest::of(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
