//! Attacks on what a node believes of the time: how wrong its clock may be, and what then holds.
use crate::{
    dpop::TOKEN_URL,
    support::{
        app::{CALLBACK, TestApp, VERIFIER},
        client_key::{ClientKey, proof, with},
        dpop::DpopKey,
        node::Node,
    },
};
use keyward::{clock::Clock, model::AuthMethod, storage::clients};
use serde_json::json;
use time::Duration;

/// A node whose clock differs by so many seconds.
async fn node(t: &TestApp, seconds: i64) -> Node {
    let clock = t.app.clock.clone();
    let its_own = Clock::default();
    its_own.advance(clock.now() - its_own.now() + Duration::seconds(seconds));
    Node::at(t, its_own).await
}

#[tokio::test]
async fn attack_95_a_clock_two_minutes_off_stretches_no_limit_by_more_than_that() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let key = ClientKey::es256("k");
    let keyed = t.public_client("keyed", &[CALLBACK]).await;
    let mut stored = clients::find(&t.db, &keyed).await.unwrap().unwrap();
    stored.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    stored.metadata.jwks = Some(key.jwks());
    clients::put_seed(&t.db, &stored).await.unwrap();
    t.app.clients.forget(&keyed);
    let (ahead, behind) = (node(&t, 120).await, node(&t, -120).await);

    // Two minutes from now the code is too old. Who came too early for that does not burn it.
    let code = t.code(&client, &[]).await;
    let form = [("grant_type", "authorization_code"), ("client_id", "c"), ("code", &code), ("code_verifier", VERIFIER)];
    ahead.post("/token", &form).await.refused(400, "invalid_grant");
    let tokens = t.redeem(&client, &code).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    // What was signed just now is of the future there, by more than clocks may differ.
    let now = t.app.clock.now();
    let refresh = [("grant_type", "refresh_token"), ("client_id", "c"), ("refresh_token", "x")];
    let with_proof = async |node: &Node, seconds: i64| {
        let proof = DpopKey::es256().proof("POST", TOKEN_URL, now + Duration::seconds(seconds));
        node.post_with("/token", &refresh, &[("dpop", &proof)]).await
    };
    with_proof(&behind, 0).await.refused(400, "invalid_dpop_proof");
    with_proof(&behind, -115).await.refused(400, "invalid_grant");
    with_proof(&ahead, 0).await.refused(400, "invalid_grant");
    with_proof(&ahead, -181).await.refused(400, "invalid_dpop_proof");
    let asserted = async |node: &Node, changes: serde_json::Value| {
        let claims = with(crate::support::client_key::claims(&t, "keyed"), &changes);
        let assertion = key.sign(&key.header(), &claims);
        node.post("/revoke", &[&[("token", "x")], &proof(&assertion)[..]].concat()).await
    };
    asserted(&behind, json!({})).await.refused(401, "invalid_client");
    asserted(&ahead, json!({})).await.refused(401, "invalid_client");
    let long = json!({"exp": now.unix_timestamp() + 300});
    assert_eq!(asserted(&ahead, long).await.status, 200);
    let early = json!({"iat": now.unix_timestamp() - 100});
    assert_eq!(asserted(&behind, early).await.status, 200);

    // A token issued there says how long it lives, and lives no longer here.
    let refresh_token = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
    let issued = ahead.refresh(&client, &refresh_token).await.json();
    let claims = TestApp::claims(&issued["access_token"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    t.app.clock.advance(Duration::seconds(725));
    let introspected = t.introspect(issued["access_token"].as_str().unwrap()).await;
    assert_eq!(introspected.json(), json!({"active": false}));
}
