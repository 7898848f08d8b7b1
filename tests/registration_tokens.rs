//! Initial access tokens (RFC 7591 §3): made by a command, for a number of clients, a time and a scope.
use crate::support::{
    app::{CALLBACK, MCP, TestApp, authorize_path},
    registration::register_with_token,
};
use keyward::model::ClientId;
use serde_json::{Value, json};
use std::process::{Command, Output};
use time::Duration;

/// Of the server.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const TOKEN: &str = "registration.policy = \"token\"";

/// What the command says, on the database of a running server.
fn command(t: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.arg("registration-token").args(arguments).env("KEYWARD__DATABASE__URL", &t.db.url);
    command.env("KEYWARD__ISSUER", "https://auth.example").env("KEYWARD__REGISTRATION__POLICY", "token");
    command.env("KEYWARD__KEYS__MASTER_KEY", MASTER_KEY);
    command.output().unwrap()
}

fn token(t: &TestApp, arguments: &[&str]) -> String {
    let output = command(t, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn named(name: &str) -> Value {
    json!({"client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "scope": "mcp:read mcp:write"})
}

#[tokio::test]
async fn a_token_registers_as_many_clients_as_it_says_and_wrong_requests_cost_nothing() {
    let t = TestApp::with(TOKEN).await;
    let token = token(&t, &["--uses", "2"]);
    t.register(&named("without")).await.refused(401, "invalid_token");
    register_with_token(&t, "kwp_made-up", &named("wrong")).await.refused(401, "invalid_token");
    register_with_token(&t, &token, &json!({"redirect_uris": []})).await.refused(400, "invalid_redirect_uri");
    for name in ["one", "two"] {
        assert_eq!(register_with_token(&t, &token, &named(name)).await.status, 201);
    }
    register_with_token(&t, &token, &named("three")).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_token_ends_when_it_says_and_the_configured_one_does_not() {
    let t = TestApp::with(&format!("{TOKEN}\nregistration.initial_access_token = \"0123456789abcdef\"")).await;
    let output = command(&t, &["--uses", "9", "--expires-in", "60", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["uses"], &answer["scope"]), (&json!(9), &json!(null)));
    // The command has a clock of its own, which goes on.
    let good_for = answer["expires_at"].as_i64().unwrap() - t.app.clock.now().unix_timestamp();
    assert!(good_for >= 60);
    let token = answer["initial_access_token"].as_str().unwrap();
    assert_eq!(register_with_token(&t, token, &named("in time")).await.status, 201);
    t.app.clock.advance(Duration::seconds(good_for));
    register_with_token(&t, token, &named("late")).await.refused(401, "invalid_token");
    assert_eq!(register_with_token(&t, "0123456789abcdef", &named("configured")).await.status, 201);
}

#[tokio::test]
async fn what_its_clients_are_granted_never_exceeds_its_scope() {
    let t = TestApp::with(&format!("{TOKEN}\nregistration.management = true")).await;
    let token = token(&t, &["--uses", "2", "--scope", "mcp:read"]);
    let registered = register_with_token(&t, &token, &named("limited")).await.json();
    assert_eq!(registered["scope"], "mcp:read");
    assert!(registered.get("scope_limit").is_none());
    let client = ClientId::from(registered["client_id"].as_str().unwrap());
    for more in [&[("scope", "mcp:read mcp:write openid")][..], &[("scope", ""), ("resource", MCP)]] {
        assert_eq!(t.tokens(&client, more).await["scope"], "mcp:read");
    }
    let mut browser = t.signed_in("root").await;
    let refused = browser.get(&authorize_path(&client, &[("scope", "mcp:write mcp:admin")])).await;
    assert_eq!(refused.returned("error").as_deref(), Some("invalid_scope"));

    // An update does not lift it.
    let mut body = named("unlimited");
    body["client_id"] = json!(client);
    body["scope_limit"] = json!("mcp:admin");
    let manage = registered["registration_access_token"].as_str().unwrap();
    let updated = crate::support::registration::manage(&t, "PUT", client.as_str(), manage, Some(&body)).await.json();
    assert_eq!((&updated["client_name"], &updated["scope"]), (&json!("unlimited"), &json!("mcp:read")));
    assert_eq!(t.tokens(&client, &[("scope", "mcp:read mcp:write")]).await["scope"], "mcp:read");
}

#[tokio::test]
async fn the_command_refuses_what_makes_no_sense_and_helps_with_an_example() {
    let t = TestApp::with(TOKEN).await;
    for arguments in [&["--uses", "0"][..], &["--expires-in", "0"], &["--scope", "a  b"], &["--scope", ""]] {
        let output = command(&t, arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    let help = String::from_utf8(command(&t, &["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("keyward registration-token --uses 5"), "{help}");
}
