//! Attacks that try to leave a secret in the audit trail or at `/debug`.
use crate::support::{
    app::{CALLBACK, TestApp, authorize_path},
    internet::Internet,
};
use axum::{body::Body, http::Request};
use keyward::{audit::chain, model::ClientId, storage::audit_events};
use serde_json::json;

const SECRET: &str = "an-administrators-own-token";
const ISSUED: &str = "kwr_0123456789abcdefghijklmnopqrstuvwxyz";

/// All that the trail and the views say.
async fn told(t: &TestApp) -> String {
    chain::extend(&t.app.audit).await.unwrap();
    let mut all = format!("{:?}", audit_events::recent(&t.db, 1_000).await.unwrap());
    for view in ["approvals", "audit", "authorizations", "clients", "config", "devices", "grants", "traces"] {
        let request =
            Request::get(format!("/debug/{view}?limit=1000")).header("authorization", format!("Bearer {SECRET}"));
        let answer = t.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        all += &answer.body;
    }
    all
}

#[tokio::test]
async fn attack_196_a_secret_in_a_user_agent_a_client_identifier_or_a_name_is_shown_to_nobody() {
    let internet = Internet::new().await;
    let t = TestApp::reaching(internet.network(), &format!("debug.admin_token = '{SECRET}'")).await;
    let client = t.public_client("c", &[CALLBACK]).await;
    for (n, secret) in [SECRET, ISSUED].into_iter().enumerate() {
        // As what somebody calls a program, at its start, its end and past where it is cut.
        for agent in [format!("{secret} App/1"), format!("App/1 ({secret})"), format!("{} {secret}", "x".repeat(190))] {
            let token = t.tokens(&client, &[]).await["refresh_token"].as_str().unwrap().to_owned();
            let form = [("client_id", "c"), ("token", token.as_str())];
            assert_eq!(t.post_with("/revoke", &form, &[("user-agent", &agent)]).await.status, 200);
        }
        // As a name, and in an address.
        let name = format!("App:{secret}");
        let uri = format!("https://app.example/cb/{n}?x={secret}");
        let body = json!({"client_name": name, "redirect_uris": [uri], "token_endpoint_auth_method": "none"});
        assert_eq!(t.register(&body).await.status, 201);
        // As an identifier, of a client that there is not.
        let id = ClientId::from(&*format!("https://app.example/client.json?x={secret}"));
        t.signed_in("alice").await.get(&authorize_path(&id, &[])).await.page(400);
    }
    let told = told(&t).await;
    for secret in [SECRET, ISSUED, &SECRET[..20], &ISSUED[..20]] {
        assert!(!told.contains(secret), "{told}");
    }
    for kept in
        ["App/1", "App:sha256:", "https://app.example/cb/0?x=sha256:", "https://app.example/client.json?x=sha256:"]
    {
        assert!(told.contains(kept), "{kept}: {told}");
    }
}
