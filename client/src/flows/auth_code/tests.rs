//! Responses of another issuer or with another state are not used.
use super::*;

fn outcome(promises_issuer: bool, query: &str) -> std::result::Result<String, String> {
    let expected = ExpectedResponse { state: "s".to_owned(), issuer: "https://as.example".to_owned(), promises_issuer };
    let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    code_of(&parameters, &expected).map_err(|failure| failure.code)
}

#[test]
fn the_issuer_of_a_callback_is_compared_as_a_string() {
    let good = "state=s&code=c&iss=https%3A%2F%2Fas.example";
    assert_eq!(outcome(true, good).as_deref(), Ok("c"));
    assert_eq!(outcome(false, good).as_deref(), Ok("c"));
    assert_eq!(outcome(false, "state=s&code=c").as_deref(), Ok("c"));
    for (promised, query) in [
        (true, "state=s&code=c"),
        (true, "state=s&code=c&iss=https%3A%2F%2Fas.example%2F"),
        (false, "state=s&code=c&iss=https%3A%2F%2Fevil.example"),
        (true, "state=s&error=access_denied&iss=https%3A%2F%2Fevil.example"),
    ] {
        assert_eq!(outcome(promised, query).unwrap_err(), "issuer_mismatch", "{query}");
    }
}

#[test]
fn a_callback_with_another_state_is_discarded() {
    assert_eq!(outcome(false, "state=t&code=c").unwrap_err(), "invalid_response");
    assert_eq!(outcome(false, "code=c").unwrap_err(), "invalid_response");
    assert_eq!(outcome(false, "state=s&error=access_denied").unwrap_err(), "access_denied");
}
