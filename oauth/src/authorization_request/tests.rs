//! Tests of the authorization request.
use super::*;
use crate::{
    client_metadata::{RegistrationRules, parse_registration},
    params::form_urlencode,
};
use proptest::prelude::*;
use serde_json::json;

const CB: &str = "https://client.example/cb";
const ISSUER: &str = "https://as.example/tenant";
const GOOD: &str = "client_id=c&response_type=code&code_challenge_method=S256\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(redirect_uris: &[&str]) -> ClientMetadata {
    let rules = RegistrationRules {
        grant_types: &["authorization_code"],
        private_key_jwt: true,
        known_schemes: &[],
        max_redirect_uris: 20,
    };
    let body = json!({ "redirect_uris": redirect_uris }).to_string();
    parse_registration(body.as_bytes(), &rules).unwrap().metadata
}

fn params(query: &str) -> Params {
    Params::parse(query.as_bytes()).unwrap()
}

fn resolve(query: &str, redirect_uris: &[&str]) -> Result<Callback, ProtocolError> {
    Callback::resolve(&params(query), &client(redirect_uris)).map_err(ProtocolError::from)
}

fn parse(more: &str) -> Result<AuthorizationRequest, ProtocolError> {
    AuthorizationRequest::parse(&params(&format!("{GOOD}&{more}")), &client(&[CB]))
}

fn code(query: &str) -> &'static str {
    AuthorizationRequest::parse(&params(query), &client(&[CB])).unwrap_err().code.as_str()
}

#[test]
fn attack_7_parameters_that_decide_where_the_answer_goes_must_not_repeat() {
    for name in ["client_id", "redirect_uri", "state", "request", "request_uri"] {
        for (one, two) in [(CB, "https://evil.example"), ("https://evil.example", CB), ("", "x")] {
            let error = resolve(&format!("{name}={one}&{name}={two}"), &[CB]).unwrap_err();
            assert_eq!(error.description, format!("{name} occurs more than once"));
        }
    }
    assert_eq!(parse("scope=a&scope=b").unwrap_err().code, "invalid_request");
    assert_eq!(parse("unknown=a&unknown=").unwrap_err().code, "invalid_request");
    let twice = parse("resource=https://a.example&resource=https://b.example/x").unwrap();
    assert_eq!(twice.resources, ["https://a.example", "https://b.example/x"]);
}

#[test]
fn attack_8_without_redirect_uri_the_only_registered_one_is_used() {
    assert_eq!(resolve("", &[CB]).unwrap().redirect_uri, CB);
    assert_eq!(resolve("redirect_uri=", &[CB]).unwrap().redirect_uri, CB);
    assert_eq!(resolve("", &[CB, "https://client.example/2"]).unwrap_err().code, "invalid_request");
}

#[test]
fn the_redirect_uri_must_be_registered_and_keeps_the_port_it_came_with() {
    let loopback = resolve("redirect_uri=http://127.0.0.1:51004/cb", &[CB, "http://127.0.0.1/cb"]).unwrap();
    assert_eq!(loopback.redirect_uri, "http://127.0.0.1:51004/cb");
    let error = resolve("redirect_uri=https://evil.example/cb", &[CB]).unwrap_err();
    assert!(error.code == "invalid_request" && !error.description.contains("evil"));
}

#[test]
fn attack_10_state_comes_back_exact_and_escaped_or_is_refused_for_its_length() {
    let state = "<script>\"'\r\nSet-Cookie: a=b&iss=evil#ä";
    let callback = resolve(&format!("state={}", form_urlencode(state)), &[CB]).unwrap();
    let location = callback.location(ISSUER, &[("code", "x")]);
    assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'#".contains(&byte)));
    let answer = params(location.split_once('?').unwrap().1);
    assert_eq!(answer.get("state").unwrap(), Some(state));
    assert_eq!(answer.get("iss").unwrap(), Some(ISSUER));
    assert!(resolve(&format!("state={}", "s".repeat(4096)), &[CB]).is_ok());
    assert_eq!(resolve(&format!("state={}", "s".repeat(4097)), &[CB]).unwrap_err().code, "invalid_request");
}

#[test]
fn an_answer_carries_code_state_and_iss_once_and_in_this_order() {
    let callback = Callback { redirect_uri: format!("{CB}?a=b"), state: Some("s".to_owned()) };
    let expected = format!("{CB}?a=b&code=x&state=s&iss=https%3A%2F%2Fas.example%2Ftenant");
    assert_eq!(callback.location(ISSUER, &[("code", "x")]), expected);
    let stateless = Callback { redirect_uri: CB.to_owned(), state: None };
    let expected = format!("{CB}?error=access_denied&iss=https%3A%2F%2Fas.example");
    assert_eq!(stateless.location("https://as.example", &[("error", "access_denied")]), expected);
}

