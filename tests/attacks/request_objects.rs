//! Attacks with request objects (RFC 9101, OpenID Connect Core §6), which this server does not support.
use crate::support::{
    app::{CALLBACK, CHALLENGE, ISSUER, TestApp, authorize_path},
    client_key::{ClientKey, with},
    grants::{nothing_was_granted, sent_back},
};
use keyward::{model::ClientId, secrets::base64url};
use serde_json::{Value, json};

const SECOND: &str = "https://client.example/second";

/// Objects that are wrong in one way each, and one that is not.
fn objects(t: &TestApp) -> Vec<(&'static str, String)> {
    let now = t.app.clock.now().unix_timestamp();
    let (own, stranger) = (ClientKey::es256("k"), ClientKey::es256("k"));
    let header = with(own.header(), &json!({"typ": "oauth-authz-req+jwt"}));
    let claims = json!({
        "iss": "c", "aud": ISSUER, "client_id": "c", "response_type": "code", "redirect_uri": CALLBACK, "iat": now,
        "exp": now + 60, "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "inside",
    });
    let signed = |changes: Value| own.sign(&header, &with(claims.clone(), &changes));
    vec![
        ("good", signed(json!({}))),
        ("unsigned", format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(claims.to_string()))),
        ("by another key", stranger.sign(&header, &claims)),
        ("of another client", signed(json!({"client_id": "two", "iss": "two"}))),
        ("for another server", signed(json!({"aud": "https://other.example"}))),
        ("expired", signed(json!({"exp": now - 60, "iat": now - 120}))),
        ("to another host", signed(json!({"redirect_uri": "https://evil.example/cb"}))),
        ("of scripts", signed(json!({"redirect_uri": "javascript:alert(1)"}))),
        ("no JWT", "x".to_owned()),
    ]
}

#[tokio::test]
async fn attack_67_a_request_object_is_refused_whoever_signed_it_and_decides_nothing() {
    let t = TestApp::start().await;
    let metadata = t.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["request_parameter_supported"], false);
    let client = t.public_client("c", &[CALLBACK]).await;
    let two = t.public_client("two", &[CALLBACK, SECOND]).await;
    let mut alice = t.signed_in("alice").await;
    for (what, object) in &objects(&t) {
        let object = ("request", object.as_str());
        // Told where the request itself leads, never where the object does.
        for more in [vec![object], vec![object, ("redirect_uri", CALLBACK)]] {
            sent_back(&alice.approve(&authorize_path(&client, &more)).await, CALLBACK, "request_not_supported");
        }
        let second = [object, ("redirect_uri", SECOND)];
        sent_back(&alice.approve(&authorize_path(&two, &second)).await, SECOND, "request_not_supported");
        // The only one is in the object: nobody is sent anywhere.
        alice.get(&authorize_path(&two, &[object])).await.page(400);
        let nothing_else = [object, ("response_type", ""), ("state", ""), ("code_challenge", "")];
        alice.get(&authorize_path(&two, &nothing_else)).await.page(400);
        alice.get(&authorize_path(&ClientId::from(""), &[object, ("client_id", "")])).await.page(400);
        let evil = [object, ("redirect_uri", "https://evil.example/cb")];
        alice.get(&authorize_path(&client, &evil)).await.page(400);

        let form = [("client_id", "c"), ("response_type", "code"), ("redirect_uri", CALLBACK), object];
        t.post("/par", &form).await.refused(400, "request_not_supported");
        let alone = t.post("/par", &[("client_id", "two"), object]).await;
        assert_eq!(alone.status, 400, "{what}: {alone:?}");
        assert!(alone.json().get("request_uri").is_none());
    }
    nothing_was_granted(&t).await;
}
