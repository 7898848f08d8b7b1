//! Changed settings in the trail: their names, and never a value.
use super::trail;
use crate::support::app::TestApp;
use keyward::{app::App, audit::changed_settings, config::Config, storage::settings};
use serde_json::{Value, json};

const SECRET: &str = "a secret that is long enough to be one";
const MORE: &str = r#"
debug.admin_token = "a token that nobody guesses"
[clients.robot]
secret = "a secret that is long enough to be one"
scope = "mcp:read"
[clients.left]
redirect_uris = ["https://left.example/cb"]
"#;

/// A start with these settings on the same database; answers what its `config_change` names.
async fn start_with(t: &TestApp, change: impl FnOnce(&mut Config)) -> Option<Value> {
    let mut config = t.app.config.clone();
    change(&mut config);
    let app = Box::pin(App::build(config, t.db.clone(), t.app.clock.clone())).await.unwrap();
    let before = trail(t).await.len();
    changed_settings::record(&app.audit, &app.config, app.derived_keys.settings()).await.unwrap();
    let mut new = trail(t).await.split_off(before);
    assert!(new.len() <= 1, "{new:?}");
    let event = new.pop()?;
    assert_eq!(event.event_type, "config_change");
    Some(event.details)
}

#[tokio::test]
async fn changed_settings_are_named_and_secrets_among_them_without_their_values() {
    let t = TestApp::with(MORE).await;
    assert_eq!(start_with(&t, |_| {}).await, None);
    assert_eq!(start_with(&t, |_| {}).await, None);
    let change = |config: &mut Config| {
        config.tokens.code_lifetime = 59;
        config.trusted_proxies.clear();
        config.debug.admin_token = Some("another token that nobody guesses".into());
        config.clients.get_mut("robot").unwrap().secret = Some("another secret, as long as the one before".into());
        config.clients.get_mut("robot").unwrap().previous_secret = Some(SECRET.into());
        let left = config.clients.remove("left").unwrap();
        config.clients.insert("came".into(), left);
        config.resources.get_mut("other").unwrap().introspection = None;
    };
    let names = json!([
        "clients.came",
        "clients.left",
        "clients.robot.previous_secret",
        "clients.robot.secret",
        "debug.admin_token",
        "resources.other.introspection",
        "tokens.code_lifetime",
        "trusted_proxies"
    ]);
    let sorted = |details: Value| {
        let mut names = details["settings"].as_array().unwrap().clone();
        names.sort_by_key(ToString::to_string);
        (json!(names), details.as_object().unwrap().len())
    };
    assert_eq!(sorted(start_with(&t, change).await.unwrap()), (names.clone(), 1));
    // The next start compares with these; and going back is a change too.
    assert_eq!(start_with(&t, change).await, None);
    assert_eq!(sorted(start_with(&t, |_| {}).await.unwrap()), (names, 1));
}

#[tokio::test]
async fn what_is_kept_to_compare_settings_with_tells_none_of_them() {
    let t = TestApp::with(MORE).await;
    start_with(&t, |_| {}).await;
    let kept = settings::find(&t.db, "settings").await.unwrap().unwrap();
    let kept = String::from_utf8(kept).unwrap();
    for value in [SECRET, "a token that nobody guesses", "left.example", "https://auth.example"] {
        assert!(!kept.contains(value), "{value}: {kept}");
    }
    // Nor a digest that can be tried without the master key.
    let plain = keyward::secrets::Digest::of("\"https://auth.example\"");
    assert!(!kept.contains(&keyward::secrets::base64url(&plain.as_bytes()[..16])));
    // And what is shown of the settings is still only that a secret is set.
    assert_eq!(serde_json::to_value(&t.app.config).unwrap()["debug"]["admin_token"], json!({"set": true}));
}

#[tokio::test]
async fn digests_of_an_older_version_are_replaced_without_a_word() {
    let t = TestApp::start().await;
    settings::replace(&t.db, "settings", &[7; 32]).await.unwrap();
    assert_eq!(start_with(&t, |_| {}).await, None);
    assert!(start_with(&t, |config| config.tokens.code_lifetime = 59).await.is_some());
}