#[test]
fn attack_11_only_the_response_type_code_is_served() {
    assert_eq!(code(&GOOD.replace("response_type=code&", "")), "invalid_request");
    for other in ["token", "id_token+token", "code+token", "none", "CODE"] {
        let query = GOOD.replace("response_type=code", &format!("response_type={other}"));
        assert_eq!(code(&query), "unsupported_response_type", "{other}");
    }
}

#[test]
fn a_client_without_the_grant_type_is_unauthorized() {
    let client = ClientMetadata { grant_types: vec!["refresh_token".to_owned()], ..client(&[CB]) };
    assert_eq!(AuthorizationRequest::parse(&params(GOOD), &client).unwrap_err().code, "unauthorized_client");
}

#[test]
fn each_malformed_parameter_has_its_error() {
    for (more, code) in [
        ("request=x", "request_not_supported"),
        ("request_uri=urn:x", "request_uri_not_supported"),
        ("response_mode=fragment", "invalid_request"),
        ("response_mode=form_post", "invalid_request"),
        ("scope=a++b", "invalid_scope"),
        ("scope=+a", "invalid_scope"),
        ("scope=%22", "invalid_scope"),
        ("scope=%C3%A4", "invalid_scope"),
        ("resource=mcp", "invalid_target"),
        ("resource=/mcp", "invalid_target"),
        ("resource=https://a.example%23", "invalid_target"),
        ("resource=https://a.example&resource=https://a.example%23x", "invalid_target"),
        ("prompt=none+login", "invalid_request"),
        ("prompt=other+none", "invalid_request"),
        ("max_age=-1", "invalid_request"),
        ("max_age=%2B1", "invalid_request"),
        ("max_age=1.5", "invalid_request"),
        ("max_age=99999999999999999999", "invalid_request"),
    ] {
        assert_eq!(parse(more).unwrap_err().code, code, "{more}");
    }
    assert_eq!(parse(&format!("nonce={}", "n".repeat(1025))).unwrap_err().code, "invalid_request");
}

#[test]
fn the_order_of_judgement_is_visible() {
    let all_wrong = "x=1&x=2&request=r&response_type=token&response_mode=m&scope=++&resource=r";
    assert_eq!(code(all_wrong), "invalid_request");
    assert_eq!(code(&all_wrong.replace("&x=2", "")), "request_not_supported");
    assert_eq!(code(&all_wrong.replace("&x=2&request=r", "")), "unsupported_response_type");
    assert_eq!(parse("scope=++&resource=r&max_age=x").unwrap_err().code, "invalid_scope");
    assert_eq!(parse("resource=r&max_age=x").unwrap_err().code, "invalid_target");
}

#[test]
fn everything_well_formed_is_taken_over_and_the_unknown_ignored() {
    let request = parse(
        "scope=mcp:read+openid&prompt=login+consent+create&max_age=0&nonce=n&login_hint=al&response_mode=query\
         &resource=&id_token_hint=e.y.J&foo=bar",
    )
    .unwrap();
    assert_eq!(request.scopes.unwrap().to_string(), "mcp:read openid");
    assert_eq!(request.prompt, Prompt { login: true, consent: true, ..Prompt::default() });
    assert_eq!((request.max_age, request.nonce.as_deref()), (Some(0), Some("n")));
    assert_eq!((request.login_hint.as_deref(), request.id_token_hint.as_deref()), (Some("al"), Some("e.y.J")));
    assert!(request.resources.is_empty());
    assert!(parse("prompt=none").unwrap().prompt.none);
    assert!(parse("scope=").unwrap().scopes.is_none());
}

proptest! {
    #[test]
    fn any_state_comes_back_as_it_was(state in "[^\\x00]{1,200}") {
        let callback = resolve(&format!("state={}", form_urlencode(&state)), &[CB]).unwrap();
        let location = callback.location(ISSUER, &[("code", "x")]);
        prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
        let answer = params(location.split_once('?').unwrap().1);
        prop_assert_eq!(answer.get("state").unwrap(), Some(state.as_str()));
    }

    #[test]
    fn any_query_is_parsed_or_refused(query in "((scope|state|prompt|resource|max_age)=[a-z0-9%:/ -]{0,9}&)*") {
        if let Ok(params) = Params::parse(query.as_bytes()) {
            let client = client(&[CB]);
            let _ = (Callback::resolve(&params, &client), AuthorizationRequest::parse(&params, &client));
        }
    }
}
