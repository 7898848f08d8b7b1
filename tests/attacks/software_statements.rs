//! Attacks with software statements (RFC 7591 §2.3, §5).
use crate::support::{
    app::{CALLBACK, ISSUER, MCP},
    client_key::{ClientKey, with},
    vendor::{VENDOR, Vendor},
};
use keyward::storage::clients;
use serde_json::json;

async fn nothing_changed(vendor: &Vendor) {
    assert_eq!(clients::count_unused(&vendor.t.db).await.unwrap(), 0);
    assert_eq!(vendor.register(&vendor.statement(&json!({})), &json!({})).await.status, 201);
}

#[tokio::test]
async fn a_statement_of_who_is_not_trusted_reads_the_same_as_one_that_was_not_signed() {
    let vendor = Vendor::start().await;
    let (header, stranger) = (vendor.key.header(), ClientKey::es256("k"));
    let claims = json!({"iss": VENDOR, "software_id": "x", "client_name": "Notes", "redirect_uris": [CALLBACK]});
    let good = vendor.key.sign(&header, &claims);
    let (message, _) = good.rsplit_once('.').unwrap();
    let mut told = vec![];
    for statement in [
        stranger.sign(&header, &claims),
        stranger.sign(&with(header.clone(), &json!({"jwk": stranger.jwk})), &claims),
        vendor.statement(&json!({"iss": "https://other.example"})),
        vendor.statement(&json!({"iss": null})),
        vendor.statement(&json!({"iss": ISSUER})),
        format!("{message}."),
    ] {
        let answer = vendor.register(&statement, &json!({"redirect_uris": [CALLBACK]})).await;
        answer.refused(400, "unapproved_software_statement");
        told.push(answer.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    nothing_changed(&vendor).await;
}

#[tokio::test]
async fn what_is_no_statement_is_refused_and_never_left_out() {
    let vendor = Vendor::start().await;
    let now = vendor.t.app.clock.now().unix_timestamp();
    let claims = json!({"iss": VENDOR, "software_id": "x", "redirect_uris": [CALLBACK]});
    let typed = |typ: &str| vendor.key.sign(&with(vendor.key.header(), &json!({"typ": typ})), &claims);
    let mut broken: Vec<_> = [
        json!({"exp": now - 1}),
        json!({"exp": "soon"}),
        json!({"nbf": now + 600}),
        json!({"iat": now + 600}),
        json!({"aud": "https://other.example"}),
        json!({"aud": [MCP]}),
        json!({"aud": []}),
        // An ID token or the like.
        json!({"software_id": null, "sub": "alice"}),
        json!({"software_id": ""}),
        json!({"software_id": 7}),
    ]
    .iter()
    .map(|claims| json!(vendor.statement(claims)))
    .collect();
    broken.extend(["at+jwt", "oauth-id-jag+jwt", "client-authentication+jwt"].map(|typ| json!(typed(typ))));
    broken.extend([json!("x"), json!(""), json!("a.b.c"), json!(7), json!(["x"]), json!({"iss": VENDOR})]);
    for statement in broken {
        let body = json!({"software_statement": statement, "redirect_uris": [CALLBACK]});
        vendor.t.register(&body).await.refused(400, "invalid_software_statement");
    }
    nothing_changed(&vendor).await;
}

#[tokio::test]
async fn a_statement_gives_nobody_more_than_registering_does() {
    let vendor = Vendor::start().await;
    for (claims, error) in [
        (json!({"redirect_uris": ["http://client.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:x"]}), "invalid_redirect_uri"),
        (json!({"grant_types": ["client_credentials"]}), "invalid_client_metadata"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "invalid_client_metadata"),
        (json!({"jwks": {"keys": [{"kty": "RSA", "d": "x"}]}}), "invalid_client_metadata"),
    ] {
        vendor.register(&vendor.statement(&claims), &json!({})).await.refused(400, error);
    }
    let ours = json!({"scope_limit": "mcp:admin", "token_endpoint_audience": true, "vouched_by": ISSUER,
        "client_id": "mine", "client_secret": "mine", "any_secret_method": true});
    let answer = vendor.register(&vendor.statement(&ours), &json!({})).await.json();
    let id = answer["client_id"].as_str().unwrap();
    assert!(id.starts_with("kw_") && answer.get("client_secret").is_none(), "{answer}");
    let stored = clients::find(&vendor.t.db, &id.into()).await.unwrap().unwrap().policy;
    assert!(stored.scope_limit.is_none() && !stored.token_endpoint_audience && !stored.any_secret_method);
    assert_eq!(stored.vouched_by.as_deref(), Some(VENDOR));
    // Nor does saying so oneself.
    let own = json!({"vouched_by": VENDOR, "client_name": "Notes", "redirect_uris": [CALLBACK]});
    let answer = vendor.t.register(&own).await.json();
    let stored = clients::find(&vendor.t.db, &answer["client_id"].as_str().unwrap().into()).await.unwrap().unwrap();
    assert!(stored.policy.vouched_by.is_none());
}
