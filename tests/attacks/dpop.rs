//! Attacks on tokens that are bound to a key (RFC 9449 §11).
use crate::support::{
    app::{Answer, CALLBACK, TestApp, VERIFIER, authorize_path, encode},
    bound::{TOKEN_URL, USERINFO_URL, bound, redeem, refresh},
    dpop::{DpopKey, claims, with},
    tokens::{text, userinfo},
};
use axum::{body::Body, http::Request};
use keyward::model::ClientId;
use keyward::secrets::{base64url, random};
use serde_json::{Value, json};
use time::Duration;

/// Headers and claims of proofs that are wrong in one way each.
fn wrong(t: &TestApp, key: &DpopKey) -> Vec<(&'static str, String)> {
    let now = t.app.clock.now();
    let good = claims("POST", TOKEN_URL, now);
    let header = |changes: Value| key.sign(&with(&key.header(), &changes), &good);
    let claim = |changes: Value| key.sign(&key.header(), &with(&good, &changes));
    let stranger = DpopKey::es256();
    let private = with(&key.jwk, &json!({"d": base64url(random())}));
    let unsigned = format!("{}.{}.", base64url(key.header().to_string()), base64url(good.to_string()));
    vec![
        ("empty", String::new()),
        ("no JWS", "x".into()),
        ("two JWS", format!("{}, {}", key.token_proof(t), key.token_proof(t))),
        ("private jwk", header(json!({"jwk": private}))),
        ("symmetric jwk", header(json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}))),
        ("HS256", header(json!({"alg": "HS256"}))),
        ("none", unsigned),
        ("ES384", header(json!({"alg": "ES384"}))),
        ("EdDSA with an EC key", header(json!({"alg": "EdDSA"}))),
        ("typ JWT", header(json!({"typ": "JWT"}))),
        ("typ at+jwt", header(json!({"typ": "at+jwt"}))),
        ("no typ", header(json!({"typ": null}))),
        ("no jwk", header(json!({"jwk": null}))),
        ("kid and no jwk", header(json!({"jwk": null, "kid": "k"}))),
        ("crit", header(json!({"crit": ["exp"], "exp": 1}))),
        ("another's key", header(json!({"jwk": stranger.jwk}))),
        ("wrong htm", claim(json!({"htm": "GET"}))),
        ("lower case htm", claim(json!({"htm": "post"}))),
        ("no htm", claim(json!({"htm": null}))),
        ("htu of another server", claim(json!({"htu": "https://evil.example/token"}))),
        ("htu of another path", claim(json!({"htu": "https://auth.example/revoke"}))),
        ("htu by http", claim(json!({"htu": "http://auth.example/token"}))),
        ("no htu", claim(json!({"htu": null}))),
        ("10 min old", claim(json!({"iat": now.unix_timestamp() - 600}))),
        ("301 s old", claim(json!({"iat": now.unix_timestamp() - 301}))),
        ("a minute ahead", claim(json!({"iat": now.unix_timestamp() + 60}))),
        ("iat as text", claim(json!({"iat": now.unix_timestamp().to_string()}))),
        ("no iat", claim(json!({"iat": null}))),
        ("no jti", claim(json!({"jti": null}))),
        ("empty jti", claim(json!({"jti": ""}))),
        ("long jti", claim(json!({"jti": "j".repeat(1025)}))),
        ("jti no text", claim(json!({"jti": 7}))),
        ("huge", claim(json!({"padding": "p".repeat(9000)}))),
    ]
}

#[tokio::test]
async fn attack_68_a_proof_that_is_wrong_in_any_way_is_refused_and_costs_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let code = t.code(&client, &[]).await;
    for (what, proof) in wrong(&t, &key) {
        let answer = redeem(&t, &client, &code, &proof).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_dpop_proof")), "{what}");
    }
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", &code)];
    let form = [&form[..], &[("code_verifier", VERIFIER)]].concat();
    let twice = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let twice = twice.header("dpop", key.token_proof(&t)).header("dpop", key.token_proof(&t));
    t.send(twice.body(Body::from(encode(&form))).unwrap()).await.refused(400, "invalid_dpop_proof");
    assert_eq!(redeem(&t, &client, &code, &key.token_proof(&t)).await.status, 200);
}

