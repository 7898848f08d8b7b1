//! Metadata documents that the demo serves itself, to try clients with a URL as identifier offline.
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Their folder, below the demo's origin.
pub const FOLDER: &str = "/demo/clients/";

/// The private key of the second document. It is served beside it, so it proves nothing outside the demo.
pub(super) const KEY: &str = r#"{
    "kty": "EC", "crv": "P-256", "kid": "demo", "alg": "ES256", "use": "sig",
    "x": "t0Nsc3CKbAb7I2ii_DgV6GsaqRMjDDI1IR2mj4vO-ac", "y": "VQ6OACiOid-ekit7AmBwKEM641vBCcEMbFd42dEjung",
    "d": "gPKW9bpqOTXUuk28PUXOjz2-W2KXUbvLXH4CDCl53Qo"
}"#;

/// The documents by file name; `folder` is the URL of their folder.
pub fn all(folder: &str) -> anyhow::Result<BTreeMap<&'static str, Value>> {
    let private: Value = serde_json::from_str(KEY)?;
    let mut public = private.clone();
    if let Some(members) = public.as_object_mut() {
        members.remove("d");
    }
    let document = |name: &str, called: &str| {
        json!({
            "client_id": format!("{folder}{name}"),
            "client_name": called,
            "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        })
    };
    let mut with_key = document("private_key_jwt.json", "Demo app with a key");
    with_key["token_endpoint_auth_method"] = json!("private_key_jwt");
    with_key["jwks"] = json!({"keys": [public]});
    Ok([
        ("public.json", document("public.json", "Demo app")),
        ("private_key_jwt.json", with_key),
        ("private_key_jwt.jwk", private),
        // This document claims another client's identifier, so it is refused.
        ("broken.json", document("public.json", "Demo app that lies")),
    ]
    .into())
}
