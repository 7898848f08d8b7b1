//! Attacks on registration management (RFC 7592): other clients' tokens, chosen secrets, deleted clients.
use crate::support::{
    app::{CALLBACK, TestApp},
    registration::{ON, manage, refreshing, registered},
};
use keyward::{
    model::{ClientId, ClientSource},
    storage::{clients, registration_access_tokens},
};
use serde_json::{Value, json};

#[tokio::test]
async fn attack_85_a_token_opens_its_own_registration_and_no_other() {
    let t = TestApp::with(ON).await;
    let (mine, my_token) = registered(&t, &refreshing("mine", CALLBACK)).await;
    let (theirs, their_token) = registered(&t, &refreshing("theirs", CALLBACK)).await;
    t.public_client("seeded", &[CALLBACK]).await;
    let before = clients::find(&t.db, &ClientId::from(&*theirs)).await.unwrap().unwrap().metadata;
    let tokens = t.tokens(&ClientId::from(&*theirs), &[]).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    for (id, token) in [
        (&*theirs, &*my_token),
        (&theirs, ""),
        (&theirs, "kwm_made-up"),
        (&theirs, access_token),
        (&theirs, tokens["refresh_token"].as_str().unwrap()),
        ("seeded", &my_token),
        ("unknown", &my_token),
        ("%00", &my_token),
        ("%ff", &my_token),
        ("x%2Fy", &my_token),
    ] {
        let mut body = refreshing("taken over", CALLBACK);
        body["client_id"] = json!(id);
        for (method, body) in [("GET", None), ("PUT", Some(&body)), ("DELETE", None)] {
            let answer = manage(&t, method, id, token, body).await;
            answer.refused(401, "invalid_token");
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{answer:?}");
        }
    }
    let after = clients::find(&t.db, &ClientId::from(&*theirs)).await.unwrap().unwrap();
    assert_eq!((after.metadata, after.source), (before, ClientSource::Dcr));
    assert_eq!(manage(&t, "GET", &mine, &my_token, None).await.status, 200);
    assert_eq!(manage(&t, "GET", &theirs, &their_token, None).await.status, 200);
}

#[tokio::test]
async fn attack_85_an_update_may_not_choose_what_only_the_server_chooses() {
    let t = TestApp::with(ON).await;
    let (public_id, public_token) = registered(&t, &refreshing("public", CALLBACK)).await;
    let (id, token) = registered(&t, &json!({"client_name": "secret", "redirect_uris": [CALLBACK]})).await;
    let put = async |id: &str, token: &str, base: &Value, name: &str, value: Value| {
        let mut body = base.clone();
        body["client_id"] = json!(id);
        body[name] = value;
        manage(&t, "PUT", id, token, Some(&body)).await
    };
    let base = json!({"client_name": "secret", "redirect_uris": [CALLBACK]});
    for (name, value) in [
        ("client_secret", json!("chosen")),
        ("client_secret", json!("kws_chosen")),
        ("client_id", json!(public_id)),
        ("client_id", json!(null)),
        ("registration_access_token", json!(token)),
        ("registration_client_uri", json!("https://evil.example/")),
        ("client_secret_expires_at", json!(0)),
        ("client_id_issued_at", json!(0)),
        ("token_endpoint_auth_method", json!("none")),
        ("token_endpoint_auth_method", json!("client_secret_jwt")),
        ("grant_types", json!(["password"])),
    ] {
        put(&id, &token, &base, name, value).await.refused(400, "invalid_client_metadata");
    }
    for uri in ["javascript:alert(1)", "http://evil.example/cb", "https://client.example/cb#x"] {
        put(&id, &token, &base, "redirect_uris", json!([uri])).await.refused(400, "invalid_redirect_uri");
    }
    let secret =
        put(&public_id, &public_token, &refreshing("public", CALLBACK), "client_secret", json!("chosen")).await;
    secret.refused(400, "invalid_client_metadata");
    let mut no_longer_public = refreshing("public", CALLBACK);
    no_longer_public.as_object_mut().unwrap().remove("token_endpoint_auth_method");
    let answer = put(&public_id, &public_token, &no_longer_public, "client_name", json!("x")).await;
    answer.refused(400, "invalid_client_metadata");
    for body in ["", "[]", "{\"client_id\":1,\"client_id\":2}"] {
        let request = axum::http::Request::put(format!("/register/{id}")).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = t.send(request.body(axum::body::Body::from(body)).unwrap()).await;
        answer.refused(400, "invalid_client_metadata");
    }
    let kept = manage(&t, "GET", &id, &token, None).await.json();
    assert_eq!((&kept["client_name"], &kept["redirect_uris"]), (&json!("secret"), &json!([CALLBACK])));
}

#[tokio::test]
async fn attack_85_after_deletion_everything_of_the_client_is_dead_on_every_node() {
    let t = TestApp::with(ON).await;
    let (id, token) = registered(&t, &refreshing("doomed", CALLBACK)).await;
    let client = ClientId::from(&*id);
    let tokens = t.tokens(&client, &[]).await;
    let code = t.code(&client, &[]).await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert_eq!(t.introspect(access).await.json()["active"], true);
    let mut body = refreshing("back", CALLBACK);
    body["client_id"] = json!(id);

    assert_eq!(manage(&t, "DELETE", &id, &token, None).await.status, 204);
    assert_eq!(t.introspect(access).await.json(), json!({"active": false}));
    t.refresh(&client, refresh).await.refused(401, "invalid_client");
    t.redeem(&client, &code).await.refused(401, "invalid_client");
    for (method, body) in [("GET", None), ("PUT", Some(&body)), ("DELETE", None)] {
        manage(&t, method, &id, &token, body).await.refused(401, "invalid_token");
    }
    assert!(clients::find(&t.db, &client).await.unwrap().is_none());
    let hash = keyward::secrets::Digest::of(&token);
    assert!(registration_access_tokens::find(&t.db, &hash).await.unwrap().is_none());
}

#[tokio::test]
async fn attack_85_a_disabled_client_cannot_shake_that_off() {
    let t = TestApp::with(ON).await;
    let (id, token) = registered(&t, &refreshing("disabled", CALLBACK)).await;
    t.db.set_client_disabled(&ClientId::from(&*id), Some(t.app.clock.now())).await;
    let mut body = refreshing("back", CALLBACK);
    body["client_id"] = json!(id);
    for (method, body) in [("GET", None), ("PUT", Some(&body)), ("DELETE", None)] {
        manage(&t, method, &id, &token, body).await.refused(403, "forbidden");
    }
    assert!(clients::find(&t.db, &ClientId::from(&*id)).await.unwrap().unwrap().disabled_at.is_some());
}

#[tokio::test]
async fn attack_85_updates_are_counted_like_registrations() {
    let t = TestApp::with(&format!("{ON}\nregistration.burst = 3\nregistration.per_minute = 1")).await;
    let (id, token) = registered(&t, &refreshing("busy", CALLBACK)).await;
    let mut refused = false;
    for n in 0..5 {
        let mut body = refreshing(&format!("busy {n}"), CALLBACK);
        body["client_id"] = json!(id);
        refused |= manage(&t, "PUT", &id, &token, Some(&body)).await.status == 429;
    }
    assert!(refused);
}
