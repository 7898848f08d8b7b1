//! Attacks on identity assertions (Identity Assertion JWT Authorization Grant §4.4.1 and §8).
use crate::support::{
    app::{CALLBACK, ISSUER, MCP, TestApp},
    client_key::{ClientKey, with},
    issuer::{IDP, SECRET, Trusting, settings},
};
use keyward::{
    model::grant_type::JWT_BEARER,
    secrets::base64url,
    storage::{grants, subject_links},
};
use serde_json::json;

/// Nothing came of anything that was tried, and the right one still works.
async fn nothing_changed(idp: &Trusting) {
    let alice = idp.t.user_named("alice").await;
    assert!(grants::find_by_user(idp.db(), alice.id).await.unwrap().is_empty());
    assert!(subject_links::find(idp.db(), IDP, "", "00u1").await.unwrap().is_none());
    let good = idp.redeem(&idp.assertion(&json!({})), &[]).await;
    assert_eq!(good.status, 200, "{good:?}");
}

#[tokio::test]
async fn attack_77_what_was_signed_for_another_purpose_is_no_identity_assertion() {
    let idp = Trusting::start().await;
    let claims = idp.claims(&json!({}));
    for typ in [json!("JWT"), json!(null), json!("at+jwt"), json!("id-jag+jwt"), json!(""), json!(["oauth-id-jag+jwt"])]
    {
        let assertion = idp.key.sign(&with(idp.key.header(), &json!({"typ": typ})), &claims);
        idp.redeem(&assertion, &[]).await.refused(400, "invalid_grant");
    }
    nothing_changed(&idp).await;
    let long = idp.key.sign(&with(idp.key.header(), &json!({"typ": "application/OAuth-ID-JAG+jwt"})), &claims);
    assert_eq!(idp.redeem(&long, &[]).await.status, 200);
}

#[tokio::test]
async fn attack_77_an_assertion_for_anybody_but_this_server_is_refused() {
    let idp = Trusting::start().await;
    for aud in [
        json!([ISSUER, "https://other.example"]),
        json!([ISSUER, ISSUER]),
        json!(format!("{ISSUER}/token")),
        json!(format!("{ISSUER}/")),
        json!("https://other.example"),
        json!(MCP),
        json!([]),
        json!(null),
        json!({"0": ISSUER}),
    ] {
        idp.redeem(&idp.assertion(&json!({"aud": aud})), &[]).await.refused(400, "invalid_grant");
    }
    nothing_changed(&idp).await;
    assert_eq!(idp.redeem(&idp.assertion(&json!({"aud": [ISSUER]})), &[]).await.status, 200);
}

#[tokio::test]
async fn attack_77_an_assertion_of_another_client_or_by_a_public_one_is_refused() {
    let idp = Trusting::start().await;
    for client in [json!("second"), json!("AGENT"), json!("agent "), json!(["agent"]), json!(null), json!("")] {
        idp.redeem(&idp.assertion(&json!({"client_id": client})), &[]).await.refused(400, "invalid_grant");
    }
    let mine = idp.assertion(&json!({}));
    idp.redeem_as("second", &mine, &[], &[]).await.refused(400, "invalid_grant");
    let public = idp.assertion(&json!({"client_id": "open"}));
    let form = [("grant_type", JWT_BEARER), ("assertion", &public), ("client_id", "open")];
    idp.t.post("/token", &form).await.refused(400, "unauthorized_client");
    // A name is no proof, and neither is the assertion.
    let form = [("grant_type", JWT_BEARER), ("assertion", &mine), ("client_id", "agent")];
    idp.t.post("/token", &form).await.refused(401, "invalid_client");
    idp.t.post("/token", &form[..2]).await.refused(401, "invalid_client");
    let form = [&form[..], &[("client_secret", "wrong")]].concat();
    idp.t.post("/token", &form).await.refused(401, "invalid_client");
    nothing_changed(&idp).await;
}

#[tokio::test]
async fn attack_77_an_assertion_that_is_over_not_begun_too_long_or_nameless_is_refused() {
    let idp = Trusting::start().await;
    let now = idp.t.app.clock.now().unix_timestamp();
    for wrong in [
        json!({"exp": now}),
        json!({"exp": now - 1}),
        json!({"exp": now + 700}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"exp": 1e300}),
        json!({"iat": now + 60}),
        json!({"iat": null}),
        json!({"nbf": now + 60}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 7}),
        json!({"jti": "x".repeat(257)}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "x".repeat(256)}),
        json!({"sub": 7}),
        json!({"tenant": ""}),
        json!({"tenant": 7}),
        // What would narrow it and is not understood.
        json!({"authorization_details": [{"type": "x"}]}),
        json!({"scope": ["mcp:read"]}),
        json!({"scope": "mcp:read  mcp:write"}),
        json!({"resource": []}),
        json!({"resource": [7]}),
        json!({"resource": {"0": MCP}}),
    ] {
        let answer = idp.redeem(&idp.assertion(&wrong), &[]).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{wrong}");
        answer.refused(400, "invalid_grant");
    }
    nothing_changed(&idp).await;
}

