//! Tokens bound to a key (RFC 9449): what a client with proofs gets, and what its key is needed for.
use crate::support::{
    app::{CALLBACK, ISSUER, MCP, TestApp, VERIFIER, basic},
    bound::{TOKEN_URL, USERINFO_URL, bound, redeem, refresh},
    dpop::DpopKey,
    node::Node,
    tokens::{text, userinfo},
};
use keyward::model::ClientId;
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn tokens_are_bound_to_the_key_that_proved_itself_whatever_its_kind() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut renamed = DpopKey::eddsa();
    renamed.alg = "Ed25519";
    for key in [DpopKey::es256(), DpopKey::eddsa(), renamed, DpopKey::rs256()] {
        let tokens = bound(&t, &client, &key, &[]).await;
        assert_eq!(tokens["token_type"], "DPoP", "{}", key.alg);
        let cnf = json!({"jkt": key.thumbprint()});
        assert_eq!(TestApp::claims(&tokens["access_token"])["cnf"], cnf, "{}", key.alg);
        let introspected = t.introspect(text(&tokens, "access_token")).await.json();
        assert_eq!((&introspected["token_type"], &introspected["cnf"]), (&json!("DPoP"), &cnf));
    }
}

#[tokio::test]
async fn without_a_proof_tokens_are_bearer_tokens_as_ever() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(TestApp::claims(&tokens["access_token"]).get("cnf"), None);
    let introspected = t.introspect(text(&tokens, "access_token")).await.json();
    assert_eq!((&introspected["token_type"], introspected.get("cnf")), (&json!("Bearer"), None));
}

#[tokio::test]
async fn a_public_client_refreshes_with_the_same_key_and_a_lost_answer_comes_again_for_it_alone() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, other) = (DpopKey::es256(), DpopKey::es256());
    let first = bound(&t, &client, &key, &[]).await;
    let first = text(&first, "refresh_token");
    let answer = refresh(&t, &client, first, &key).await.json();
    assert_eq!(
        (text(&answer, "token_type"), TestApp::claims(&answer["access_token"])["cnf"]["jkt"].as_str()),
        ("DPoP", Some(key.thumbprint().as_str()))
    );
    let successor = text(&answer, "refresh_token");
    t.app.clock.advance(Duration::seconds(40));
    refresh(&t, &client, first, &other).await.refused(400, "invalid_grant");
    t.refresh(&client, first).await.refused(400, "invalid_grant");
    assert_eq!(text(&refresh(&t, &client, first, &key).await.json(), "refresh_token"), successor);
    assert_eq!(refresh(&t, &client, successor, &key).await.status, 200);
}

#[tokio::test]
async fn a_public_client_that_takes_up_proving_is_bound_from_then_on() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (key, other) = (DpopKey::es256(), DpopKey::es256());
    let tokens = t.tokens(&client, &[]).await;
    let tokens = refresh(&t, &client, text(&tokens, "refresh_token"), &key).await.json();
    assert_eq!(tokens["token_type"], "DPoP");
    let token = text(&tokens, "refresh_token");
    t.refresh(&client, token).await.refused(400, "invalid_grant");
    refresh(&t, &client, token, &other).await.refused(400, "invalid_grant");
    assert_eq!(refresh(&t, &client, token, &key).await.status, 200);
}

#[tokio::test]
async fn a_client_that_registered_for_bound_tokens_must_prove_itself_each_time() {
    let t = TestApp::start().await;
    let asked = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "dpop_bound_access_tokens": true});
    let registered = t.register(&asked).await.json();
    assert_eq!(registered["dpop_bound_access_tokens"], true);
    let client = ClientId::from(text(&registered, "client_id"));
    let code = t.code(&client, &[]).await;
    t.redeem(&client, &code).await.refused(400, "invalid_dpop_proof");
    let key = DpopKey::es256();
    let tokens = redeem(&t, &client, &code, &key.token_proof(&t)).await.json();
    t.refresh(&client, text(&tokens, "refresh_token")).await.refused(400, "invalid_dpop_proof");
    assert_eq!(refresh(&t, &client, text(&tokens, "refresh_token"), &key).await.status, 200);

    let malformed = json!({"redirect_uris": [CALLBACK], "dpop_bound_access_tokens": "yes"});
    t.register(&malformed).await.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn userinfo_takes_a_bound_token_with_a_proof_for_it() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let tokens = bound(&t, &client, &key, &[("scope", "openid profile")]).await;
    let token = text(&tokens, "access_token");
    let proof = || key.proof_for(token, "GET", USERINFO_URL, t.app.clock.now());
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let answer = userinfo(&t, &[("authorization", &format!("{scheme} {token}")), ("dpop", &proof())]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["preferred_username"]), (200, &json!("alice")));
    }
    let posted = key.proof_for(token, "POST", USERINFO_URL, t.app.clock.now());
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", posted)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(t.post_with("/userinfo", &[], &headers).await.status, 200);
}

