//! Authentication context classes (OpenID Connect Core §2): how a user authenticated.
use super::params::Params;
use crate::error::ProtocolError;
use serde_json::Value;

/// A password over TLS (SAML 2.0 Authentication Context §3.4.10): the only way to sign in here.
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// The value of `acr_values_supported`.
pub const ALL: [&str; 1] = [PASSWORD];

/// Refuses a class that no sign-in here can reach. OpenID Connect makes `acr_values` optional, but a client sent by a
/// resource server would otherwise return for ever with insufficient tokens (RFC 9470 §5).
pub fn check(params: &Params) -> Result<(), ProtocolError> {
    let wished: Vec<_> =
        params.get("acr_values")?.unwrap_or_default().split(' ').filter(|one| !one.is_empty()).collect();
    let essential = essential(params.get("claims")?.unwrap_or_default());
    let is_open = |classes: &[&str]| classes.is_empty() || classes.iter().any(|class| ALL.contains(class));
    if is_open(&wished) && is_open(&essential.iter().map(String::as_str).collect::<Vec<_>>()) {
        return Ok(());
    }
    Err(ProtocolError::unmet_authentication_requirements("none of the classes asked for is in acr_values_supported"))
}

/// The classes that the client marks as essential for the ID token (OpenID Connect Core §5.5.1.1). The parameter
/// `claims` is not supported otherwise, but this part must not be ignored.
fn essential(claims: &str) -> Vec<String> {
    let claims: Value = serde_json::from_str(claims).unwrap_or_default();
    let acr = &claims["id_token"]["acr"];
    if acr["essential"] != true {
        return vec![];
    }
    let several = acr["values"].as_array().into_iter().flatten();
    several.chain(acr.get("value")).map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::form_urlencode;

    fn refused(name: &str, value: &str) -> bool {
        let query = format!("{name}={}", form_urlencode(value));
        match check(&Params::parse(query.as_bytes()).unwrap()) {
            Ok(()) => false,
            Err(error) => {
                assert_eq!(error.code, "unmet_authentication_requirements");
                true
            }
        }
    }

    #[test]
    fn one_class_that_can_be_reached_is_enough() {
        for open in ["", " ", PASSWORD, &format!("phr {PASSWORD}"), &format!("{PASSWORD}  phr")] {
            assert!(!refused("acr_values", open), "{open:?}");
        }
        for closed in ["phr", "phr phrh", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "0"] {
            assert!(refused("acr_values", closed), "{closed:?}");
        }
    }

    #[test]
    fn of_claims_an_essential_class_counts_and_nothing_else() {
        let acr = |rest: &str| format!(r#"{{"id_token":{{"acr":{{{rest}}}}}}}"#);
        for closed in [
            r#""essential":true,"value":"phr""#,
            r#""essential":true,"values":["phr","phrh"]"#,
            r#""essential":true,"value":7"#,
        ] {
            assert!(refused("claims", &acr(closed)), "{closed}");
        }
        let both = format!(r#""essential":true,"values":["phr","{PASSWORD}"]"#);
        for open in [r#""value":"phr""#, r#""essential":false,"values":["phr"]"#, r#""essential":true"#, &both] {
            assert!(!refused("claims", &acr(open)), "{open}");
        }
        for other in ["{}", "null", "7", "[", "no JSON", r#"{"id_token":{"acr":null}}"#, r#"{"id_token":[]}"#] {
            assert!(!refused("claims", other), "{other}");
        }
    }
}
