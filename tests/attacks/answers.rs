//! Attacks on endpoints that describe or revoke tokens: revocation, introspection, userinfo.
use crate::support::{
    app::{Answer, CALLBACK, MCP, TestApp, authorize_path, basic},
    tokens::{INACTIVE, family, grant_of, text},
};
use axum::{body::Body, http::Request};
use keyward::storage::revoked_tokens;
use time::Duration;

async fn userinfo(t: &TestApp, path: &str, token: Option<&str>, form: Option<&str>) -> Answer {
    let mut request = if form.is_some() { Request::post(path) } else { Request::get(path) };
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if form.is_some() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    t.send(request.body(Body::from(form.unwrap_or("").to_owned())).unwrap()).await
}

#[tokio::test]
async fn attack_78_revoking_is_quiet_about_what_is_unknown_and_deaf_to_other_clients() {
    let t = TestApp::start().await;
    let (client, tokens) = family(&t, "c").await;
    t.public_client("thief", &[CALLBACK]).await;
    let revoke = async |id: &str, token: &str, hint: &str| {
        t.post("/revoke", &[("client_id", id), ("token", token), ("token_type_hint", hint)]).await
    };
    let (refresh, access) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    for unknown in ["garbage", "kwr_AAAA", "a.b.c", "kwc_x", &access[..access.len() - 4], &format!("{refresh}A")] {
        let answer = revoke("c", unknown, "").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "{unknown}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    for token in [refresh, access] {
        revoke("thief", token, "").await.refused(400, "invalid_request");
        revoke("nobody", token, "").await.refused(401, "invalid_client");
    }
    t.post("/revoke", &[("client_id", "c")]).await.refused(400, "invalid_request");
    assert_eq!(grant_of(&t, &tokens).await.revoked_at, None);
    assert_eq!(t.introspect(access).await.json()["active"], true);

    // A hint that is wrong or unknown changes nothing; once more is as good as once.
    let other = t.tokens(&client, &[]).await;
    for hint in ["refresh_token", "no such type"] {
        assert_eq!(revoke("c", text(&other, "access_token"), hint).await.status, 200);
        assert_eq!(t.introspect(text(&other, "access_token")).await.body, INACTIVE);
    }
    assert_eq!(t.refresh(&client, text(&other, "refresh_token")).await.status, 200);
    for _ in 0..2 {
        assert_eq!(revoke("c", refresh, "access_token").await.status, 200);
        assert_eq!(t.introspect(access).await.body, INACTIVE);
        t.refresh(&client, refresh).await.refused(400, "invalid_grant");
    }

    t.db.close().await.unwrap();
    for token in ["refresh_token", "access_token"] {
        let answer = revoke("c", text(&other, token), "").await;
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
    }
}

#[tokio::test]
async fn attack_79_introspection_tells_strangers_nothing_and_always_in_the_same_words() {
    let t = TestApp::start().await;
    let (_, tokens) = family(&t, "c").await;
    let (refresh, access) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    for form in [vec![("token", access)], vec![("token", access), ("client_id", "c")]] {
        t.post("/introspect", &form).await.refused(401, "invalid_client");
    }
    let bearer = [("authorization", "Bearer x")];
    t.post_with("/introspect", &[("token", access)], &bearer).await.refused(401, "invalid_client");
    t.introspect_as("notes-server", "wrong", access).await.refused(401, "invalid_client");
    t.introspect_as("other-server", "notes-server-secret", access).await.refused(401, "invalid_client");
    let right = [("authorization", basic("notes-server", "notes-server-secret"))];
    let right = right.each_ref().map(|(name, value)| (*name, value.as_str()));
    t.post_with("/introspect", &[], &right).await.refused(400, "invalid_request");

    assert_eq!(t.introspect(access).await.json()["active"], true);
    t.confidential_client("stranger", "strange").await;
    let inactive = async |id: &str, secret: &str, token: &str| {
        let answer = t.introspect_as(id, secret, token).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, INACTIVE), "{id}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
    };
    inactive("other-server", "other-server-secret", access).await;
    for (id, secret) in
        [("notes-server", "notes-server-secret"), ("other-server", "other-server-secret"), ("stranger", "strange")]
    {
        for token in ["garbage", "kwr_AAAA", "eyJhbGciOiJub25lIn0.e30.", refresh, &access[..access.len() - 2]] {
            inactive(id, secret, token).await;
        }
    }
    inactive("stranger", "strange", access).await;
    t.app.clock.advance(Duration::seconds(601));
    inactive("notes-server", "notes-server-secret", access).await;
}

