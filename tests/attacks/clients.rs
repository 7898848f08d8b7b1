//! Attacks on client authentication (RFC 6749 §2.3, OAuth 2.1 §2.4).
use crate::support::{
    app::{Answer, CALLBACK, TestApp, VERIFIER, basic, encode},
    peers::from,
};
use axum::{body::Body, http::Request};
use base64ct::{Base64, Encoding};
use keyward::{oauth::params::form_urlencode, secrets::AuthorizationCode, storage::codes};
use serde_json::json;

/// A revocation of nothing: 200 for whoever is who they say.
const NOTHING: [(&str, &str); 1] = [("token", "nothing")];

async fn ask(t: &TestApp, path: &str, form: &[(&str, &str)], authorization: &str) -> Answer {
    t.post_with(path, form, &[("authorization", authorization)]).await
}

#[tokio::test]
async fn attack_40_two_ways_of_authentication_or_two_clients_in_one_request_are_refused() {
    let t = TestApp::start().await;
    let client = t.confidential_client("a", "a-secret").await;
    t.confidential_client("b", "b-secret").await;
    let code = t.code(&client, &[]).await;
    let redeem = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let (a, both) = (basic("a", "a-secret"), [("client_id", "a"), ("client_secret", "a-secret")]);

    ask(&t, "/token", &[&redeem[..], &both].concat(), &a).await.refused(400, "invalid_request");
    ask(&t, "/token", &[&redeem[..], &both[1..]].concat(), &a).await.refused(400, "invalid_request");
    let other = ask(&t, "/token", &[&redeem[..], &[("client_id", "b")]].concat(), &a).await;
    other.refused(401, "invalid_client");
    assert!(other.header("www-authenticate").starts_with("Basic "));
    let stored = codes::find(&t.db, &AuthorizationCode::presented(&code).digest()).await.unwrap().unwrap();
    assert_eq!((stored.consumed_at, stored.failures), (None, 0));
    // Some clients repeat their own name beside the header.
    assert_eq!(ask(&t, "/token", &[&redeem[..], &both[..1]].concat(), &a).await.status, 200);
}

#[tokio::test]
async fn attack_41_any_secret_passes_encoded_or_raw_and_nothing_in_between() {
    let t = TestApp::start().await;
    let (id, secret) = ("we:ird+id", "p:ss%2B + w\u{f6}rd&=%zz");
    t.confidential_client(id, secret).await;
    t.confidential_client("i+d", secret).await;
    let encoded = basic(&form_urlencode(id), &form_urlencode(secret));
    let with_plus = basic(&form_urlencode(id), &form_urlencode(secret).replace("%20", "+"));
    let raw = basic("i+d", secret);
    for right in [&encoded, &with_plus, &raw, &raw.replace("Basic", "bASIC")] {
        let answer = ask(&t, "/revoke", &NOTHING, right).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "{right}");
    }
    for wrong in [
        basic(&form_urlencode("i+d"), secret),
        basic("i+d", &form_urlencode(secret)),
        basic("i+d", "wrong"),
        basic("i+d", ""),
        basic("nobody", secret),
    ] {
        let answer = ask(&t, "/revoke", &NOTHING, &wrong).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    }
}

