//! Several resources in one authorization, and a single one for each token (RFC 8707).
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, MCP, OTHER, TestApp, VERIFIER, authorize_path},
    par::{push, short},
    tokens::{grant_of, text},
};
use keyward::model::ClientId;
use serde_json::{Value, json};

const BOTH: [(&str, &str); 2] = [("resource", MCP), ("resource", OTHER)];

async fn redeem(t: &TestApp, client: &ClientId, code: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code)];
    t.post("/token", &[&form[..], &[("code_verifier", VERIFIER)], more].concat()).await
}

/// `aud` and `scope` of the access token, and the `scope` of the answer.
#[track_caller]
fn good_for(answer: &Answer) -> (String, String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (tokens, claims) = (answer.json(), TestApp::claims(&answer.json()["access_token"]));
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    (word(&claims["aud"]), word(&claims["scope"]), word(&tokens["scope"]))
}

fn expected(aud: &str, scope: &str) -> (String, String, String) {
    (aud.to_owned(), scope.to_owned(), scope.to_owned())
}

#[tokio::test]
async fn each_token_is_for_one_of_two_resources_with_the_scopes_that_mean_something_there() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let all = [&BOTH[..], &[("scope", "mcp:read mcp:write other:read")]].concat();
    for (resource, scope) in [(MCP, "mcp:read mcp:write"), (OTHER, "other:read")] {
        let code = t.code(&client, &all).await;
        let answer = redeem(&t, &client, &code, &[("resource", resource)]).await;
        assert_eq!(good_for(&answer), expected(resource, scope));
        // The refresh token is good for either, whatever came first.
        let mut tokens = answer.json();
        for (resource, scope) in [(OTHER, "other:read"), (MCP, "mcp:read mcp:write"), (OTHER, "other:read")] {
            let token = text(&tokens, "refresh_token").to_owned();
            let answer = t.refresh_with(&client, &token, &[("resource", resource)]).await;
            assert_eq!(good_for(&answer), expected(resource, scope));
            tokens = answer.json();
        }
        let grant = grant_of(&t, &tokens).await;
        assert_eq!((grant.resources, grant.scopes.to_string().as_str()), (vec![MCP.into(), OTHER.into()], all[2].1));
    }
}

#[tokio::test]
async fn without_a_name_the_first_is_meant_and_each_server_sees_its_own_tokens_only() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let swapped = [("resource", OTHER), ("resource", MCP), ("scope", "mcp:read other:read")];
    let answer = redeem(&t, &client, &t.code(&client, &swapped).await, &[]).await;
    assert_eq!(good_for(&answer), expected(OTHER, "other:read"));
    let there = answer.json();
    let here = t.refresh_with(&client, text(&there, "refresh_token"), &[("resource", MCP)]).await.json();
    for (token, notes, other) in [(&there, false, true), (&here, true, false)] {
        let token = text(token, "access_token");
        assert_eq!(t.introspect(token).await.json()["active"], notes);
        assert_eq!(t.introspect_as("other-server", "other-server-secret", token).await.json()["active"], other);
    }
}

#[tokio::test]
async fn two_at_once_one_outside_or_scopes_of_the_other_are_refused_and_cost_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[&BOTH[..], &[("scope", "mcp:read other:read")]].concat()).await;
    let refusals: [(&[(&str, &str)], &str); 5] = [
        (&BOTH, "invalid_target"),
        (&[("resource", "https://evil.example")], "invalid_target"),
        (&[("resource", ISSUER)], "invalid_target"),
        (&[("resource", OTHER), ("scope", "mcp:read")], "invalid_scope"),
        (&[("resource", OTHER), ("scope", "other:read mcp:write")], "invalid_scope"),
    ];
    for (more, error) in &refusals {
        redeem(&t, &client, &code, more).await.refused(400, error);
    }
    let tokens = redeem(&t, &client, &code, &[("resource", MCP)]).await.json();
    for (more, error) in &refusals {
        t.refresh_with(&client, text(&tokens, "refresh_token"), more).await.refused(400, error);
    }
    assert_eq!(grant_of(&t, &tokens).await.generation, 1);
    // What is asked of the other is left out, and the answer says so.
    let more = [("resource", OTHER), ("scope", "mcp:read other:read")];
    let answer = t.refresh_with(&client, text(&tokens, "refresh_token"), &more).await;
    assert_eq!(good_for(&answer), expected(OTHER, "other:read"));
}

#[tokio::test]
async fn without_a_scope_both_defaults_are_granted_and_a_word_that_both_know_is_good_at_both() {
    let t = TestApp::with(r#"resources.other.scopes."mcp:read" = "The same word""#).await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &BOTH).await;
    let answer = redeem(&t, &client, &code, &[]).await;
    assert_eq!(good_for(&answer), expected(MCP, "mcp:read"));
    let answer = t.refresh_with(&client, text(&answer.json(), "refresh_token"), &[("resource", OTHER)]).await;
    assert_eq!(answer.json()["scope"], "mcp:read");
    assert_eq!(TestApp::claims(&answer.json()["access_token"])["aud"], OTHER);
}

#[tokio::test]
async fn the_consent_page_names_both_and_a_pushed_request_keeps_both() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let all = [&BOTH[..], &[("scope", "openid offline_access mcp:read other:read")]].concat();
    let mut alice = t.signed_in("alice").await;
    let page = alice.get(&authorize_path(&client, &all)).await;
    for named in ["Notes", "other.example", "Read your notes", "Read elsewhere"] {
        assert!(page.body.contains(named), "{named} is not on the page");
    }
    let pushed = short("c", &push(&t, &client, &all).await);
    let code = alice.approve(&pushed).await.returned("code").unwrap();
    let answer = redeem(&t, &client, &code, &[("resource", OTHER)]).await;
    assert_eq!(answer.json()["scope"], "openid offline_access other:read");
    let tokens = answer.json();
    assert_eq!(TestApp::claims(&tokens["access_token"])["scope"], "openid other:read");
    assert_eq!(TestApp::claims(&tokens["id_token"])["aud"], "c");
    // Ourselves are among what was granted, for there is `openid`.
    let own = t.refresh_with(&client, text(&tokens, "refresh_token"), &[("resource", ISSUER)]).await;
    assert_eq!(TestApp::claims(&own.json()["access_token"])["aud"], ISSUER);
    assert_eq!(own.json()["scope"], "openid offline_access");
    // And remembered for each: neither is asked about again.
    for resource in [MCP, OTHER] {
        let scope = if resource == MCP { "mcp:read" } else { "other:read" };
        let path = authorize_path(&client, &[("resource", resource), ("scope", scope), ("prompt", "none")]);
        assert!(alice.get(&path).await.returned("code").is_some(), "{resource}");
    }
    assert_eq!(json!(grant_of(&t, &tokens).await.resources), json!([MCP, OTHER]));
}
