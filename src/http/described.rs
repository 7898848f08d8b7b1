//! Descriptions of endpoints and pages for `OpenAPI` and `/docs`.
use keyward_shared::api::{Field, Operation};
use serde_json::json;

/// Parameters of client authentication (RFC 6749 §2.3).
const CLIENT: [Field; 4] = [
    ("client_id", false, "Of public clients, and beside `client_secret`."),
    ("client_secret", false, "With `client_secret_post`."),
    ("client_assertion_type", false, "`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`"),
    ("client_assertion", false, "With `private_key_jwt`: a JWT that the client signed (RFC 7523)."),
];

/// Parameters of an authorization request: RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2, OpenID Connect Core §3.1.2.1.
pub const REQUEST_OF_AN_APP: [Field; 13] = [
    ("client_id", true, "Which app asks."),
    ("response_type", true, "`code`"),
    ("redirect_uri", false, "Where the code goes: one that was registered."),
    ("code_challenge", true, "The SHA-256 digest of the `code_verifier`, in base64url."),
    ("code_challenge_method", true, "`S256`"),
    ("scope", false, "What for."),
    ("resource", false, "At which MCP server; may be there several times."),
    ("state", false, "Comes back with the answer."),
    ("nonce", false, "Comes back in the ID token."),
    ("prompt", false, "`none`, `login`, `consent` or `select_account`."),
    ("max_age", false, "Seconds since the sign-in, at most."),
    ("login_hint", false, "Who is expected to sign in."),
    ("dpop_jkt", false, "Thumbprint of the key that the code is bound to (RFC 9449 §10)."),
];

/// A form that a client sends, with client authentication.
#[must_use]
pub fn form_of_clients(summary: &str, fields: &[Field]) -> Operation {
    let told = Operation::post(summary).tag("For clients").form(&[fields, &CLIENT[..]].concat());
    told.secured(&["client", ""]).answers(401, "Whoever asks is not known (RFC 6749 §5.2)")
}

/// A JSON response.
#[must_use]
pub fn gives(operation: Operation, status: u16, what: &str) -> Operation {
    operation.gives(status, what, "application/json", &json!({"type": "object"}))
}

/// A page for people.
#[must_use]
pub fn page(summary: &str) -> Operation {
    Operation::get(summary).tag("Pages").gives(200, "The page", "text/html", &json!({"type": "string"}))
}

/// A form of a page. Each form holds a token that is bound to the browser.
#[must_use]
pub fn form_of_a_page(summary: &str, fields: &[Field]) -> Operation {
    let token: [Field; 1] = [("form_token", true, "Of the page.")];
    let told = Operation::post(summary).tag("Pages").form(&[&token[..], fields].concat());
    told.answers(303, "It goes on").gives(200, "The page anew", "text/html", &json!({"type": "string"}))
}
