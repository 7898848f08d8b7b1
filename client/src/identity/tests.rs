//! Registrations are found for their issuer only, and say what this client needs.
use super::*;
use crate::profiles::Extra;

fn known(issuer: &str) -> Profiles {
    let mut profiles = Profiles::default();
    let profile = Profile {
        issuer: Some(issuer.to_owned()),
        client_id: Some("c".to_owned()),
        dynamic_client_registration: Some(Registration::new()),
        redirect_uri: Some("http://127.0.0.1:4000/callback".to_owned()),
        ..Profile::new("https://mcp.example", "auth-code")
    };
    profiles.put(profile, Extra::default());
    profiles
}

#[test]
fn a_registration_is_found_for_its_issuer_only_and_for_any_loopback_port() {
    let profiles = known("https://as.example");
    let redirect = Some("http://127.0.0.1:5000/callback");
    let of = |issuer, robot, redirect| registration(&profiles, issuer, robot, redirect).is_some();
    assert!(of("https://as.example", false, redirect));
    assert!(!of("https://as.example/", false, redirect));
    assert!(!of("https://as.example", true, None));
    assert!(!of("https://as.example", false, Some("http://127.0.0.1:5000/other")));
    assert!(!of("https://as.example", false, Some("https://app.example/callback")));
}

#[test]
fn a_registration_says_that_this_is_a_native_client_that_wants_to_refresh() {
    let server = ServerMetadata {
        grant_types_supported: Some(vec![AUTHORIZATION_CODE.to_owned(), DEVICE_CODE.to_owned()]),
        token_endpoint_auth_methods_supported: Some(vec!["client_secret_post".to_owned(), "none".to_owned()]),
        ..ServerMetadata::default()
    };
    let choice = ClientChoice { scope: Some("a b".to_owned()), ..ClientChoice::default() };
    let (request, method) = registration_request(&server, &choice, Some("http://127.0.0.1:1/callback")).unwrap();
    assert_eq!(request["application_type"], "native");
    assert_eq!(request["grant_types"], json!(["refresh_token", AUTHORIZATION_CODE, DEVICE_CODE]));
    assert_eq!((&request["scope"], &*method), (&"a b".into(), "none"));
}

#[test]
fn a_robot_registers_with_what_it_authenticates_by() {
    let methods = ["none", "client_secret_post", "private_key_jwt"].map(str::to_owned).to_vec();
    let server = ServerMetadata { token_endpoint_auth_methods_supported: Some(methods), ..ServerMetadata::default() };
    let mut choice = ClientChoice { robot: true, ..ClientChoice::default() };
    let (request, method) = registration_request(&server, &choice, None).unwrap();
    assert_eq!((&request["grant_types"], &*method), (&json!([CLIENT_CREDENTIALS]), "client_secret_post"));
    assert_eq!(request["response_types"], json!([]));
    choice.private_key = Some(SigningKey::generate().unwrap().pem().to_owned());
    let (request, method) = registration_request(&server, &choice, None).unwrap();
    assert_eq!((&request["jwks"]["keys"][0]["kty"], &*method), (&"EC".into(), "private_key_jwt"));
    assert!(request["jwks"]["keys"][0].get("d").is_none());
}
