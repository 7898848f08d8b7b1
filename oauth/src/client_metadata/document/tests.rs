//! Tests of client ID metadata documents.
use super::*;
use crate::client_metadata::ApplicationType;
use proptest::prelude::*;
use serde_json::json;

const URL: &str = "https://claude.ai/oauth/claude-code-client-metadata";

fn parse_document(url: &str, body: &[u8], rules: &RegistrationRules) -> Result<ClientMetadata, ProtocolError> {
    Document::parse(url, body)?.metadata(rules)
}

fn parse(body: &Value) -> Result<ClientMetadata, ProtocolError> {
    let rules = RegistrationRules {
        grant_types: &["authorization_code", "refresh_token"],
        private_key_jwt: true,
        known_schemes: &[],
        max_redirect_uris: 20,
    };
    parse_document(URL, body.to_string().as_bytes(), &rules)
}

/// A valid document, overridden by these members.
fn with_members(members: &Value) -> Value {
    let mut body = json!({"client_id": URL, "client_name": "Claude Code", "redirect_uris": ["http://localhost/cb"]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn with(members: &Value) -> Result<ClientMetadata, ProtocolError> {
    parse(&with_members(members))
}

#[track_caller]
fn refusal(members: &Value) -> String {
    let error = with(members).expect_err(&members.to_string());
    // RFC 6749 §5.2
    assert!(error.description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
    error.description.into_owned()
}

#[test]
fn the_documents_of_real_clients_are_understood() {
    let claude_code = parse(&json!({
        "client_id": URL,
        "client_name": "Claude Code",
        "client_uri": "https://claude.ai",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }))
    .unwrap();
    assert_eq!(claude_code.token_endpoint_auth_method, AuthMethod::None);
    assert_eq!(claude_code.application_type, ApplicationType::Native);
    assert_eq!(claude_code.redirect_uris, ["http://localhost/callback", "http://127.0.0.1/callback"]);
    let claude = with(&json!({
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
    }));
    assert_eq!(claude.unwrap().grant_types, ["authorization_code", "refresh_token"]);
}

#[test]
fn a_star_for_the_port_means_any_on_loopback_and_nothing_elsewhere() {
    let starred = json!({"redirect_uris": ["http://localhost:*/callback", "http://127.0.0.1:*", "http://[::1]:*/a"]});
    let expected = ["http://localhost/callback", "http://127.0.0.1", "http://[::1]/a"];
    assert_eq!(with(&starred).unwrap().redirect_uris, expected);
    for uri in [
        "https://app.example:*/cb",
        "http://localhost:*.evil.example/cb",
        "http://localhost:*@evil.example/cb",
        "http://localhost:*1/cb",
        "http://localhost:*?x",
        "http://evil.example:*/cb",
        "http://*/cb",
        "*",
    ] {
        assert!(with(&json!({"redirect_uris": [uri]})).is_err(), "{uri}");
    }
}

#[test]
fn a_client_that_can_do_without_authentication_does() {
    for members in [
        json!({}),
        json!({"token_endpoint_auth_method": null}),
        json!({"token_endpoint_auth_method": "none"}),
        json!({"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]}),
        json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
            "token_endpoint_auth_signing_alg": "RS256",
            "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
        }),
    ] {
        assert_eq!(with(&members).unwrap().token_endpoint_auth_method, AuthMethod::None, "{members}");
    }
}

#[test]
fn the_list_of_methods_counts_and_the_single_one_beside_it_overrides_nothing() {
    let keys = json!("https://chatgpt.com/oauth/jwks.json");
    let both = |single: &str, list: &[&str]| json!({"token_endpoint_auth_method": single, "token_endpoint_auth_methods_supported": list, "jwks_uri": keys});
    for (members, method, keys_are_known) in [
        (both("none", &["private_key_jwt"]), AuthMethod::PrivateKeyJwt, true),
        (both("private_key_jwt", &["none"]), AuthMethod::None, false),
        (both("none", &["none", "private_key_jwt"]), AuthMethod::None, true),
        (both("tls_client_auth", &["tls_client_auth", "private_key_jwt"]), AuthMethod::PrivateKeyJwt, true),
        (both("private_key_jwt", &[]), AuthMethod::PrivateKeyJwt, true),
    ] {
        let metadata = with(&members).unwrap();
        let seen = (metadata.token_endpoint_auth_method, metadata.jwks_uri.is_some());
        assert_eq!(seen, (method, keys_are_known), "{members}");
    }
    assert!(refusal(&both("none", &["tls_client_auth"])).starts_with("token_endpoint_auth_method is not supported"));
}

#[test]
fn only_what_this_server_supports_is_in_the_intersection() {
    let rules = RegistrationRules {
        grant_types: &["authorization_code"],
        private_key_jwt: false,
        known_schemes: &[],
        max_redirect_uris: 20,
    };
    let document = |methods: &[&str]| {
        let body = json!({"client_id": URL, "client_name": "App", "redirect_uris": ["http://localhost/cb"],
            "token_endpoint_auth_methods_supported": methods, "jwks_uri": "https://app.example/jwks"});
        parse_document(URL, body.to_string().as_bytes(), &rules)
    };
    let public = document(&["private_key_jwt", "none"]).unwrap();
    assert_eq!((public.token_endpoint_auth_method, public.jwks_uri), (AuthMethod::None, None));
    let refused = document(&["private_key_jwt"]).unwrap_err();
    assert_eq!(refused.description, "token_endpoint_auth_method is not supported: offer none");
}

#[test]
fn a_document_names_a_method_by_either_member() {
    let names = |members: Value| {
        let body = with_members(&members).to_string();
        Document::parse(URL, body.as_bytes()).unwrap().names_method()
    };
    for silent in [json!({}), json!({"token_endpoint_auth_method": null}), json!({(CHOICES): []})] {
        assert!(!names(silent.clone()), "{silent}");
    }
    assert!(names(json!({"token_endpoint_auth_method": "none"})) && names(json!({(CHOICES): ["none"]})));
}

#[test]
fn a_client_that_insists_on_another_method_is_refused_by_name() {
    for members in [
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_methods_supported": ["tls_client_auth"]}),
    ] {
        assert!(refusal(&members).starts_with("token_endpoint_auth_method is not supported"), "{members}");
    }
    for members in [
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
    ] {
        assert!(refusal(&members).contains("needs jwks or jwks_uri"), "{members}");
        let mut members = members;
        members["jwks_uri"] = json!("https://chatgpt.com/oauth/jwks.json");
        let metadata = with(&members).unwrap();
        assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt, "{members}");
        assert_eq!(metadata.jwks_uri.as_deref(), Some("https://chatgpt.com/oauth/jwks.json"));
    }
    assert!(refusal(&json!({"token_endpoint_auth_method": ["none"]})).contains("must be a string"));
    assert!(refusal(&json!({"token_endpoint_auth_methods_supported": "none"})).contains("array"));
}

#[test]
fn attack_87_a_document_that_speaks_for_another_or_shares_a_secret_is_refused() {
    for other in [json!(null), json!("https://claude.ai/oauth/other"), json!(format!("{URL}/")), json!([URL])] {
        assert!(refusal(&json!({"client_id": other})).starts_with("client_id"), "{other}");
    }
    assert!(refusal(&json!({"client_secret": "s"})).starts_with("client_secret"));
    assert!(refusal(&json!({"client_secret_expires_at": 0})).starts_with("client_secret_expires_at"));
    for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt"] {
        assert!(refusal(&json!({"token_endpoint_auth_method": method})).contains("shared secret"));
        let choices = json!({"token_endpoint_auth_methods_supported": ["none", method]});
        assert!(refusal(&choices).contains("shared secret"));
    }
    let rules = RegistrationRules { grant_types: &[], private_key_jwt: true, known_schemes: &[], max_redirect_uris: 1 };
    let twice = format!(r#"{{"client_id":"{URL}","client_id":"{URL}"}}"#);
    for body in ["", "[]", "<html>", "\u{1f}\u{8b}", &twice, &"[".repeat(9_999)] {
        assert!(parse_document(URL, body.as_bytes(), &rules).unwrap_err().description.starts_with("the document"));
    }
}

#[test]
fn a_name_and_redirect_uris_are_needed_and_judged_like_registered_ones() {
    assert!(refusal(&json!({"client_name": null})).starts_with("client_name is missing"));
    assert!(refusal(&json!({"client_name": " \u{202e}"})).starts_with("client_name is missing"));
    assert!(refusal(&json!({"redirect_uris": []})).starts_with("redirect_uris is missing"));
    assert!(refusal(&json!({"redirect_uris": ["http://app.example/cb"]})).contains("127.0.0.1"));
    assert!(refusal(&json!({"jwks": {"keys": [{"kty": "EC", "d": "x"}]}})).contains("private"));
}

proptest! {
    #[test]
    fn any_document_is_understood_or_refused(body: Vec<u8>, name: String, method in "\\PC*", uri in "\\PC*") {
        let rules =
            RegistrationRules { grant_types: &[], private_key_jwt: true, known_schemes: &[], max_redirect_uris: 1 };
        let _ = parse_document(URL, &body, &rules);
        let _ = with(&json!({
            "client_name": name, "redirect_uris": [uri], "token_endpoint_auth_methods_supported": [method],
        }));
    }
}
