//! Hosts with correct responses that contain wrong documents.
use super::{Hostile, good};
use crate::hostile::host::Answer;
use serde_json::{Value, json};

fn answered(body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    Answer::Whole([head.as_bytes(), body].concat())
}

/// What is no JSON object by our rules, whatever is in it.
fn bytes(what: &'static str, reason: &'static str, body: impl Into<Vec<u8>>) -> Hostile {
    let body = body.into();
    Hostile::new(what, reason, move |_| answered(&body))
}

/// A good document with these members instead.
fn with(what: &'static str, reason: &'static str, members: Value) -> Hostile {
    Hostile::new(what, reason, move |url| {
        let mut document = good(url);
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        answered(document.to_string().as_bytes())
    })
}

/// A good document whose `client_id` is made of its URL.
fn named(what: &'static str, client_id: fn(&str) -> String) -> Hostile {
    Hostile::new(what, "client_id must be the very URL", move |url| {
        let mut document = good(url);
        document["client_id"] = client_id(url).into();
        answered(document.to_string().as_bytes())
    })
}

fn twice(what: &'static str, member: &'static str) -> Hostile {
    Hostile::new(what, "has a member twice", move |url| {
        let document = good(url).to_string();
        answered(document.replacen('{', member, 1).as_bytes())
    })
}

fn broken() -> Vec<Hostile> {
    vec![
        bytes("is empty", "is not JSON", ""),
        bytes("is a page", "is not JSON", "<!doctype html><title>Sign in</title>"),
        bytes("is an array", "is not a JSON object", "[{}]"),
        bytes("is a string", "is not a JSON object", "\"client\""),
        bytes("is nothing", "is not a JSON object", "null"),
        bytes("is compressed and does not say so", "is not JSON", b"\x1f\x8b\x08\x00\x00\x00".as_slice()),
        bytes("is UTF-16", "is not JSON", b"\xff\xfe{\x00}\x00".as_slice()),
        bytes("is no UTF-8", "is not JSON", b"{\"client_name\":\"\xff\"}".as_slice()),
        bytes("is two", "something after", "{}{}"),
        bytes("is nested very deep", "nested deeper", format!("{{\"a\":{}", "[".repeat(15_000))),
        bytes(
            "is nested deeper than anybody needs",
            "nested deeper",
            format!("{{\"a\":{}{}}}", "[".repeat(99), "]".repeat(99)),
        ),
        bytes("has NUL in it", "contains NUL", r#"{"client_name":"a\u0000b"}"#),
        twice("has its client_id twice", r#"{"client_id":"https://a.example/c","#),
        twice("has redirect_uris twice, once written otherwise", r#"{"redirect\u005furis":[],"#),
    ]
}

fn misleading() -> Vec<Hostile> {
    let key = json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"});
    vec![
        named("names its URL with another slash", |url| format!("{url}/")),
        named("names its URL in other letters", |url| url.replace("hostile", "HOSTILE")),
        named("names its URL with its port", |url| url.replace(".example/", ".example:443/")),
        named("names another app", |_| "https://claude.ai/oauth/claude-code-client-metadata".into()),
        with("names nobody", "client_id must be the very URL", json!({"client_id": null})),
        with("has a secret", "client_secret must not be", json!({"client_secret": "s3cr3t"})),
        with("has a secret that ends", "client_secret_expires_at must not", json!({"client_secret_expires_at": 0})),
        with("needs a secret", "shared secret", json!({"token_endpoint_auth_method": "client_secret_basic"})),
        with(
            "could use a secret",
            "shared secret",
            json!({"token_endpoint_auth_methods_supported": ["none", "client_secret_jwt"]}),
        ),
        with(
            "signs with keys it hasn't",
            "needs jwks or jwks_uri",
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
        ),
        with("gives its private key away", "private or symmetric", json!({"jwks": {"keys": [key]}})),
        with(
            "has keys without encryption",
            "jwks_uri must be an https URI",
            json!({"jwks_uri": "http://a.example/jwks"}),
        ),
        with("has keys inside", "names its host", json!({"jwks_uri": "https://10.0.0.1/jwks"})),
        with("has keys on this machine", "names its host", json!({"jwks_uri": "https://[::1]/jwks"})),
        with("has a script for a logo", "logo_uri must be", json!({"logo_uri": "javascript:alert(1)"})),
        with(
            "has data for a logo",
            "logo_uri must be",
            json!({"logo_uri": "data:image/svg+xml,<svg onload=alert(1)>"}),
        ),
        with("has a script for a home page", "client_uri must be", json!({"client_uri": "javascript:alert(1)"})),
        with("is sent codes by script", "the scheme javascript", json!({"redirect_uris": ["javascript:alert(1)"]})),
        with("is sent codes without encryption", "127.0.0.1", json!({"redirect_uris": ["http://a.example/cb"]})),
        with("is sent codes in a fragment", "fragment", json!({"redirect_uris": ["https://a.example/cb#"]})),
        with("is sent codes nowhere", "redirect_uris is missing", json!({"redirect_uris": []})),
        with(
            "is sent codes at too many places",
            "redirect_uris",
            json!({"redirect_uris": vec!["https://a.example/cb"; 500]}),
        ),
        with("is sent codes at a number", "redirect_uris must be", json!({"redirect_uris": 7})),
        with("has no name", "client_name is missing", json!({"client_name": null})),
        with("has a name that nobody sees", "client_name is missing", json!({"client_name": "\u{202e}\u{200b}"})),
    ]
}

pub fn all() -> Vec<Hostile> {
    [broken(), misleading()].into_iter().flatten().collect()
}
