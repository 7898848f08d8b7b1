//! Updates of a registered client's metadata (RFC 7592 §2.2).
use super::{
    ParsedRegistration, RegistrationRules, json,
    members::{Members, refused},
    parse_registration,
};
use crate::error::ProtocolError;

/// Members that only a response has.
const OURS: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// Parsed like a registration: an omitted member is deleted or gets its default again. `is_secret` recognises the
/// current secret.
pub fn parse_update(
    body: &[u8],
    client_id: &str,
    is_secret: impl Fn(&str) -> bool,
    rules: &RegistrationRules,
) -> Result<ParsedRegistration, ProtocolError> {
    let malformed = |rule| ProtocolError::invalid_client_metadata(format!("the body {rule}"));
    let members = Members(json::object(body).map_err(malformed)?);
    if members.string("client_id")? != Some(client_id) {
        return Err(refused("client_id", "must be that of the client itself"));
    }
    for name in OURS {
        if members.get(name).is_some() {
            return Err(refused(name, "must not be sent (RFC 7592 section 2.2)"));
        }
    }
    if members.string("client_secret")?.is_some_and(|secret| !is_secret(secret)) {
        return Err(refused("client_secret", "must be the present one: only this server chooses secrets"));
    }
    parse_registration(body, rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(members: &Value) -> Result<crate::client_metadata::ClientMetadata, ProtocolError> {
        let mut body = json!({"client_id": "c", "redirect_uris": ["https://client.example/cb"]});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        let rules = RegistrationRules {
            grant_types: &["authorization_code"],
            known_schemes: &[],
            max_redirect_uris: 2,
            private_key_jwt: true,
        };
        parse_update(body.to_string().as_bytes(), "c", |secret| secret == "right", &rules)
            .map(|registered| registered.metadata)
    }

    #[test]
    fn an_update_is_judged_as_a_registration_is() {
        assert_eq!(
            parse(&json!({"client_name": "New", "client_secret": "right"})).unwrap().client_name.unwrap(),
            "New"
        );
        assert!(parse(&json!({"scope": null})).unwrap().scope.is_none());
        assert_eq!(parse(&json!({"redirect_uris": ["javascript:x"]})).unwrap_err().code, "invalid_redirect_uri");
        assert_eq!(parse(&json!({"redirect_uris": []})).unwrap_err().code, "invalid_redirect_uri");
    }

    #[test]
    fn another_identifier_a_chosen_secret_and_our_own_members_are_refused_by_name() {
        for (name, value) in [
            ("client_id", json!("d")),
            ("client_id", json!(null)),
            ("client_secret", json!("wrong")),
            ("client_secret", json!(["right"])),
            ("registration_access_token", json!("kwm_x")),
            ("registration_client_uri", json!("https://auth.example/register/c")),
            ("client_secret_expires_at", json!(0)),
            ("client_id_issued_at", json!(0)),
        ] {
            let error = parse(&json!({name: value})).unwrap_err();
            assert_eq!(error.code, "invalid_client_metadata");
            assert!(error.description.starts_with(name), "{error}");
        }
    }
}