#[tokio::test]
async fn all_nodes_agree_on_what_was_used_and_on_the_nonce() {
    let t = TestApp::with("dpop.require_nonce = true").await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let code = t.code(&client, &[]).await;
    let refused = redeem(&t, &client, &code, &key.token_proof(&t)).await;
    refused.refused(400, "use_dpop_nonce");
    let nonce = json!({"nonce": refused.header("dpop-nonce")});
    let proof = key.proof_with("POST", TOKEN_URL, t.app.clock.now(), nonce.clone());
    let tokens = redeem(&t, &client, &code, &proof).await.json();
    let there = Node::beside(&t).await;
    let token = text(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", token)];
    there.post_with("/token", &form, &[("dpop", &proof)]).await.refused(400, "invalid_dpop_proof");
    let fresh = key.proof_with("POST", TOKEN_URL, t.app.clock.now(), nonce);
    assert_eq!(there.post_with("/token", &form, &[("dpop", &fresh)]).await.status, 200);
}

#[tokio::test]
async fn metadata_names_the_algorithms_and_switched_off_nothing_of_it_is_left() {
    let t = TestApp::start().await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["dpop_signing_alg_values_supported"], json!(["ES256", "RS256", "EdDSA", "Ed25519"]));

    let t = TestApp::with("dpop.enabled = false").await;
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata.get("dpop_signing_alg_values_supported"), None);
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = DpopKey::es256();
    let tokens = bound(&t, &client, &key, &[("scope", "openid"), ("dpop_jkt", &key.thumbprint())]).await;
    assert_eq!(tokens["token_type"], "Bearer");
    let token = text(&tokens, "access_token");
    let proof = key.proof_for(token, "GET", USERINFO_URL, t.app.clock.now());
    let answer = userinfo(&t, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]).await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, r#"Bearer realm="keyward""#));
    assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1);
    assert_eq!(userinfo(&t, &[("authorization", &format!("Bearer {token}"))]).await.status, 200);
}

#[tokio::test]
async fn used_proofs_are_forgotten_once_they_no_longer_count() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    bound(&t, &client, &DpopKey::es256(), &[]).await;
    t.app.clock.advance(Duration::minutes(9));
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert_eq!(keyward::storage::dpop_proofs::sweep(&t.db, t.app.clock.now()).await.unwrap(), 0);
    assert_eq!(keyward::storage::dpop_proofs::sweep(&t.db, t.app.clock.now() + Duration::minutes(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_confidential_client_may_change_its_key() {
    let t = TestApp::start().await;
    let client = t.confidential_client("conf", "secret").await;
    let (key, other) = (DpopKey::es256(), DpopKey::eddsa());
    let authorization = basic("conf", "secret");
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let headers = |proof: String| [("authorization", authorization.clone()), ("dpop", proof)];
    let send = async |form: &[(&str, &str)], proof: String| {
        let headers = headers(proof);
        t.post_with("/token", form, &headers.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    };
    let tokens = send(&form, key.token_proof(&t)).await.json();
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let tokens = send(&form, other.token_proof(&t)).await.json();
    let claims = TestApp::claims(&tokens["access_token"]);
    assert_eq!(claims["cnf"]["jkt"], other.thumbprint());
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(MCP)));
    // Even without one: its secret proves it.
    let answer = t.post_with("/token", &form, &[("authorization", &authorization)]).await.json();
    assert_eq!(answer["token_type"], "Bearer");
}