#[tokio::test]
async fn attack_68_a_proof_that_two_readers_may_read_differently_is_refused_and_so_is_a_doubtful_key() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let code = t.code(&client, &[]).await;
    let (header, good) = (key.header(), claims("POST", TOKEN_URL, t.app.clock.now()));
    let first = |members: &Value, member: &str| members.to_string().replacen('{', &format!("{{{member},"), 1);
    let leaky = with(&header, &json!({"jwk": with(&key.jwk, &json!({"dp": "c2VjcmV0"}))}));
    let large = json!({"kty": "RSA", "n": base64url([255; 513]), "e": "AQAB"});
    for (proof, rule) in [
        (key.sign_text(&header.to_string(), &first(&good, r#""htm":"GET""#)), "JSON objects"),
        (key.sign_text(&first(&header, r#""crit":null"#), &good.to_string()), "critical"),
        (key.sign(&leaky, &good), "private or symmetric key"),
        (key.sign(&with(&header, &json!({"alg": "RS256", "jwk": large})), &good), "does not fit its alg"),
    ] {
        let answer = redeem(&t, &client, &code, &proof).await;
        answer.refused(400, "invalid_dpop_proof");
        assert!(answer.json()["error_description"].as_str().unwrap().contains(rule), "{rule}: {answer:?}");
    }
    assert_eq!(redeem(&t, &client, &code, &key.sign(&header, &good)).await.status, 200);
}

#[tokio::test]
async fn attack_68_a_proof_counts_once_and_its_url_may_be_spelled_in_any_way() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let mut tokens = bound(&t, &client, &key, &[]).await;
    let again = async |tokens: &Value, proof: &str| {
        let form =
            [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", text(tokens, "refresh_token"))];
        t.post_with("/token", &form, &[("dpop", proof)]).await
    };
    for htu in [
        "https://AUTH.Example/token",
        "HTTPS://auth.example/token",
        "https://auth.example:443/token",
        "https://auth.example/token?a=b",
        "https://auth.example/token#c",
    ] {
        let proof = key.proof("POST", htu, t.app.clock.now());
        let answer = again(&tokens, &proof).await;
        assert_eq!(answer.status, 200, "{htu}: {answer:?}");
        tokens = answer.json();
        again(&tokens, &proof).await.refused(400, "invalid_dpop_proof");
    }
    for seconds in [-240, -10, 10] {
        let proof = key.proof("POST", TOKEN_URL, t.app.clock.now() + Duration::seconds(seconds));
        let answer = again(&tokens, &proof).await;
        assert_eq!(answer.status, 200, "{seconds}");
        tokens = answer.json();
    }
}

#[tokio::test]
async fn attack_69_where_a_nonce_is_demanded_no_proof_counts_without_a_fresh_one() {
    let t = TestApp::with("dpop.require_nonce = true").await;
    // To the beginning of a nonce's time.
    t.app.clock.advance(Duration::seconds(300 - t.app.clock.now().unix_timestamp() % 300));
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let code = t.code(&client, &[]).await;
    let proof = |nonce: Option<&str>| key.proof_with("POST", TOKEN_URL, t.app.clock.now(), json!({"nonce": nonce}));
    let demanded = |answer: &Answer| {
        answer.refused(400, "use_dpop_nonce");
        assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1);
        assert!(answer.header("access-control-expose-headers").contains("dpop-nonce"));
        answer.header("dpop-nonce").to_owned()
    };
    let nonce = demanded(&redeem_from_afar(&t, &client, &code, &proof(None)).await);
    for guess in ["", "x", &nonce[1..], &format!("{nonce}A")] {
        demanded(&redeem_from_afar(&t, &client, &code, &proof(Some(guess))).await);
    }
    let answer = redeem(&t, &client, &code, &proof(Some(&nonce))).await;
    assert_eq!((answer.status.as_u16(), answer.header("dpop-nonce")), (200, nonce.as_str()));
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", "x")];
    let later = async |nonce: Option<&str>| t.post_with("/token", &form, &[("dpop", &proof(nonce))]).await;
    later(None).await.refused(400, "use_dpop_nonce");
    // The nonce before the current one still counts, the one before that no longer.
    t.app.clock.advance(Duration::seconds(300));
    later(Some(&nonce)).await.refused(400, "invalid_grant");
    t.app.clock.advance(Duration::seconds(300));
    assert_ne!(demanded_of_later(&later(Some(&nonce)).await), nonce);
}

fn demanded_of_later(answer: &Answer) -> String {
    answer.refused(400, "use_dpop_nonce");
    answer.header("dpop-nonce").to_owned()
}

async fn redeem_from_afar(t: &TestApp, client: &ClientId, code: &str, proof: &str) -> Answer {
    let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code)];
    let form = [&form[..], &[("code_verifier", VERIFIER)]].concat();
    t.post_with("/token", &form, &[("dpop", proof), ("origin", "https://spa.example")]).await
}

#[tokio::test]
async fn attack_70_a_stolen_refresh_token_of_a_public_client_is_no_use_without_its_key() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, thief) = (DpopKey::es256(), DpopKey::es256());
    let tokens = bound(&t, &client, &key, &[]).await;
    let token = text(&tokens, "refresh_token");
    refresh(&t, &client, token, &thief).await.refused(400, "invalid_grant");
    t.refresh(&client, token).await.refused(400, "invalid_grant");
    let rotated = refresh(&t, &client, token, &key).await.json();
    // Long rotated, it does not take the family down in a thief's hands either.
    t.app.clock.advance(Duration::hours(1));
    refresh(&t, &client, token, &thief).await.refused(400, "invalid_grant");
    assert_eq!(refresh(&t, &client, text(&rotated, "refresh_token"), &key).await.status, 200);
    // In its owner's hands it is a replay as ever.
    t.app.clock.advance(Duration::hours(1));
    refresh(&t, &client, token, &key).await.refused(400, "invalid_grant");
    assert!(crate::support::tokens::grant_of(&t, &tokens).await.revoked_at.is_some());
}

