//! Tests which registrations are accepted, and that each refusal names its rule.
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn register_text(body: &str) -> Result<ParsedRegistration, ProtocolError> {
    let rules = RegistrationRules {
        grant_types: &["authorization_code", "refresh_token"],
        private_key_jwt: true,
        known_schemes: &["cursor".to_owned()],
        max_redirect_uris: 20,
    };
    parse_registration(body.as_bytes(), &rules)
}

/// A registration with one valid redirect URI, overridden by these members.
pub(super) fn register(members: &Value) -> Result<ParsedRegistration, ProtocolError> {
    let mut body = json!({ "redirect_uris": ["https://client.example/cb"] });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    register_text(&body.to_string())
}

pub(super) fn metadata(members: &Value) -> ClientMetadata {
    register(members).unwrap().metadata
}

#[track_caller]
pub(super) fn refusal(members: &Value, code: &str) -> String {
    let error = register(members).expect_err(&members.to_string());
    assert_eq!(error.code, code, "{members}");
    // RFC 6749 §5.2
    assert!(error.description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
    error.description.into_owned()
}

#[test]
fn what_is_not_said_has_the_defaults_of_the_rfc() {
    let registered = register(&json!({})).unwrap();
    let metadata = registered.metadata;
    assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert!(registered.any_secret_method && registered.fingerprint.is_none());
    assert_eq!(metadata.grant_types, ["authorization_code"]);
    assert_eq!(metadata.response_types, ["code"]);
    assert_eq!(metadata.application_type, ApplicationType::Web);
    assert_eq!(metadata.redirect_uris, ["https://client.example/cb"]);
}

#[test]
fn everything_known_is_kept_and_the_unknown_ignored() {
    let said = json!({
        "redirect_uris": ["http://127.0.0.1:1/cb"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
        "client_name": "Ä client",
        "client_uri": "https://client.example/#about",
        "logo_uri": "http://localhost:3000/logo.png",
        "tos_uri": "https://client.example/tos",
        "policy_uri": "https://client.example/policy",
        "contacts": ["a@client.example"],
        "scope": "mcp:read offline_access",
        "software_id": "id",
        "software_version": "1.0",
        "id_token_signed_response_alg": "EdDSA",
    });
    let expected = said.clone();
    let mut body = said;
    body["whatever"] = json!([{ "a": 1 }]);
    body["client_name#fr"] = json!(5);
    assert_eq!(serde_json::to_value(metadata(&body)).unwrap(), expected);
}

#[test]
fn null_and_empty_are_absent() {
    let absent = json!({
        "grant_types": [], "response_types": null, "client_name": "", "client_uri": "", "jwks": null, "scope": "",
        "token_endpoint_auth_method": null, "software_statement": null, "application_type": null, "contacts": null,
    });
    assert_eq!(metadata(&absent), metadata(&json!({})));
}

#[test]
fn cursor_registers_all_three_of_its_redirect_uris_at_once() {
    let cursor = metadata(&json!({ "redirect_uris": [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
    ] }));
    assert_eq!(cursor.redirect_uris.len(), 3);
    assert_eq!(cursor.application_type, ApplicationType::Native);
}

#[test]
fn the_application_type_follows_the_redirect_uris() {
    for (stated, uri, effective) in [
        (json!(null), "http://localhost/cb", ApplicationType::Native),
        (json!(null), "com.example.app:/cb", ApplicationType::Native),
        (json!(null), "https://client.example/cb", ApplicationType::Web),
        (json!("web"), "http://localhost:5000/callback", ApplicationType::Native),
        (json!("web"), "https://client.example/cb", ApplicationType::Web),
        (json!("native"), "https://client.example/cb", ApplicationType::Native),
    ] {
        let metadata = metadata(&json!({ "application_type": stated, "redirect_uris": [uri] }));
        assert_eq!(metadata.application_type, effective, "{stated} {uri}");
    }
    assert!(refusal(&json!({ "application_type": "tv" }), "invalid_client_metadata").contains("web or native"));
}

#[test]
fn a_redirect_uri_of_an_unknown_scheme_is_left_out_where_the_client_has_others() {
    let uris = ["myapp:/cb", "https://client.example/cb", "urn:ietf:wg:oauth:2.0:oob", "http://127.0.0.1/cb"];
    let registered = register(&json!({ "redirect_uris": uris })).unwrap();
    assert_eq!(registered.metadata.redirect_uris, [uris[1], uris[3]]);
    let left_out: Vec<_> = registered.left_out.iter().map(|one| one.uri.as_str()).collect();
    assert_eq!(left_out, [uris[0], uris[2]]);
    assert!(registered.left_out.iter().all(|one| one.rule.contains("reversed domain name")));
    assert!(register(&json!({})).unwrap().left_out.is_empty());
    // No usable URI would remain.
    for uris in [json!(["myapp:/cb"]), json!(["a:/cb", "b:/cb"]), json!(["myapp:/cb", "javascript:alert(1)"])] {
        refusal(&json!({ "redirect_uris": uris }), "invalid_redirect_uri");
    }
}

#[test]
fn attack_82_redirect_uris_are_checked_one_by_one() {
    for uri in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://client.example/cb",
        "https://client.example/cb#f",
        "https://a@client.example/cb",
        "https://client.example/cb?code=1",
    ] {
        refusal(&json!({ "redirect_uris": ["https://client.example/cb", uri] }), "invalid_redirect_uri");
    }
    for missing in [json!([]), json!(null)] {
        assert!(refusal(&json!({ "redirect_uris": missing }), "invalid_redirect_uri").contains("missing"));
    }
    let many = |count: usize| (0..count).map(|n| format!("https://c.example/{n}")).collect::<Vec<_>>();
    assert!(register(&json!({ "redirect_uris": many(20) })).is_ok());
    refusal(&json!({ "redirect_uris": many(21) }), "invalid_redirect_uri");
    let twice = json!({ "redirect_uris": ["https://c.example/", "https://c.example/"] });
    assert_eq!(metadata(&twice).redirect_uris, ["https://c.example/"]);
}

#[test]
fn attack_83_keys_and_grants_that_do_not_belong_are_refused() {
    let bad = "invalid_client_metadata";
    let public = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" }] });
    assert!(register(&json!({ "jwks": public })).is_ok());
    assert!(refusal(&json!({ "jwks": public, "jwks_uri": "https://c.example/jwks" }), bad).contains("jwks_uri"));
    for member in crate::public_key::PRIVATE_MEMBERS {
        let keys = json!({ "keys": [{ "kty": "EC" }, { "kty": "RSA", member: "x" }] });
        assert!(refusal(&json!({ "jwks": keys }), bad).contains("private"), "{member}");
    }
    for jwks in [json!([]), json!({}), json!({ "keys": {} }), json!({ "keys": ["x"] }), json!("x")] {
        refusal(&json!({ "jwks": jwks }), bad);
    }
    refusal(&json!({ "jwks_uri": "http://c.example/jwks" }), bad);
    for alone in ["implicit", "password", "client_credentials", "refresh_token", "x"] {
        assert!(refusal(&json!({ "grant_types": [alone] }), bad).contains("authorization_code"), "{alone}");
    }
    refusal(&json!({ "response_types": ["token"] }), bad);
}

#[test]
fn attack_83_unsupported_grants_beside_supported_ones_are_dropped_and_the_answer_says_so() {
    let claude = metadata(&json!({
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", "implicit", "refresh_token"],
        "response_types": ["code", "token", "code"],
    }));
    assert_eq!(claude.grant_types, ["authorization_code", "refresh_token"]);
    assert_eq!(claude.response_types, ["code"]);
}

#[test]
fn a_grant_type_without_redirects_needs_no_redirect_uri() {
    let rules =
        RegistrationRules { grant_types: &["device"], private_key_jwt: true, known_schemes: &[], max_redirect_uris: 1 };
    let registered = parse_registration(br#"{"grant_types":["device"]}"#, &rules).unwrap();
    assert!(registered.metadata.redirect_uris.is_empty() && registered.metadata.response_types.is_empty());
}

#[test]
fn attack_84_a_client_name_is_one_plain_line_of_a_hundred_characters() {
    let name = |name: &str| metadata(&json!({ "client_name": name })).client_name;
    assert_eq!(name("  Two\r\n\twords\u{2028}x ").as_deref(), Some("Two words x"));
    assert_eq!(name("a \u{200b} b").as_deref(), Some("a b"));
    assert_eq!(name("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{7}f\u{200f}").as_deref(), Some("abcdef"));
    assert_eq!(name("<b>A & B</b>").as_deref(), Some("<b>A & B</b>"));
    assert_eq!(name(&"ä".repeat(10_000)).unwrap(), "ä".repeat(100));
    assert_eq!(name(" \u{202e}\n "), None);
}

#[test]
fn a_member_of_the_wrong_type_is_refused_by_its_name() {
    for (member, value) in [
        ("redirect_uris", json!("https://c.example/")),
        ("redirect_uris", json!([1])),
        ("grant_types", json!("authorization_code")),
        ("response_types", json!({})),
        ("token_endpoint_auth_method", json!(["none"])),
        ("application_type", json!(1)),
        ("client_name", json!({})),
        ("client_uri", json!(1)),
        ("logo_uri", json!([])),
        ("contacts", json!("a@b")),
        ("scope", json!(["a"])),
        ("software_id", json!(1)),
        ("software_version", json!(1.0)),
        ("jwks_uri", json!(true)),
        ("id_token_signed_response_alg", json!(1)),
    ] {
        assert!(refusal(&json!({ member: value }), "invalid_client_metadata").starts_with(member), "{member}");
    }
}

#[test]
fn values_that_are_not_supported_are_refused_by_name() {
    for (member, value) in [
        ("token_endpoint_auth_method", "client_secret_jwt"),
        ("token_endpoint_auth_method", "tls_client_auth"),
        ("id_token_signed_response_alg", "none"),
        ("id_token_signed_response_alg", "HS256"),
        ("client_uri", "javascript:alert(1)"),
        ("logo_uri", "http://client.example/logo"),
        ("logo_uri", "data:image/png;base64,AA"),
        ("tos_uri", "/tos"),
        ("policy_uri", "https://a@b.example/"),
        ("scope", "a  b"),
        ("scope", "a\"b"),
        ("software_id", "a\nb"),
        ("software_version", &"1".repeat(201)),
    ] {
        let description = refusal(&json!({ member: value }), "invalid_client_metadata");
        assert!(description.starts_with(member) && !description.contains(value), "{description}");
    }
    refusal(&json!({ "contacts": ["x".repeat(201)] }), "invalid_client_metadata");
    refusal(&json!({ "software_statement": "e.y.J" }), "unapproved_software_statement");
    assert_eq!(metadata(&json!({ "contacts": vec!["a@b"; 50] })).contacts.len(), 10);
}

#[test]
fn a_body_that_is_no_clean_object_is_refused() {
    for body in ["", "[]", "null", "{", "{\"a\":1,\"a\":2}", "redirect_uris=x"] {
        let error = register_text(body).unwrap_err();
        assert_eq!(error.code, "invalid_client_metadata", "{body}");
        assert!(error.description.starts_with("the body "));
    }
}

#[test]
fn equal_registrations_of_public_clients_are_recognised() {
    let print = |name: &str, method: &str| {
        register(&json!({ "client_name": name, "token_endpoint_auth_method": method })).unwrap().fingerprint
    };
    assert!(print("a", "none").is_some());
    assert_eq!(print("a", "none"), print(" a", "none"));
    assert_ne!(print("a", "none"), print("b", "none"));
    assert_eq!(print("a", "client_secret_post"), None);
}

/// The fingerprint must stay the same, or earlier registrations would not be recognised.
#[test]
fn a_registration_is_recognised_by_the_same_text_as_ever() {
    let uri = "https://client.example/cb";
    let members = json!({"token_endpoint_auth_method": "none", "client_name": "App", "redirect_uris": [uri]});
    let mut metadata = metadata(&members);
    let before = r#"{"redirect_uris":["https://client.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"response_types":["code"],"application_type":"web","client_name":"App","any_secret_method":false"#;
    let text = format!("{before}}}");
    assert_eq!(fingerprint(&metadata, None), Some(Digest::of(text)));
    metadata.software_statement = Some("x.y.z".into());
    let text = format!(r#"{before},"software_statement":"x.y.z","vouched_by":"https://vendor.example"}}"#);
    assert_eq!(fingerprint(&metadata, Some("https://vendor.example")), Some(Digest::of(text)));
}

proptest! {
    #[test]
    fn any_body_is_registered_or_refused(body: Vec<u8>, name: String, scope: String, uri in "\\PC*") {
        let _ = register_text(&String::from_utf8_lossy(&body));
        let said = json!({ "client_name": name, "scope": scope, "client_uri": uri, "redirect_uris": [uri] });
        let _ = (register(&said), register(&json!({ "client_name": name })), register(&json!({ "scope": scope })));
    }

    #[test]
    fn effective_metadata_registers_as_itself(name in "\\PC{0,120}", contact in "\\PC{0,20}") {
        let once = metadata(&json!({ "client_name": name, "contacts": [contact] }));
        let again = metadata(&serde_json::to_value(&once).unwrap());
        prop_assert_eq!(again, once);
    }
}
