//! Behaviour that existing clients rely on, so that it does not change by accident.
use crate::support::app::{CALLBACK, ISSUER, TestApp, authorize_path};
use keyward::config::Config;
use serde_json::Value;

const EVERYTHING_OFF: &str = "
    client_authentication.private_key_jwt = false
    client_metadata_documents.policy = 'off'
    registration.policy = 'off'
    device_authorization.enabled = false
    authorization.pushed_requests = false
    dpop.enabled = false
    introspection.signed_responses = false";

async fn metadata(t: &TestApp, name: &str) -> Value {
    t.get(&format!("/.well-known/{name}")).await.json()
}

/// A C# SDK takes the first method of the list and looks no further: were it one with a secret, it would send an empty
/// one, and nobody using it would get in.
#[tokio::test]
async fn none_is_the_first_authentication_method_whatever_is_switched_off() {
    for settings in ["", EVERYTHING_OFF] {
        let t = TestApp::with(settings).await;
        for name in ["oauth-authorization-server", "openid-configuration"] {
            let metadata = metadata(&t, name).await;
            for member in ["token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported"] {
                assert_eq!(metadata[member][0], "none", "{settings}: {metadata}");
            }
        }
    }
}

/// `ChatGPT` uses its one stable document only where metadata promises `iss` and every answer carries it (RFC 9207); else
/// it makes an identity for each connection, and forgetting one strands a person. Codex and the SDKs end the flow where
/// it was promised and is missing. So no setting ends the promise, nor keeps it from any answer.
#[tokio::test]
async fn iss_is_promised_and_in_every_answer_and_no_setting_takes_it_away() {
    for settings in ["", EVERYTHING_OFF] {
        let t = TestApp::with(settings).await;
        assert_eq!(
            metadata(&t, "oauth-authorization-server").await["authorization_response_iss_parameter_supported"],
            true
        );
        let app = t.public_client("app", &[CALLBACK]).await;
        let mut alice = t.signed_in("alice").await;
        let code = alice.approve(&authorize_path(&app, &[])).await;
        assert!(code.returned("code").is_some());
        let denied = alice.decide(&authorize_path(&app, &[("prompt", "consent")]), "deny").await;
        assert_eq!(denied.returned("error").as_deref(), Some("access_denied"));
        let mut answers = vec![code, denied];
        for wrong in [
            ("scope", "unheard-of"),
            ("resource", "https://nowhere.example/"),
            ("response_type", "token"),
            ("code_challenge_method", "plain"),
            ("id_token_hint", "x.y.z"),
        ] {
            let answer = alice.get(&authorize_path(&app, &[wrong])).await;
            assert!(answer.returned("error").is_some(), "{wrong:?}: {answer:?}");
            answers.push(answer);
        }
        answers.push(t.browser().get(&authorize_path(&app, &[("prompt", "none")])).await);
        for answer in answers {
            assert_eq!(answer.returned("iss").as_deref(), Some(ISSUER), "{answer:?}");
        }
        // An error that is shown, with a link to follow by hand, has it in the link.
        let stranger = t.stranger("stranger", &[CALLBACK]).await;
        let page = t.browser().get(&authorize_path(&stranger, &[("scope", "unheard-of")])).await;
        assert!(page.body.contains("iss=https%3A%2F%2Fauth.example"), "{page:?}");
    }
    for name in
        ["ISS", "AUTHORIZATION__ISS", "AUTHORIZATION__RESPONSE_ISS", "AUTHORIZATION_RESPONSE_ISS_PARAMETER_SUPPORTED"]
    {
        let variables = [("KEYWARD__ISSUER", ISSUER), (&format!("KEYWARD__{name}"), "false")];
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert!(Config::load("", None, variables).is_err(), "{name} is a setting");
    }
}