#[tokio::test]
async fn attack_70_a_request_pushed_with_a_proof_binds_its_code_to_that_key() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, thief) = (DpopKey::es256(), DpopKey::es256());
    let path = authorize_path(&client, &[("dpop_jkt", &thief.thumbprint())]);
    let mixed: Vec<_> = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let mixed: Vec<_> = mixed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let proof = || key.proof("POST", &format!("{}/par", crate::support::app::ISSUER), t.app.clock.now());
    t.post_with("/par", &mixed, &[("dpop", &proof())]).await.refused(400, "invalid_dpop_proof");

    let plain: Vec<_> = mixed.into_iter().filter(|(name, _)| *name != "dpop_jkt").collect();
    let pushed = t.post_with("/par", &plain, &[("dpop", &proof())]).await.json();
    let form = [("client_id", client.as_str()), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let path = format!("/authorize?{}", crate::support::app::encode(&form));
    let code = t.signed_in("alice").await.approve(&path).await.returned("code").unwrap();
    redeem(&t, &client, &code, &thief.token_proof(&t)).await.refused(400, "invalid_grant");
    assert_eq!(redeem(&t, &client, &code, &key.token_proof(&t)).await.status, 200);
}

#[tokio::test]
async fn attack_70_a_code_bound_to_a_key_is_no_use_to_another() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, thief) = (DpopKey::es256(), DpopKey::es256());
    let code = t.code(&client, &[("dpop_jkt", &key.thumbprint())]).await;
    redeem(&t, &client, &code, &thief.token_proof(&t)).await.refused(400, "invalid_grant");
    t.redeem(&client, &code).await.refused(400, "invalid_grant");
    assert_eq!(redeem(&t, &client, &code, &key.token_proof(&t)).await.status, 200);
    for malformed in ["x", &format!("{}=", key.thumbprint()), &key.thumbprint()[1..]] {
        let path = authorize_path(&client, &[("dpop_jkt", malformed)]);
        let answer = t.signed_in("alice").await.get(&path).await;
        assert_eq!(answer.returned("error").as_deref(), Some("invalid_request"), "{malformed}");
    }
}

#[tokio::test]
async fn attack_70_a_stolen_bound_token_opens_userinfo_to_nobody_else() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, thief) = (DpopKey::es256(), DpopKey::es256());
    let tokens = bound(&t, &client, &key, &[("scope", "openid")]).await;
    let (token, now) = (text(&tokens, "access_token"), t.app.clock.now());
    let (bearer, authorization) = (format!("Bearer {token}"), format!("DPoP {token}"));

    let answer = userinfo(&t, &[("authorization", &bearer)]).await;
    answer.refused(401, "invalid_token");
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert!(challenges.iter().any(|one| one.to_str().unwrap().starts_with("Bearer ")));
    assert!(challenges.iter().any(|one| one.to_str().unwrap().contains(r#"algs="ES256 RS256 EdDSA Ed25519""#)));

    let good = key.proof_for(token, "GET", USERINFO_URL, now);
    let wrong = [
        key.proof("GET", USERINFO_URL, now),
        key.proof_for("another", "GET", USERINFO_URL, now),
        key.proof_for(token, "POST", USERINFO_URL, now),
        key.proof_for(token, "GET", TOKEN_URL, now),
        thief.proof_for(token, "GET", USERINFO_URL, now),
        good.clone(),
    ];
    assert_eq!(userinfo(&t, &[("authorization", &authorization), ("dpop", &good)]).await.status, 200);
    for proof in wrong {
        let answer = userinfo(&t, &[("authorization", &authorization), ("dpop", &proof)]).await;
        answer.refused(401, "invalid_dpop_proof");
        assert!(answer.header("www-authenticate").starts_with("DPoP ") && !answer.body.contains(token));
    }
    userinfo(&t, &[("authorization", &authorization)]).await.refused(401, "invalid_dpop_proof");

    // And a bearer token gains nothing by the other scheme.
    let tokens = t.tokens(&client, &[("scope", "openid")]).await;
    let token = text(&tokens, "access_token");
    let proof = key.proof_for(token, "GET", USERINFO_URL, now);
    let answer = userinfo(&t, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]).await;
    answer.refused(401, "invalid_token");
    assert!(answer.header("www-authenticate").starts_with("DPoP "));
}
