//! Redirect URIs that are left out of a registration: the response says so, and they are never redirected to.
use crate::support::app::{CALLBACK, TestApp, authorize_path};
use keyward::{
    events::EventType,
    model::ClientId,
    storage::{audit_events, clients},
};
use serde_json::{Value, json};

/// What real programs use, beside those of RFC 8252.
const SHIPPED: [&str; 7] = ["cursor", "vscode", "vscode-insiders", "zed", "windsurf", "workbuddy", "VSCode"];

fn public(redirect_uris: &Value) -> Value {
    json!({"client_name": "Editor", "redirect_uris": redirect_uris, "token_endpoint_auth_method": "none"})
}

async fn details(t: &TestApp, event_type: &str) -> Value {
    let events = audit_events::recent(&t.db, 20).await.unwrap();
    events.into_iter().find(|event| event.event_type == event_type).unwrap().details
}

#[tokio::test]
async fn schemes_of_programs_that_many_have_are_known_from_the_start() {
    let t = TestApp::start().await;
    for scheme in SHIPPED {
        let uris = json!([format!("{scheme}://publisher.extension/oauth/callback")]);
        let answer = t.register(&public(&uris)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["redirect_uris"]), (201, &uris), "{answer:?}");
    }
    // An operator's own list takes the place of ours.
    let own = TestApp::with("registration.private_use_schemes = ['mine']").await;
    own.register(&public(&json!(["vscode://x/cb"]))).await.refused(400, "invalid_redirect_uri");
    assert_eq!(own.register(&public(&json!(["mine://x/cb"]))).await.status, 201);
}

#[tokio::test]
async fn one_unknown_scheme_does_not_cost_the_client_its_other_redirect_uris() {
    let t = TestApp::start().await;
    let answer = t.register(&public(&json!(["myapp://cb", CALLBACK, "http://127.0.0.1/cb"]))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    assert_eq!(answer["redirect_uris"], json!([CALLBACK, "http://127.0.0.1/cb"]));
    let client = ClientId::from(answer["client_id"].as_str().unwrap());
    let stored = clients::find(&t.db, &client).await.unwrap().unwrap();
    assert_eq!(stored.metadata.redirect_uris, [CALLBACK, "http://127.0.0.1/cb"]);
    // No code ever goes there.
    let sent = t.signed_in("alice").await.get(&authorize_path(&client, &[("redirect_uri", "myapp://cb")])).await;
    sent.page(400);
    assert!(
        t.signed_in("alice")
            .await
            .approve(&authorize_path(&client, &[("redirect_uri", CALLBACK)]))
            .await
            .returned("code")
            .is_some()
    );

    let left_out = &details(&t, "registration").await["left_out"];
    assert_eq!((left_out.as_array().unwrap().len(), &left_out[0]["redirect_uri"]), (1, &json!("myapp://cb")));
    assert!(left_out[0]["rule"].as_str().unwrap().contains("reversed domain name"), "{left_out}");
    let traced = t.app.trace.recent();
    let told = traced.iter().find(|one| one.event_type == EventType::DcrRedirectUriLeftOut).unwrap();
    assert_eq!(told.client_id.as_ref(), Some(&client));
    assert!(told.rule.as_ref().unwrap().contains("reversed domain name"));
    // With and without it is the same registration.
    let same = t.register(&public(&json!([CALLBACK, "http://127.0.0.1/cb"]))).await.json();
    assert_eq!(same["client_id"], client.as_str());
}

#[tokio::test]
async fn nothing_is_left_out_until_nothing_is_left_nor_beside_an_attack() {
    let t = TestApp::start().await;
    let many: Vec<_> = (0..21).map(|n| format!("app{n}:/cb")).chain([CALLBACK.to_owned()]).collect();
    for uris in [
        json!(["myapp://cb"]),
        json!(["myapp://cb", "urn:ietf:wg:oauth:2.0:oob"]),
        json!(["myapp://cb", "javascript:alert(1)"]),
        json!(["myapp://cb", CALLBACK, "javascript:alert(1)"]),
        json!([CALLBACK, "http://client.example/cb"]),
        json!(many),
    ] {
        t.register(&public(&uris)).await.refused(400, "invalid_redirect_uri");
    }
    assert_eq!(clients::count_unused(&t.db).await.unwrap(), 0);
}

#[tokio::test]
async fn an_update_leaves_out_what_a_registration_does() {
    let t = TestApp::with("registration.management = true").await;
    let first = t.register(&public(&json!([CALLBACK]))).await.json();
    let id = first["client_id"].as_str().unwrap();
    let mut body = public(&json!(["http://127.0.0.1/new", "myapp://cb"]));
    body["client_id"] = json!(id);
    let put = |body: &Value| {
        let token = first["registration_access_token"].as_str().unwrap();
        axum::http::Request::put(format!("/register/{id}"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(axum::body::Body::from(body.to_string()))
            .unwrap()
    };
    let answer = t.send(put(&body)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["redirect_uris"]), (200, &json!(["http://127.0.0.1/new"])));
    assert_eq!(details(&t, "registration_updated").await["left_out"][0]["redirect_uri"], "myapp://cb");
    body["redirect_uris"] = json!(["myapp://cb"]);
    t.send(put(&body)).await.refused(400, "invalid_redirect_uri");
    let stored = clients::find(&t.db, &ClientId::from(id)).await.unwrap().unwrap();
    assert_eq!(stored.metadata.redirect_uris, ["http://127.0.0.1/new"]);
}
