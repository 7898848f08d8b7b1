//! Attacks on clients that authenticate with their own key (RFC 7523 §3, rfc7523bis).
use crate::support::{
    app::{CALLBACK, ISSUER, TestApp, basic, encode},
    client_key::{ClientKey, Party, claims, proof, revoke_nothing, with},
    internet::{Internet, json},
};
use axum::{body::Body, http::Request};
use keyward::{
    model::{AuthMethod, ClientId},
    secrets::{Digest, base64url},
    storage::clients,
};
use serde_json::{Value, json};

#[tokio::test]
async fn attack_44_neither_an_old_secret_nor_its_name_alone_stands_in_for_the_key() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let nothing = ("token", "nothing");
    t.post("/revoke", &[nothing, ("client_id", &id)]).await.refused(401, "invalid_client");
    // As if it had had a secret before.
    let mut client = clients::find(&t.db, &ClientId::from(&*id)).await.unwrap().unwrap();
    assert_eq!(client.metadata.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
    client.secret_hash = Some(Digest::of("old"));
    clients::put_seed(&t.db, &client).await.unwrap();
    t.app.clients.forget(&client.id);
    let post = [nothing, ("client_id", &id), ("client_secret", "old")];
    t.post("/revoke", &post).await.refused(401, "invalid_client");
    let header = basic(&id, "old");
    t.post_with("/revoke", &[nothing], &[("authorization", &header)]).await.refused(401, "invalid_client");
    // Two methods at once are not even looked at.
    let assertion = key.assertion(&t, &id);
    let both = [&post[..], &proof(&assertion)].concat();
    t.post("/revoke", &both).await.refused(400, "invalid_request");
    let both = [&[nothing], &proof(&assertion)[..]].concat();
    t.post_with("/revoke", &both, &[("authorization", &header)]).await.refused(400, "invalid_request");
    assert_eq!(revoke_nothing(&t, &assertion).await.status, 200);
}

#[tokio::test]
async fn attack_45_an_assertion_for_anybody_but_the_issuer_is_refused() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let signed = |aud: &Value| key.sign(&key.header(), &with(claims(&t, &id), &json!({"aud": aud})));
    for aud in [
        json!(format!("{ISSUER}/token")),
        json!(format!("{ISSUER}/par")),
        json!(format!("{ISSUER}/")),
        json!(ISSUER.to_uppercase()),
        json!([ISSUER, "https://other.example"]),
        json!([ISSUER, ISSUER]),
        json!([[ISSUER]]),
        json!([]),
        json!(""),
        json!(1),
        json!({"0": ISSUER}),
        json!(null),
    ] {
        revoke_nothing(&t, &signed(&aud)).await.refused(401, "invalid_client");
    }
    assert_eq!(revoke_nothing(&t, &signed(&json!([ISSUER]))).await.status, 200);
    assert_eq!(revoke_nothing(&t, &signed(&json!(ISSUER))).await.status, 200);
}

#[tokio::test]
async fn attack_46_an_assertion_is_good_once_soon_and_only_for_who_signed_it() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let now = t.app.clock.now().unix_timestamp();
    let signed = |other: Value| key.sign(&key.header(), &with(claims(&t, &id), &other));
    for wrong in [
        json!({"exp": null}),
        json!({"exp": now + 3_600}),
        json!({"exp": now}),
        json!({"exp": now - 1}),
        json!({"exp": "soon"}),
        json!({"exp": 1e300}),
        json!({"sub": null}),
        json!({"sub": "other"}),
        json!({"iss": null}),
        json!({"iss": "other"}),
        json!({"iss": "other", "sub": "other"}),
        json!({"nbf": now + 61}),
        json!({"iat": now + 61}),
        json!({"nbf": "now"}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 1}),
        json!({"jti": "x".repeat(257)}),
    ] {
        revoke_nothing(&t, &signed(wrong)).await.refused(401, "invalid_client");
    }
    for right in [
        json!({}),
        json!({"nbf": now + 8, "iat": now + 8}),
        json!({"iat": null}),
        json!({"exp": now + 300}),
        json!({"exp": f64::from(i32::try_from(now).unwrap()) + 60.5}),
        json!({"jti": "x".repeat(256)}),
    ] {
        let assertion = signed(right);
        assert_eq!(revoke_nothing(&t, &assertion).await.status, 200);
        revoke_nothing(&t, &assertion).await.refused(401, "invalid_client");
    }
    // Of many at once one is let in, on whatever node.
    let assertion = signed(json!({}));
    let other = keyward::http::router(t.second_node().await);
    let form = encode(&[&[("token", "nothing")], &proof(&assertion)[..]].concat());
    let there = || async {
        let request = Request::post("/revoke").header("content-type", "application/x-www-form-urlencoded");
        crate::support::app::send(&other, request.body(Body::from(form.clone())).unwrap()).await
    };
    let (a, b, c) = tokio::join!(revoke_nothing(&t, &assertion), there(), revoke_nothing(&t, &assertion));
    assert_eq!([a, b, c].iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn attack_46_sweeping_forgets_no_assertion_that_could_be_used_again() {
    let Party { t, key, id } = Party::new(ClientKey::es256("k")).await;
    let assertion = key.sign(&key.header(), &claims(&t, &id));
    assert_eq!(revoke_nothing(&t, &assertion).await.status, 200);
    for _ in 0..3 {
        keyward::jobs::sweep(&t.app).await.unwrap();
        revoke_nothing(&t, &assertion).await.refused(401, "invalid_client");
        t.app.clock.advance(time::Duration::hours(1));
    }
}

#[tokio::test]
async fn attack_47_no_algorithm_key_or_header_of_the_attackers_choice_is_taken() {
    let internet = Internet::new().await;
    let (rsa, attacker) = (ClientKey::rs256("k"), ClientKey::rs256("k"));
    let Party { t, key, id } = Party::over(&internet, rsa).await;
    internet.serve("https://evil.example/jwks", json(&attacker.jwks())).await;
    let claims = || claims(&t, &id);
    let none =
        |alg: &str| format!("{}.{}.", base64url(json!({"alg": alg}).to_string()), base64url(claims().to_string()));
    let hmac = {
        let message = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"k"}"#), base64url(claims().to_string()));
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.jwk.to_string().as_bytes());
        format!("{message}.{}", base64url(aws_lc_rs::hmac::sign(&secret, message.as_bytes())))
    };
    let mut forged = vec![none("none"), none("NONE"), none("HS256"), hmac];
    for header in [
        json!({"alg": "ES256", "kid": "k"}),
        json!({"alg": "PS256", "kid": "k"}),
        json!({"alg": "RS512", "kid": "k"}),
        json!({"alg": ["RS256"], "kid": "k"}),
        json!({"kid": "k"}),
        json!({"alg": "RS256", "kid": "k", "crit": ["exp"], "exp": 1}),
        json!({"alg": "RS256", "kid": "k", "crit": ["b64"], "b64": false}),
        json!({"alg": "RS256", "kid": "k", "crit": []}),
    ] {
        forged.push(key.sign(&header, &claims()));
    }
    let url = "https://evil.example/jwks";
    for header in [
        json!({"alg": "RS256", "kid": "k"}),
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": "k", "jku": url}),
        json!({"alg": "RS256", "jku": url, "x5u": url}),
        json!({"alg": "RS256", "jwk": attacker.jwk}),
        json!({"alg": "RS256", "kid": "../../etc/passwd"}),
        json!({"alg": "RS256", "kid": "k' OR '1'='1"}),
        json!({"alg": "RS256", "kid": 1}),
    ] {
        forged.push(attacker.sign(&header, &claims()));
    }
    let good = key.sign(&key.header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    forged.extend([
        message.to_owned(),
        format!("{message}."),
        format!("{message}.AAAA"),
        format!("{good}.{signature}"),
    ]);
    forged.extend(["..", "", "a.b.c", "é.é.é"].map(str::to_owned));
    for assertion in &forged {
        revoke_nothing(&t, assertion).await.refused(401, "invalid_client");
    }
    assert_eq!(internet.requests().await, 0);
    assert_eq!(revoke_nothing(&t, &good).await.status, 200);
}

