//! Attacks with workload tokens that a platform signed (RFC 7523 §3).
use crate::support::{
    app::{ISSUER, MCP, OTHER, basic},
    client_key::{ClientKey, proof, with},
    issuer::Trusting,
    platform::{PLATFORM, Platform},
};
use keyward::{
    model::{ClientId, grant_type::JWT_BEARER},
    storage::{audit_events, clients},
};
use serde_json::json;

/// Nobody was taken for a workload, and the right one still is.
async fn nothing_changed(ci: &Platform) {
    let trail = audit_events::recent(&ci.t.db, 100).await.unwrap();
    assert!(trail.iter().all(|event| event.event_type != "workload_identified"), "{trail:?}");
    let good = ci.ask(&ci.token(&json!({})), &[]).await;
    assert_eq!(good.status, 200, "{good:?}");
}

#[tokio::test]
async fn attack_77_another_workload_of_the_same_platform_is_nobody_here() {
    let ci = Platform::start().await;
    for claims in [
        json!({"repository": "acme/app2"}),
        json!({"repository": "ACME/app"}),
        json!({"repository": null}),
        json!({"repository": ["acme/app"]}),
        json!({"ref": "refs/pull/1/merge"}),
        json!({"ref": null}),
        json!({"repository": "evil/app", "sub": "repo:acme/app:ref:refs/heads/main"}),
        json!({"repository": "evil/app", "sub": "system:serviceaccount:jobs:nightly2"}),
        json!({"repository": "evil/app", "sub": "system:serviceaccount:jobs"}),
    ] {
        ci.ask(&ci.token(&claims), &[]).await.refused(400, "unauthorized_client");
    }
    nothing_changed(&ci).await;
}

#[tokio::test]
async fn attack_77_a_workloads_token_that_is_foreign_over_or_unsigned_is_refused() {
    let ci = Platform::start().await;
    let now = ci.t.app.clock.now().unix_timestamp();
    for wrong in [
        json!({"aud": [ISSUER, format!("{ISSUER}/token")]}),
        json!({"aud": [ISSUER, "https://kubernetes.default.svc"]}),
        json!({"aud": "https://kubernetes.default.svc"}),
        json!({"aud": format!("{ISSUER}/")}),
        json!({"aud": MCP}),
        json!({"aud": null}),
        json!({"iss": "https://other.example"}),
        json!({"iss": ISSUER}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"jti": null}),
        json!({"iat": null}),
        json!({"iat": now + 60}),
        json!({"nbf": now + 60}),
        json!({"exp": now}),
        json!({"exp": now + 3_700}),
        json!({"exp": null}),
    ] {
        let answer = ci.ask(&ci.token(&wrong), &[]).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{wrong}");
        answer.refused(400, "invalid_grant");
    }
    let (claims, stranger) = (ci.claims(&json!({})), ClientKey::rs256("k"));
    ci.ask(&stranger.sign(&stranger.header(), &claims), &[]).await.refused(400, "invalid_grant");
    for typ in ["at+jwt", "oauth-id-jag+jwt", "client-authentication+jwt", "dpop+jwt", ""] {
        let token = ci.key.sign(&with(ci.key.header(), &json!({"typ": typ})), &claims);
        ci.ask(&token, &[]).await.refused(400, "invalid_grant");
    }
    let own = ci.t.app.keys.sign("RS256", "JWT", &with(claims, &json!({"iss": ISSUER}))).unwrap();
    ci.ask(&own, &[]).await.refused(400, "invalid_grant");
    nothing_changed(&ci).await;
}

#[tokio::test]
async fn attack_77_nobody_is_a_workload_by_name_secret_or_key() {
    let ci = Platform::start().await;
    let token = ci.token(&json!({}));
    let form = [("grant_type", JWT_BEARER), ("assertion", token.as_str())];
    let named = [&form[..], &[("client_id", "deployer")]].concat();
    ci.t.post("/token", &named).await.refused(401, "invalid_client");
    let secret = [&named[..], &[("client_secret", "x")]].concat();
    ci.t.post("/token", &secret).await.refused(401, "invalid_client");
    let header = basic("deployer", "");
    ci.t.post_with("/token", &form, &[("authorization", &header)]).await.refused(401, "invalid_client");
    let assertion = ci.key.assertion(&ci.t, "deployer");
    for grant in ["client_credentials", JWT_BEARER] {
        let form = [&[("grant_type", grant), ("assertion", &token)], &proof(&assertion)[..]].concat();
        ci.t.post("/token", &form).await.refused(401, "invalid_client");
    }
    // The assertion says who it is for its own grant and endpoint only.
    for grant in ["client_credentials", "authorization_code", "refresh_token"] {
        let form = [("grant_type", grant), ("assertion", token.as_str())];
        ci.t.post("/token", &form).await.refused(401, "invalid_client");
    }
    for path in ["/revoke", "/introspect", "/par", "/device_authorization"] {
        ci.t.post(path, &[&form[..], &[("token", "x")]].concat()).await.refused(401, "invalid_client");
    }
    nothing_changed(&ci).await;
}

#[tokio::test]
async fn attack_77_what_one_issuer_is_trusted_for_it_is_not_trusted_for_otherwise() {
    // About people, and so not about programs.
    let idp = Trusting::start().await;
    let form = [("grant_type", JWT_BEARER), ("assertion", &*idp.assertion(&json!({})))];
    idp.t.post("/token", &form).await.refused(401, "invalid_client");
    // About programs, and so not about people.
    let ci = Platform::start().await;
    let client = ci.t.confidential_client("agent", "secret").await;
    let mut agent = clients::find(&ci.t.db, &client).await.unwrap().unwrap();
    agent.metadata.grant_types = vec![JWT_BEARER.into()];
    clients::put_seed(&ci.t.db, &agent).await.unwrap();
    ci.t.app.clients.forget(&ClientId::from("agent"));
    let header = with(ci.key.header(), &json!({"typ": "oauth-id-jag+jwt"}));
    let short = ci.t.app.clock.now().unix_timestamp() + 60;
    let claims = json!({"client_id": "agent", "resource": OTHER, "email": "alice@people.example", "exp": short});
    let form = [("grant_type", JWT_BEARER), ("assertion", &ci.key.sign(&header, &ci.claims(&claims)))];
    let answer = ci.t.post_with("/token", &form, &[("authorization", &basic("agent", "secret"))]).await;
    answer.refused(400, "invalid_grant");
    assert!(answer.body.contains("trusted") && !answer.body.contains(PLATFORM), "{answer:?}");
    nothing_changed(&ci).await;
}
