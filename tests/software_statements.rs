//! Software statements of trusted issuers (RFC 7591 §2.3), at registration and at update.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, TestApp, authorize_path},
    client_key::ClientKey,
    registration::{ON, manage, registered},
    vendor::{VENDOR, Vendor, settings},
};
use keyward::{model::ClientId, storage::clients};
use serde_json::{Value, json};
use time::Duration;

/// What alice is asked about this client.
async fn asked(vendor: &Vendor, id: &str) -> Answer {
    let mut browser = vendor.t.signed_in("alice").await;
    browser.get(&authorize_path(&ClientId::from(id), &[])).await
}

#[tokio::test]
async fn what_the_issuer_signed_takes_the_place_of_what_the_client_says() {
    let vendor = Vendor::start().await;
    let statement = vendor.statement(&json!({"software_version": "2", "scope": "mcp:read"}));
    let own = json!({
        "client_name": "Anything", "redirect_uris": ["https://evil.example/cb"], "software_id": "other",
        "token_endpoint_auth_method": "client_secret_basic", "client_uri": "https://notes.example",
    });
    let answer = vendor.register(&statement, &own).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (201, "no-store"), "{answer:?}");
    let answer = answer.json();
    for (name, value) in [
        ("client_name", json!("Notes")),
        ("redirect_uris", json!([CALLBACK])),
        ("software_id", json!("notes-app")),
        ("software_version", json!("2")),
        ("scope", json!("mcp:read")),
        ("token_endpoint_auth_method", json!("none")),
        // What it says nothing about stays the client's own word.
        ("client_uri", json!("https://notes.example")),
        ("software_statement", json!(statement)),
    ] {
        assert_eq!(answer[name], value, "{name}");
    }
    for name in ["client_secret", "iss", "vouched_by"] {
        assert!(answer.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn people_are_told_who_signed_for_a_client_while_that_issuer_is_trusted() {
    let vendor = Vendor::start().await;
    let statement = vendor.statement(&json!({}));
    let id = vendor.register(&statement, &json!({})).await.json()["client_id"].as_str().unwrap().to_owned();
    let page = asked(&vendor, &id).await;
    assert!(page.body.contains("verified by <bdi>Vendor Inc.</bdi>"), "{page:?}");
    let t = TestApp::on(vendor.t.db, "").await;
    let mut browser = t.signed_in("alice").await;
    let page = browser.get(&authorize_path(&ClientId::from(&*id), &[])).await;
    assert!(page.status == 200 && !page.body.contains("verified by"), "{page:?}");
}

#[tokio::test]
async fn a_statement_that_leaves_name_or_redirects_to_the_client_verifies_nobody() {
    let vendor = Vendor::start().await;
    for (left_out, own) in [
        (json!({"redirect_uris": null}), json!({"redirect_uris": ["https://evil.example/cb"]})),
        (json!({"client_name": null}), json!({"client_name": "Notes by Vendor"})),
    ] {
        let answer = vendor.register(&vendor.statement(&left_out), &own).await;
        let id = answer.json()["client_id"].as_str().unwrap().to_owned();
        let page = asked(&vendor, &id).await;
        assert!(page.status == 200 && !page.body.contains("verified by"), "{page:?}");
    }
}

#[tokio::test]
async fn the_same_metadata_with_and_without_a_statement_are_two_clients() {
    let vendor = Vendor::start().await;
    let own = json!({"software_id": "notes-app", "client_name": "Notes", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none"});
    let id = |answer: Answer| answer.json()["client_id"].clone();
    let without = id(vendor.t.register(&own).await);
    let statement = vendor.statement(&json!({}));
    let with_it = id(vendor.register(&statement, &json!({})).await);
    assert_ne!(without, with_it);
    assert_eq!(id(vendor.register(&statement, &own).await), with_it);
    assert_eq!(id(vendor.t.register(&own).await), without);
}

#[tokio::test]
async fn an_update_is_judged_like_a_registration_and_one_without_the_statement_loses_it() {
    let vendor = Vendor::with(ON).await;
    let statement = vendor.statement(&json!({}));
    let (id, token) = registered(&vendor.t, &json!({"software_statement": statement})).await;
    let put = async |body: Value| manage(&vendor.t, "PUT", &id, &token, Some(&body)).await;
    let next = vendor.statement(&json!({"client_name": "Notes 2", "client_id": "another", "client_secret": "mine"}));
    let updated = put(json!({"client_id": id, "software_statement": next, "client_name": "Mine"})).await;
    assert_eq!(updated.status, 200, "{updated:?}");
    let updated = updated.json();
    assert_eq!((&updated["client_name"], &updated["software_statement"]), (&json!("Notes 2"), &json!(next)));
    assert_eq!(updated["client_id"], id.as_str());
    assert!(asked(&vendor, &id).await.body.contains("verified by"));

    let foreign = ClientKey::es256("k").sign(&vendor.key.header(), &json!({"iss": VENDOR, "software_id": "x"}));
    put(json!({"client_id": id, "software_statement": foreign})).await.refused(400, "unapproved_software_statement");
    put(json!({"client_id": id, "software_statement": "x"})).await.refused(400, "invalid_software_statement");
    let kept = clients::find(&vendor.t.db, &ClientId::from(&*id)).await.unwrap().unwrap();
    assert_eq!(kept.metadata.client_name.as_deref(), Some("Notes 2"));

    let plain = json!({"client_id": id, "client_name": "Notes 2", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none"});
    let updated = put(plain).await.json();
    assert!(updated.get("software_statement").is_none());
    assert!(!asked(&vendor, &id).await.body.contains("verified by"));
}

#[tokio::test]
async fn a_statement_may_end_and_be_for_this_server() {
    let vendor = Vendor::start().await;
    let now = vendor.t.app.clock.now().unix_timestamp();
    let ends = vendor.statement(&json!({"exp": now + 600, "iat": now, "nbf": now, "aud": ISSUER}));
    assert_eq!(vendor.register(&ends, &json!({})).await.status, 201);
    let several = vendor.statement(&json!({"aud": ["https://other.example", ISSUER]}));
    assert_eq!(vendor.register(&several, &json!({})).await.status, 201);
    vendor.t.app.clock.advance(Duration::seconds(600));
    vendor.register(&ends, &json!({})).await.refused(400, "invalid_software_statement");
}

#[tokio::test]
async fn where_nobody_is_trusted_to_make_them_statements_are_not_approved() {
    let vendor = Vendor::start().await;
    let statement = vendor.statement(&json!({}));
    let off = settings(&vendor.key, "").replace("software_statements = true", "identity_assertions = true");
    for settings in ["", &off] {
        let t = TestApp::with(settings).await;
        let answer = t.register(&json!({"software_statement": statement, "redirect_uris": [CALLBACK]})).await;
        answer.refused(400, "unapproved_software_statement");
        assert_eq!(clients::count_unused(&t.db).await.unwrap(), 0);
    }
}