#[tokio::test]
async fn a_public_client_names_itself_by_basic_with_nothing_behind_the_colon() {
    let t = TestApp::start().await;
    let client = t.public_client("public+one", &[CALLBACK]).await;
    let form_for = |code: String| {
        [("grant_type", "authorization_code".to_owned()), ("code", code), ("code_verifier", VERIFIER.to_owned())]
    };
    for header in [basic("public+one", ""), basic("public%2Bone", "")] {
        let form = form_for(t.code(&client, &[]).await);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tokens = ask(&t, "/token", &form, &header).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        assert_eq!(ask(&t, "/token", &[&form[..], &[("client_id", "public+one")]].concat(), &header).await.status, 200);
        assert_eq!(ask(&t, "/revoke", &NOTHING, &header).await.status, 200);
        // A name is no proof.
        ask(&t, "/introspect", &NOTHING, &header).await.refused(401, "invalid_client");
        ask(&t, "/token", &[&form[..], &[("client_id", "other")]].concat(), &header)
            .await
            .refused(401, "invalid_client");
        ask(&t, "/token", &[&form[..], &[("client_secret", "x")]].concat(), &header)
            .await
            .refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn basic_with_nothing_behind_the_colon_is_no_proof_of_a_client_that_has_a_secret() {
    let t = TestApp::start().await;
    let client = t.confidential_client("secretive", "its-secret").await;
    t.public_client("gone", &[CALLBACK]).await;
    t.db.set_client_disabled(&"gone".into(), Some(t.app.clock.now())).await;
    t.app.clients.forget(&"gone".into());
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    for id in ["secretive", "gone", "nobody", ""] {
        let answer = ask(&t, "/token", &form, &basic(id, "")).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    }
    // Nor does it count as a guess at the secret, or use anything up.
    for _ in 0..20 {
        ask(&t, "/revoke", &NOTHING, &basic("secretive", "")).await.refused(401, "invalid_client");
    }
    assert_eq!(ask(&t, "/token", &form, &basic("secretive", "its-secret")).await.status, 200);
}

#[tokio::test]
async fn attack_42_a_header_that_is_no_credential_gets_a_challenge() {
    let t = TestApp::start().await;
    t.public_client("public", &[CALLBACK]).await;
    let encode = |bytes: &[u8]| format!("Basic {}", Base64::encode_string(bytes));
    let mut headers = vec![encode(b"no colon"), encode(b"a:\xff"), encode(b"a:\0"), encode(b""), encode(b":")];
    headers.extend(["Basic !!!", "Basic", "Foo x", "Bearer x", "Digest username=x", "x", ""].map(str::to_owned));
    headers.push(format!("Basic {}", "A".repeat(16_000)));
    let form = [("token", "x"), ("client_id", "public"), ("grant_type", "refresh_token"), ("refresh_token", "x")];
    for header in &headers {
        for path in ["/token", "/revoke", "/introspect"] {
            let answer = ask(&t, path, &form, header).await;
            answer.refused(401, "invalid_client");
            assert!(answer.header("www-authenticate").starts_with("Basic "), "{path} {header}");
        }
    }
    let twice = [("authorization", "Basic YTpi"), ("authorization", "Basic YTpi")];
    t.post_with("/token", &form, &twice).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn attack_43_a_secret_in_the_url_is_refused_even_if_it_is_right() {
    let t = TestApp::start().await;
    let client = t.confidential_client("c", "its-secret").await;
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let secret = encode(&[("client_id", "c"), ("client_secret", "its-secret")]);
    t.post(&format!("/token?{secret}"), &form).await.refused(400, "invalid_request");
    let right = basic("c", "its-secret");
    for query in ["client_secret=its-secret", "code=x", "refresh_token=x", "grant_type=x", "client_secret="] {
        ask(&t, &format!("/token?{query}"), &form, &right).await.refused(400, "invalid_request");
    }
    for path in ["/revoke", "/introspect"] {
        t.post(&format!("{path}?{secret}"), &NOTHING).await.refused(400, "invalid_request");
        ask(&t, &format!("{path}?token=x"), &[], &right).await.refused(400, "invalid_request");
    }
    assert_eq!(ask(&t, "/token", &form, &right).await.status, 200);
}

/// What proxies put there for servers that trust them (RFC 9440, and the habits before it).
const CERTIFICATES: [(&str, &str); 8] = [
    ("client-cert", ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6:"),
    ("client-cert-chain", ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6:"),
    ("x-forwarded-client-cert", "Hash=00;Subject=\"CN=c\";URI=https://client.example"),
    ("x-ssl-client-cert", "-----BEGIN%20CERTIFICATE-----%0AMIIB%0A-----END%20CERTIFICATE-----"),
    ("ssl-client-verify", "SUCCESS"),
    ("x-ssl-client-verify", "SUCCESS"),
    ("x-ssl-client-s-dn", "CN=c"),
    ("x-arr-clientcert", "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6"),
];

#[tokio::test]
async fn attack_49_a_certificate_in_a_header_is_nobodys_credential() {
    let t = TestApp::start().await;
    let client = t.confidential_client("c", "its-secret").await;
    let code = t.code(&client, &[]).await;
    let redeem = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let with_certificates = |path: &str, form: &[(&str, &str)]| {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in CERTIFICATES {
            request = request.header(name, value);
        }
        request.body(Body::from(encode(form))).unwrap()
    };
    // From outside, and from a proxy that is believed in other things.
    for peer in [[203, 0, 113, 9], [10, 0, 0, 1]] {
        for credentials in [&[("client_id", "c")][..], &[("client_id", "c"), ("client_secret", "wrong")], &[]] {
            for (path, form) in [("/token", &redeem[..]), ("/revoke", &NOTHING), ("/introspect", &NOTHING)] {
                let request = with_certificates(path, &[form, credentials].concat());
                t.send(from(peer, request)).await.refused(401, "invalid_client");
            }
        }
    }
    let metadata = t.get("/.well-known/oauth-authorization-server").await;
    assert!(!metadata.body.contains("tls_client") && !metadata.body.contains("mtls"), "{metadata:?}");
    for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
        let body = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": method});
        t.register(&body).await.refused(400, "invalid_client_metadata");
    }
    assert_eq!(ask(&t, "/token", &redeem, &basic("c", "its-secret")).await.status, 200);
}

#[tokio::test]
async fn attack_50_a_thousand_guesses_are_slowed_down_and_the_client_itself_is_not() {
    let t = TestApp::start().await;
    t.confidential_client("c", "its-secret").await;
    let mut throttled = 0;
    for n in 0..1000 {
        // An address nobody vouches for helps nobody.
        let forged = format!("198.51.100.{}", n % 250);
        let guess = basic("c", &format!("guess {n}"));
        let headers = [("authorization", guess.as_str()), ("x-forwarded-for", forged.as_str())];
        let answer = t.post_with("/token", &[("grant_type", "refresh_token")], &headers).await;
        if n < 5 {
            answer.refused(401, "invalid_client");
        } else {
            answer.refused(429, "too_many_requests");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            throttled += 1;
        }
    }
    assert_eq!(throttled, 995);
    // Nor does asking elsewhere, or the other way of sending it.
    ask(&t, "/introspect", &NOTHING, &basic("c", "guess")).await.refused(429, "too_many_requests");
    let form = [("token", "x"), ("client_id", "c"), ("client_secret", "guess")];
    t.post("/revoke", &form).await.refused(429, "too_many_requests");

    assert_eq!(ask(&t, "/revoke", &NOTHING, &basic("c", "its-secret")).await.status, 200);
    let elsewhere = |secret: &str| {
        let request = Request::post("/revoke")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic("c", secret));
        from([192, 0, 2, 7], request.body(Body::from("token=x")).unwrap())
    };
    assert_eq!(t.send(elsewhere("its-secret")).await.status, 200);
    t.send(elsewhere("a typo")).await.refused(401, "invalid_client");
}