#[tokio::test]
async fn attack_77_who_is_not_trusted_reads_the_same_as_who_did_not_sign() {
    let idp = Trusting::start().await;
    let stranger = ClientKey::es256("k");
    let (header, claims) = (idp.header(), idp.claims(&json!({})));
    let good = idp.key.sign(&header, &claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other_claims = base64url(idp.claims(&json!({"sub": "root", "email": "root@people.example"})).to_string());
    let swapped = format!("{}.{other_claims}.{signature}", message.split('.').next().unwrap());
    let answers = [
        idp.assertion(&json!({"iss": "https://other.example"})),
        idp.assertion(&json!({"iss": format!("{IDP}/")})),
        idp.assertion(&json!({"iss": ISSUER})),
        stranger.sign(&header, &claims),
        stranger.sign(&with(header.clone(), &json!({"jwk": stranger.jwk, "jku": "https://evil.example/k"})), &claims),
        idp.key.sign(&with(header.clone(), &json!({"kid": "unknown"})), &claims),
        swapped,
        format!("{message}."),
    ];
    let mut told = vec![];
    for assertion in answers {
        let answer = idp.redeem(&assertion, &[]).await;
        answer.refused(400, "invalid_grant");
        told.push(answer.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    for broken in [message, "", "a.b.c", "..", "é.é.é"] {
        let answer = idp.redeem(broken, &[]).await;
        answer.refused(400, if broken.is_empty() { "invalid_request" } else { "invalid_grant" });
    }
    for alg in [json!("none"), json!("HS256"), json!("RS256"), json!(null)] {
        let assertion = idp.key.sign(&with(header.clone(), &json!({"alg": alg})), &claims);
        idp.redeem(&assertion, &[]).await.refused(400, "invalid_grant");
    }
    let critical = idp.key.sign(&with(header.clone(), &json!({"crit": ["b64"]})), &claims);
    idp.redeem(&critical, &[]).await.refused(400, "invalid_grant");
    nothing_changed(&idp).await;
}

#[tokio::test]
async fn attack_77_what_this_server_signed_itself_is_nobodys_word() {
    let idp = Trusting::start().await;
    let claims = with(idp.claims(&json!({})), &json!({"iss": ISSUER}));
    for typ in ["oauth-id-jag+jwt", "at+jwt", "JWT"] {
        let own = idp.t.app.keys.sign("ES256", typ, &claims).unwrap();
        idp.redeem(&own, &[]).await.refused(400, "invalid_grant");
    }
    let person = idp.t.public_client("public", &[CALLBACK]).await;
    let tokens = idp.t.tokens(&person, &[("scope", "openid mcp:read")]).await;
    for token in ["access_token", "id_token"] {
        idp.redeem(tokens[token].as_str().unwrap(), &[]).await.refused(400, "invalid_grant");
    }
    assert!(subject_links::find(idp.db(), IDP, "", "00u1").await.unwrap().is_none());
}

#[tokio::test]
async fn attack_77_an_assertion_bound_to_a_key_is_nothing_without_its_proof() {
    let idp = Trusting::start().await;
    for cnf in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"jkt": 7}),
        json!({}),
        json!("jkt"),
    ] {
        idp.redeem(&idp.assertion(&json!({"cnf": cnf})), &[]).await.refused(400, "invalid_grant");
    }
    nothing_changed(&idp).await;
}

#[tokio::test]
async fn an_issuer_is_believed_only_in_what_it_is_trusted_for_and_signs_with() {
    let key = ClientKey::es256("k");
    let written = settings(&key, "link_by_email = ['people.example']\nalgorithms = ['RS256', 'EdDSA']");
    let idp = Trusting { t: TestApp::with(&written).await, key };
    keyward::clients::configured::write(&idp.t.app).await.unwrap();
    idp.redeem(&idp.assertion(&json!({})), &[]).await.refused(400, "invalid_grant");
    assert!(subject_links::find(idp.db(), IDP, "", "00u1").await.unwrap().is_none());
}

#[tokio::test]
async fn an_assertion_in_the_url_is_not_read_and_two_are_too_many() {
    let idp = Trusting::start().await;
    let assertion = idp.assertion(&json!({}));
    let form = [("grant_type", JWT_BEARER), ("client_id", "agent"), ("client_secret", SECRET)];
    idp.t.post(&format!("/token?assertion={assertion}"), &form).await.refused(400, "invalid_request");
    let twice = [&form[..], &[("assertion", &assertion), ("assertion", &assertion)]].concat();
    idp.t.post("/token", &twice).await.refused(400, "invalid_request");
    idp.t.post("/token", &form).await.refused(400, "invalid_request");
    nothing_changed(&idp).await;
}