#[tokio::test]
async fn attack_48_what_was_signed_for_another_purpose_is_no_client_assertion() {
    let Party { t, key, id } = Party::new(ClientKey::ed25519("k")).await;
    let typed = |typ: Value| key.sign(&with(key.header(), &json!({"typ": typ})), &claims(&t, &id));
    for typ in
        ["oauth-authz-req+jwt", "dpop+jwt", "at+jwt", "oauth-id-jag+jwt", "application/at+jwt", "secevent+jwt", ""]
    {
        revoke_nothing(&t, &typed(json!(typ))).await.refused(401, "invalid_client");
    }
    revoke_nothing(&t, &typed(json!(["JWT"]))).await.refused(401, "invalid_client");
    let person = t.public_client("public", &[CALLBACK]).await;
    let tokens = t.tokens(&person, &[("scope", "openid")]).await;
    for token in ["access_token", "id_token"] {
        revoke_nothing(&t, tokens[token].as_str().unwrap()).await.refused(401, "invalid_client");
    }
    for typ in [json!(null), json!("JWT"), json!("client-authentication+jwt"), json!("application/jwt")] {
        assert_eq!(revoke_nothing(&t, &typed(typ)).await.status, 200);
    }
    let (one, two) = (key.assertion(&t, &id), key.assertion(&t, &id));
    let twice = [("token", "x"), proof(&one)[0], proof(&one)[1], proof(&two)[1]];
    t.post("/revoke", &twice).await.refused(400, "invalid_request");
    for kind in ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt"] {
        let form = [("token", "x"), ("client_assertion_type", kind), ("client_assertion", &one)];
        t.post("/revoke", &form).await.refused(401, "invalid_client");
    }
    t.post("/revoke", &[("token", "x"), proof(&one)[0]]).await.refused(401, "invalid_client");
    let other = [&[("token", "x"), ("client_id", "public")], &proof(&one)[..]].concat();
    t.post("/revoke", &other).await.refused(401, "invalid_client");
    // And one in the URL is not even read.
    t.post(&format!("/revoke?{}", encode(&proof(&one))), &[("token", "x")]).await.refused(400, "invalid_request");
    assert_eq!(revoke_nothing(&t, &one).await.status, 200);
}

#[tokio::test]
async fn a_key_is_nobody_elses_however_much_the_assertion_claims_it() {
    let t = TestApp::start().await;
    let (mine, theirs) = (ClientKey::es256("k"), ClientKey::es256("k"));
    let mine_id = crate::support::client_key::register_keys(&t, &json!({"jwks": mine.jwks()})).await;
    let their_id = crate::support::client_key::register_keys(&t, &json!({"jwks": theirs.jwks()})).await;
    revoke_nothing(&t, &mine.assertion(&t, &their_id)).await.refused(401, "invalid_client");
    revoke_nothing(&t, &mine.assertion(&t, "nobody")).await.refused(401, "invalid_client");
    // The same `jti` of two clients is two.
    let jti = json!({"jti": "the same"});
    for (key, id) in [(&mine, &mine_id), (&theirs, &their_id)] {
        assert_eq!(revoke_nothing(&t, &key.sign(&key.header(), &with(claims(&t, id), &jti))).await.status, 200);
    }
}
