//! Clients that authenticate with their own key, registered or published.
use crate::support::{
    app::{CALLBACK, CHALLENGE, ISSUER, TestApp, VERIFIER, authorize_path},
    client_credentials,
    client_key::{ClientKey, JWKS, Party, claims, proof, register_keys, revoke_nothing, with},
    internet::{Internet, LASTING_SESSIONS, json},
};
use keyward::{clients::configured, model::ClientId};
use serde_json::json;
use time::Duration;
use wiremock::ResponseTemplate;

#[tokio::test]
async fn an_assertion_is_used_up_by_a_request_that_is_kept_and_by_none_that_is_refused() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let request = [("response_type", "code"), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let push = async |assertion: &str, more: &[(&str, &str)]| {
        t.post("/par", &[&request[..], &proof(assertion)[..], more].concat()).await
    };
    assert_eq!(push(&key.assertion(&t, &id), &[]).await.status, 201);
    // The share of the address, all of it.
    t.db.outside("UPDATE pushed_requests SET bytes = 2097152").await;
    let assertion = key.assertion(&t, &id);
    push(&assertion, &[]).await.refused(429, "too_many_requests");
    t.db.outside("DELETE FROM pushed_requests").await;
    push(&assertion, &[("scope", "nobody:knows")]).await.refused(400, "invalid_scope");
    assert_eq!(push(&assertion, &[]).await.status, 201);
    for more in [&[][..], &[("scope", "nobody:knows")]] {
        push(&assertion, more).await.refused(401, "invalid_client");
    }
    revoke_nothing(&t, &assertion).await.refused(401, "invalid_client");
    assert_eq!(t.db.number("SELECT count(*) FROM pushed_requests").await, 1);
}

