//! A client that manages its own registration (RFC 7592).
use crate::support::{
    app::{CALLBACK, ISSUER, TestApp, authorize_path},
    registration::{ON, manage, refreshing, registered},
};
use axum::{body::Body, http::Request};
use keyward::{model::ClientId, storage::clients};
use serde_json::json;

#[tokio::test]
async fn a_registration_is_read_changed_and_deleted_by_its_holder() {
    let t = TestApp::with(ON).await;
    let answer = t.register(&json!({"client_name": "Old", "redirect_uris": [CALLBACK], "scope": "mcp:read"})).await;
    let first = answer.json();
    let id = first["client_id"].as_str().unwrap();
    let token = first["registration_access_token"].as_str().unwrap();
    assert!(token.starts_with("kwm_"));
    assert_eq!(first["registration_client_uri"], format!("{ISSUER}/register/{id}"));

    let read = manage(&t, "GET", id, token, None).await;
    assert_eq!((read.status.as_u16(), read.header("cache-control")), (200, "no-store"));
    let mut expected = first.clone();
    for secret in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(secret);
    }
    assert_eq!(read.json(), expected);

    let body = json!({"client_id": id, "client_name": "New", "redirect_uris": ["https://client.example/new"],
        "client_secret": first["client_secret"]});
    let updated = manage(&t, "PUT", id, token, Some(&body)).await;
    assert_eq!((updated.status.as_u16(), updated.header("cache-control")), (200, "no-store"), "{updated:?}");
    let now = manage(&t, "GET", id, token, None).await.json();
    assert_eq!(updated.json(), now);
    assert_eq!((&now["client_name"], &now["redirect_uris"]), (&json!("New"), &json!(["https://client.example/new"])));
    // What was left out is gone; what was issued stays.
    assert!(now.get("scope").is_none());
    assert_eq!(now["client_id_issued_at"], first["client_id_issued_at"]);
    let secret = first["client_secret"].as_str().unwrap();
    let form = [("client_id", id), ("client_secret", secret), ("token", "x")];
    assert_eq!(t.post("/revoke", &form).await.status, 200);
    let mut browser = t.signed_in("alice").await;
    browser.get(&authorize_path(&ClientId::from(id), &[("redirect_uri", CALLBACK)])).await.page(400);

    let gone = manage(&t, "DELETE", id, token, None).await;
    assert_eq!((gone.status.as_u16(), gone.body.as_str(), gone.header("cache-control")), (204, "", "no-store"));
    t.post("/revoke", &form).await.refused(401, "invalid_client");
    assert!(clients::find(&t.db, &ClientId::from(id)).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_registration_again_is_another_client_where_each_is_managed() {
    let t = TestApp::with(ON).await;
    let (one, other) =
        (registered(&t, &refreshing("x", CALLBACK)).await, registered(&t, &refreshing("x", CALLBACK)).await);
    assert!(one.0 != other.0 && one.1 != other.1);
    manage(&t, "DELETE", &one.0, &one.1, None).await;
    assert_eq!(manage(&t, "GET", &other.0, &other.1, None).await.status, 200);
}

#[tokio::test]
async fn where_it_is_off_registrations_are_shared_and_nobody_gets_a_token() {
    for settings in ["", "registration.management = true\nregistration.policy = \"off\""] {
        let t = TestApp::with(settings).await;
        manage(&t, "GET", "c", "kwm_x", None).await.refused(404, "not_found");
    }
    let t = TestApp::start().await;
    let (one, other) =
        (t.register(&refreshing("x", CALLBACK)).await.json(), t.register(&refreshing("x", CALLBACK)).await.json());
    assert_eq!(one["client_id"], other["client_id"]);
    assert!(one.get("registration_access_token").is_none() && one.get("registration_client_uri").is_none());
}

#[tokio::test]
async fn people_are_asked_again_about_a_client_that_changed_and_told_so() {
    let t = TestApp::with(ON).await;
    let (id, token) = registered(&t, &refreshing("Old", CALLBACK)).await;
    let client = ClientId::from(&*id);
    t.code(&client, &[]).await;
    let mut browser = t.signed_in("alice").await;
    assert!(browser.get(&authorize_path(&client, &[])).await.returned("code").is_some());
    let mut body = refreshing("Old", CALLBACK);
    body["client_id"] = json!(id);
    // The same again changes nothing.
    assert_eq!(manage(&t, "PUT", &id, &token, Some(&body)).await.status, 200);
    assert!(browser.get(&authorize_path(&client, &[])).await.returned("code").is_some());
    body["redirect_uris"] = json!([format!("{CALLBACK}/elsewhere")]);
    assert_eq!(manage(&t, "PUT", &id, &token, Some(&body)).await.status, 200);
    let page = browser.get(&authorize_path(&client, &[])).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("changed since you last allowed it"), "{page:?}");
}

#[tokio::test]
async fn a_page_of_another_origin_may_manage_a_registration() {
    let t = TestApp::with(ON).await;
    for method in ["GET", "PUT", "DELETE"] {
        let request = Request::options("/register/c").header("origin", "https://app.example");
        let request = request.header("access-control-request-method", method);
        let request = request.header("access-control-request-headers", "authorization,content-type");
        let answer = t.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, "*"));
        assert!(answer.header("access-control-allow-methods").split(',').any(|one| one == method));
    }
    let post = manage(&t, "POST", "c", "kwm_x", None).await;
    assert_eq!(post.status, 405);
}