#[tokio::test]
async fn attack_80_one_kind_of_token_is_not_taken_for_another() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid")]).await;
    let (access, id_token) = (text(&tokens, "access_token"), text(&tokens, "id_token"));
    assert_eq!(userinfo(&t, "/userinfo", Some(access), None).await.status, 200);
    for wrong in [id_token, text(&tokens, "refresh_token")] {
        let answer = userinfo(&t, "/userinfo", Some(wrong), None).await;
        answer.refused(401, "invalid_token");
        assert!(answer.header("www-authenticate").contains(r#"error="invalid_token""#));
        t.introspect(wrong).await.json()["active"].as_bool().filter(|active| !active).unwrap();
    }
    t.refresh(&client, id_token).await.refused(400, "invalid_grant");
    t.refresh(&client, access).await.refused(400, "invalid_grant");
    let mut browser = t.signed_in("alice").await;
    for (hint, error) in [(access, Some("invalid_request")), ("x", Some("invalid_request")), (id_token, None)] {
        let answer = browser.approve(&authorize_path(&client, &[("scope", "openid"), ("id_token_hint", hint)])).await;
        assert_eq!(answer.returned("error").as_deref(), error);
        assert_eq!(answer.returned("code").is_none(), error.is_some());
    }
    // Nor with everything right but the type.
    let forge = |typ: &str, token: &str| t.app.keys.sign("ES256", typ, &TestApp::claims(&tokens[token])).unwrap();
    assert_eq!(userinfo(&t, "/userinfo", Some(&forge("at+jwt", "access_token")), None).await.status, 200);
    userinfo(&t, "/userinfo", Some(&forge("JWT", "access_token")), None).await.refused(401, "invalid_token");
    let hinted = forge("at+jwt", "id_token");
    let answer = browser.get(&authorize_path(&client, &[("scope", "openid"), ("id_token_hint", &hinted)])).await;
    assert_eq!(answer.returned("error").as_deref(), Some("invalid_request"));
    // An ID token that is revoked as if it were an access token ends nothing.
    t.post("/revoke", &[("client_id", "c"), ("token", id_token)]).await;
    let jti = TestApp::claims(&tokens["access_token"])["jti"].as_str().unwrap().to_owned();
    assert!(!revoked_tokens::contains(&t.db, &jti).await.unwrap());
}

#[tokio::test]
async fn attack_81_userinfo_wants_its_own_kind_of_token_in_the_header() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid profile")]).await;
    let access = text(&tokens, "access_token");
    assert_eq!(userinfo(&t, "/userinfo", Some(access), None).await.status, 200);
    let in_query = userinfo(&t, &format!("/userinfo?access_token={access}"), None, None).await;
    assert_eq!((in_query.status.as_u16(), in_query.body.as_str()), (401, ""));
    assert!(in_query.header("www-authenticate").starts_with("Bearer "));
    assert!(!in_query.header("www-authenticate").contains("error"));
    let form = format!("access_token={access}");
    userinfo(&t, "/userinfo", Some(access), Some(&form)).await.refused(400, "invalid_request");

    let narrow = t.refresh_with(&client, text(&tokens, "refresh_token"), &[("scope", "profile")]).await.json();
    let answer = userinfo(&t, "/userinfo", Some(text(&narrow, "access_token")), None).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (403, Some("insufficient_scope")));
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains(r#"error="insufficient_scope""#) && challenge.contains(r#"scope="openid""#));
    // Only what was granted is told.
    let told = userinfo(&t, "/userinfo", Some(access), None).await.json();
    assert!(told.get("email").is_none() && told["preferred_username"] == "alice");

    let elsewhere = t.tokens(&client, &[("scope", "openid mcp:read"), ("resource", MCP)]).await;
    assert!(elsewhere["id_token"].is_string());
    let answer = userinfo(&t, "/userinfo", Some(text(&elsewhere, "access_token")), None).await;
    answer.refused(401, "invalid_token");
    let alice = t.user_named("alice").await.id;
    t.db.set_user_disabled(alice, Some(t.app.clock.now())).await;
    userinfo(&t, "/userinfo", Some(access), None).await.refused(401, "invalid_token");
}