#[tokio::test]
async fn a_client_with_a_key_is_granted_refreshes_introspects_and_revokes() {
    for key in [ClientKey::es256("a"), ClientKey::ed25519("b"), ClientKey::rs256("c")] {
        let Party { t, key, id } = Party::new(key).await;
        let code = t.code(&ClientId::from(&*id), &[]).await;
        let post = async |path: &str, form: &[(&str, &str)]| {
            let assertion = key.assertion(&t, &id);
            let answer = t.post(path, &[form, &proof(&assertion)[..]].concat()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        };
        let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
        let tokens = post("/token", &form).await.json();
        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        let refreshed = post("/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await;
        // It proves itself, so its refresh token stays.
        assert_eq!(refreshed.json()["refresh_token"], refresh_token);
        // The name beside the assertion is fine too.
        let token = ("token", refresh_token);
        assert_eq!(post("/introspect", &[token, ("client_id", &id)]).await.json()["active"], true);
        post("/revoke", &[token]).await;
        assert_eq!(post("/introspect", &[token]).await.json()["active"], false);
    }
}

#[tokio::test]
async fn the_same_keys_registered_again_are_the_same_client() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    assert_eq!(register_keys(&t, &json!({"jwks": key.jwks()})).await, id);
    assert_ne!(register_keys(&t, &json!({"jwks": ClientKey::es256("k").jwks()})).await, id);
}

#[tokio::test]
async fn published_keys_are_fetched_kept_and_fetched_again_when_they_are_changed() {
    let internet = Internet::new().await;
    let t = TestApp::reaching(internet.network(), LASTING_SESSIONS).await;
    let [first, second] = ["first", "second"].map(ClientKey::es256);
    let id = register_keys(&t, &json!({"jwks_uri": JWKS})).await;
    internet.serve(JWKS, json(&first.jwks())).await;
    for _ in 0..3 {
        assert_eq!(revoke_nothing(&t, &first.assertion(&t, &id)).await.status, 200);
    }
    assert_eq!(internet.requests().await, 1);

    // A new key is found at once, but nobody can make us ask more often than once a minute.
    internet.serve(JWKS, json(&second.jwks())).await;
    t.app.clock.advance(Duration::minutes(1));
    assert_eq!(revoke_nothing(&t, &second.assertion(&t, &id)).await.status, 200);
    for n in 0..20 {
        let unknown = ClientKey::es256(&format!("{n}")).assertion(&t, &id);
        revoke_nothing(&t, &unknown).await.refused(503, "temporarily_unavailable");
    }
    revoke_nothing(&t, &first.assertion(&t, &id)).await.refused(503, "temporarily_unavailable");
    assert_eq!(internet.requests().await, 1);
    t.app.clock.advance(Duration::minutes(1));
    revoke_nothing(&t, &first.assertion(&t, &id)).await.refused(401, "invalid_client");
    assert_eq!(internet.requests().await, 2);

    // While the host is away the last set serves, for a day.
    internet.serve(JWKS, ResponseTemplate::new(503)).await;
    t.app.clock.advance(Duration::hours(23));
    assert_eq!(revoke_nothing(&t, &second.assertion(&t, &id)).await.status, 200);
    assert_eq!(internet.requests().await, 1);
    t.app.clock.advance(Duration::hours(2));
    revoke_nothing(&t, &second.assertion(&t, &id)).await.refused(503, "temporarily_unavailable");
    internet.serve(JWKS, json(&second.jwks())).await;
    assert_eq!(revoke_nothing(&t, &second.assertion(&t, &id)).await.status, 200);
}

#[tokio::test]
async fn a_set_is_kept_as_long_as_its_host_says_within_five_minutes_and_a_day() {
    for (said, minutes, requests) in
        [("max-age=0", 4, 1), ("max-age=0", 6, 2), ("max-age=3600", 59, 1), ("max-age=99999999", 1_441, 2)]
    {
        let internet = Internet::new().await;
        let t = TestApp::reaching(internet.network(), LASTING_SESSIONS).await;
        let key = ClientKey::ed25519("k");
        let id = register_keys(&t, &json!({"jwks_uri": JWKS})).await;
        internet.serve(JWKS, json(&key.jwks()).insert_header("cache-control", said)).await;
        assert_eq!(revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
        t.app.clock.advance(Duration::minutes(minutes));
        assert_eq!(revoke_nothing(&t, &key.assertion(&t, &id)).await.status, 200);
        assert_eq!(internet.requests().await, requests, "{said}");
    }
}

#[tokio::test]
async fn a_host_of_keys_is_not_flooded_through_many_registrations() {
    let internet = Internet::new().await;
    let t = TestApp::reaching(internet.network(), LASTING_SESSIONS).await;
    let mut limited = 0;
    for n in 0..200 {
        let id = register_keys(&t, &json!({"jwks_uri": format!("https://victim.example/{n}")})).await;
        let answer = revoke_nothing(&t, &ClientKey::ed25519("k").assertion(&t, &id)).await;
        limited += usize::from(answer.status == 429);
    }
    assert!(limited > 100, "{limited}");
    assert!(internet.requests().await < 100);
}

#[tokio::test]
async fn chatgpt_is_let_in_with_its_old_document_and_with_its_new_one() {
    let internet = Internet::new().await;
    let url = "https://chatgpt.com/oauth/client.json";
    let key = ClientKey::rs256("k");
    let old = json!({
        "client_id": url, "client_name": "ChatGPT", "redirect_uris": ["https://chatgpt.com/connector/oauth/abc"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256",
        "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
    });
    let choices = json!({"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]});
    for (document, without_proof) in [(old.clone(), 401), (with(old, &choices), 200)] {
        let t = TestApp::reaching(internet.network(), LASTING_SESSIONS).await;
        let id = ClientId::from(url);
        let mut browser = t.signed_in("alice").await;
        internet.publish(&document).await;
        let [one, two] = {
            let mut codes = vec![];
            for _ in 0..2 {
                let done = browser.approve(&authorize_path(&id, &[])).await;
                codes.push(done.returned("code").unwrap_or_else(|| panic!("{done:?}")));
            }
            <[String; 2]>::try_from(codes).unwrap()
        };
        internet.serve("https://chatgpt.com/oauth/jwks.json", json(&key.jwks())).await;
        let form = [("grant_type", "authorization_code"), ("code", one.as_str()), ("code_verifier", VERIFIER)];
        let assertion = key.assertion(&t, url);
        let tokens = t.post("/token", &[&form[..], &proof(&assertion)].concat()).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        // Proving itself is what the old one insists on, and what the new one may leave out.
        assert_eq!(t.redeem(&id, &two).await.status, without_proof);
        let wrong = ClientKey::rs256("k").assertion(&t, url);
        revoke_nothing(&t, &wrong).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn a_client_of_the_operators_has_its_keys_in_the_settings() {
    let key = ClientKey::es256("k");
    let settings = |more: &str| {
        let jwks = key.jwks();
        format!("[clients.robot]\nscope = 'mcp:read'\njwks = '{jwks}'\n{more}")
    };
    let t = TestApp::with(&settings("")).await;
    configured::write(&t.app).await.unwrap();
    let to = |aud: &str| key.sign(&key.header(), &with(claims(&t, "robot"), &json!({"aud": aud})));
    let ask = async |t: &TestApp, assertion: &str| {
        t.post("/token", &[&[("grant_type", "client_credentials")], &proof(assertion)[..]].concat()).await
    };
    assert_eq!(ask(&t, &to(ISSUER)).await.json()["scope"], "mcp:read");
    let endpoint = format!("{ISSUER}/token");
    ask(&t, &to(&endpoint)).await.refused(401, "invalid_client");

    // The exception is for one client.
    let excepted =
        TestApp::with(&format!("{}{}", settings("token_endpoint_audience = true\n"), client_credentials::SETTINGS))
            .await;
    configured::write(&excepted.app).await.unwrap();
    for aud in [ISSUER, &endpoint, &format!("{ISSUER}/")] {
        assert_eq!(ask(&excepted, &to(aud)).await.status, 200, "{aud}");
    }
    ask(&excepted, &to(&format!("{ISSUER}/revoke"))).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn metadata_says_how_clients_may_prove_themselves_unless_it_is_switched_off() {
    let t = TestApp::start().await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    for endpoint in ["token", "revocation", "introspection"] {
        let methods = metadata[format!("{endpoint}_endpoint_auth_methods_supported")].as_array().unwrap();
        assert!(methods.contains(&json!("private_key_jwt")), "{endpoint}");
        let algorithms = &metadata[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
        assert_eq!(*algorithms, json!(["ES256", "RS256", "EdDSA"]));
    }
    let key = ClientKey::es256("k");
    let id = register_keys(&t, &json!({"jwks": key.jwks()})).await;
    let t = TestApp::on(t.db, "client_authentication.private_key_jwt = false").await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.body;
    assert!(!metadata.contains("private_key_jwt") && !metadata.contains("auth_signing_alg"), "{metadata}");
    revoke_nothing(&t, &key.assertion(&t, &id)).await.refused(401, "invalid_client");
    let body =
        json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks()});
    t.register(&body).await.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn only_hosts_that_the_operator_named_may_have_clients_that_address_the_token_endpoint() {
    let key = ClientKey::rs256("k");
    let endpoint = format!("{ISSUER}/token");
    for (host, settings, let_in) in [
        ("chatgpt.com", "", true),
        ("evil-chatgpt.com", "", false),
        ("chatgpt.com", "client_metadata_documents.token_endpoint_audience = []", false),
        ("app.example", "client_metadata_documents.token_endpoint_audience = ['*.example']", true),
    ] {
        let (internet, id) = (Internet::new().await, format!("https://{host}/client.json"));
        let document = json!({
            "client_id": id, "client_name": "App", "redirect_uris": [CALLBACK], "jwks": key.jwks(),
            "token_endpoint_auth_method": "private_key_jwt",
        });
        internet.publish(&document).await;
        let t = TestApp::reaching(internet.network(), settings).await;
        t.code(&ClientId::from(&*id), &[("redirect_uri", CALLBACK)]).await;
        let to = |aud: &str| key.sign(&key.header(), &with(claims(&t, &id), &json!({"aud": aud})));
        assert_eq!(revoke_nothing(&t, &to(ISSUER)).await.status, 200, "{host}");
        let answer = revoke_nothing(&t, &to(&endpoint)).await;
        assert_eq!(answer.status == 200, let_in, "{host} {settings}: {answer:?}");
        revoke_nothing(&t, &to("https://other.example/token")).await.refused(401, "invalid_client");
    }
}
