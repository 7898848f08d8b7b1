//! Complete flows, as a client and a user go through them.
use crate::support::app::{CALLBACK, ISSUER, MCP, OTHER, TestApp, authorize_path};
use keyward::model::ClientId;
use serde_json::json;

#[tokio::test]
async fn a_stranger_registers_is_allowed_in_calls_refreshes_and_is_revoked() {
    let t = TestApp::start().await;
    let asked = json!({
        "client_name": "My agent", "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
    });
    let registered = t.register(&asked).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    assert!(registered.json().get("any_secret_method").is_none());
    let client = ClientId::from(registered.json()["client_id"].as_str().unwrap());

    // A browser nobody is signed in at: to the sign-in page and back to the very same request.
    let mut browser = t.browser();
    let path = authorize_path(&client, &[("redirect_uri", "http://127.0.0.1:51004/callback"), ("resource", MCP)]);
    let to_login = browser.get(&path).await;
    assert!(to_login.location().starts_with("/login?return_to=%2Fauthorize%3F"), "{to_login:?}");
    let back = browser.sign_in("alice", crate::support::app::PASSWORD, &path).await;
    assert_eq!(back.location(), path);

    let consent = browser.get(&path).await;
    assert_eq!(consent.status, 200);
    for shown in ["My agent", "unverified", "Notes", MCP, "127.0.0.1", "Read your notes"] {
        assert!(consent.body.to_lowercase().contains(&shown.to_lowercase()), "{shown} is not on the page");
    }
    let done = browser.approve(&path).await;
    assert!(done.location().starts_with("http://127.0.0.1:51004/callback?code="), "{done:?}");
    assert_eq!(done.returned("state").as_deref(), Some("af0ifjsldkj"));
    assert_eq!(done.returned("iss").as_deref(), Some(ISSUER));

    let tokens = t.redeem(&client, &done.returned("code").unwrap()).await;
    assert_eq!(tokens.header("cache-control"), "no-store");
    let tokens = tokens.json();
    let claims = TestApp::claims(&tokens["access_token"]);
    assert_eq!((&claims["aud"], &claims["scope"], &claims["iss"]), (&json!(MCP), &json!("mcp:read"), &json!(ISSUER)));
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(t.introspect(tokens["access_token"].as_str().unwrap()).await.json()["active"], true);

    let mut refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    for _ in 0..20 {
        t.app.clock.advance(time::Duration::days(3));
        let refreshed = t.refresh(&client, &refresh_token).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        refresh_token = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
    }

    let access_token = t.refresh(&client, &refresh_token).await.json()["access_token"].clone();
    let revoked = t.post("/revoke", &[("client_id", client.as_str()), ("token", &refresh_token)]).await;
    assert_eq!((revoked.status.as_u16(), revoked.body.as_str()), (200, ""));
    assert_eq!(t.introspect(access_token.as_str().unwrap()).await.json(), json!({"active": false}));
    t.refresh(&client, &refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_step_up_shows_what_is_added_and_the_new_token_carries_the_union() {
    let t = TestApp::start().await;
    let client = t.stranger("agent", &["http://127.0.0.1/cb"]).await;
    let first = t.tokens(&client, &[("scope", "mcp:read")]).await;
    assert_eq!(first["scope"], "mcp:read");

    let mut browser = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("scope", "mcp:read mcp:write")]);
    let page = browser.get(&path).await;
    assert!(page.body.contains("Change your notes"), "{page:?}");
    let code = browser.approve(&path).await.returned("code").unwrap();
    let both = t.redeem(&client, &code).await.json();
    assert_eq!(both["scope"], "mcp:read mcp:write");
    // The earlier grant lives on as it was.
    let earlier = t.refresh(&client, first["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(earlier["scope"], "mcp:read");
}

#[tokio::test]
async fn a_client_behind_https_is_not_asked_for_twice_until_it_wants_more() {
    let t = TestApp::start().await;
    let client = t.stranger("web", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("scope", "mcp:read")]);
    assert_eq!(browser.get(&path).await.status, 200);
    browser.approve(&path).await.returned("code").unwrap();
    assert!(browser.get(&path).await.returned("code").is_some());
    let more = authorize_path(&client, &[("scope", "mcp:read mcp:write")]);
    assert_eq!(browser.get(&more).await.status, 200);
    // Another person is another question.
    assert_eq!(t.signed_in("bob").await.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_changed_client_is_asked_about_again() {
    let t = TestApp::start().await;
    let client = t.stranger("web", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    let path = authorize_path(&client, &[("redirect_uri", CALLBACK)]);
    browser.approve(&path).await.returned("code").unwrap();
    t.stranger("web", &[CALLBACK, "https://elsewhere.example/cb"]).await;
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("changed since you last allowed it"), "{page:?}");
}

#[tokio::test]
async fn openid_brings_an_id_token_and_userinfo() {
    let t = TestApp::start().await;
    let client = t.public_client("oidc", &[CALLBACK]).await;
    let asked = [("scope", "openid profile email offline_access"), ("nonce", "n-0S6_WzA2Mj")];
    let tokens = t.tokens(&client, &asked).await;
    let id_token = TestApp::claims(&tokens["id_token"]);
    assert_eq!((&id_token["aud"], &id_token["nonce"]), (&json!("oidc"), &json!("n-0S6_WzA2Mj")));
    assert!(id_token["auth_time"].is_i64() && id_token["at_hash"].is_string());
    assert_eq!(TestApp::claims(&tokens["access_token"])["aud"], ISSUER);

    let request = axum::http::Request::get("/userinfo")
        .header("authorization", format!("bearer {}", tokens["access_token"].as_str().unwrap()));
    let userinfo = t.send(request.body(axum::body::Body::empty()).unwrap()).await.json();
    let expected = json!({"sub": id_token["sub"], "preferred_username": "alice", "name": "ALICE",
        "email": "alice@people.example"});
    assert_eq!(userinfo, expected);
}

#[tokio::test]
async fn a_second_start_finds_the_keys_and_the_tokens_of_the_first() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let router = keyward::http::router(t.second_node().await);
    let jwks = axum::http::Request::get("/jwks").body(axum::body::Body::empty()).unwrap();
    assert_eq!(crate::support::app::send(&router, jwks).await.body, t.get("/jwks").await.body);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "c"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let request = axum::http::Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(axum::body::Body::from(crate::support::app::encode(&form))).unwrap();
    let there = crate::support::app::send(&router, request).await.json();
    // The answer was lost; the other node gives the same successor.
    let here = t.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(here["refresh_token"], there["refresh_token"]);
    assert_ne!(here["access_token"], there["access_token"]);
}

#[tokio::test]
async fn what_was_allowed_on_one_server_stays_allowed_when_another_comes_beside_it() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let first = authorize_path(&client, &[("scope", "mcp:read mcp:write"), ("resource", MCP)]);
    let both = authorize_path(&client, &[("scope", "mcp:read other:read"), ("resource", MCP), ("resource", OTHER)]);
    for path in [&first, &both] {
        assert_eq!(alice.get(path).await.status, 200);
        assert!(alice.approve(path).await.returned("code").is_some());
    }
    for path in [&first, &both] {
        assert!(alice.get(path).await.returned("code").is_some(), "asked again for {path}");
    }
}

#[tokio::test]
async fn the_longest_state_survives_sign_in_and_consent() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &["http://localhost/cb"]).await;
    let state = "é\"<&+".repeat(680);
    let path = authorize_path(&client, &[("state", &state)]);
    let mut browser = t.browser();
    assert!(browser.get(&path).await.location().starts_with("/login?"));
    assert_eq!(browser.sign_in("alice", crate::support::app::PASSWORD, &path).await.location(), path);
    assert_eq!(browser.approve(&path).await.returned("state"), Some(state));
}

#[tokio::test]
async fn where_no_metadata_is_browsers_may_read_that() {
    let t = TestApp::start().await;
    let answer = t.get("/.well-known/oauth-protected-resource").await;
    answer.refused(404, "not_found");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}
