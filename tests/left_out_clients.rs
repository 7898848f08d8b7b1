//! Clients that are removed from the settings: disabled at the next start, and enabled again when they return.
use crate::support::{
    app::{CALLBACK, TestApp, authorize_path},
    client_credentials::{self, ask},
    events::events,
    process::House,
};
use keyward::{app::App, clients::configured, config::Config, model::ClientId, storage::clients};
use std::sync::Arc;

/// A start with other settings on the same database.
async fn restart(t: &TestApp, change: impl FnOnce(&mut Config)) -> (Arc<App>, Vec<String>) {
    let mut config = t.app.config.clone();
    change(&mut config);
    let app = Box::pin(App::build(config, t.db.clone(), t.app.clock.clone())).await.unwrap();
    configured::write(&app).await.unwrap();
    let left_out = configured::leave_out(&app, &["fixture"]).await.unwrap();
    t.app.clients.forget_all();
    (Arc::from(app), left_out.iter().map(ToString::to_string).collect())
}

async fn is_disabled(t: &TestApp, id: &str) -> bool {
    clients::find(&t.db, &ClientId::from(id)).await.unwrap().unwrap().disabled_at.is_some()
}

#[tokio::test]
async fn a_client_that_is_taken_out_gets_nothing_from_the_next_start_on_and_all_again_when_put_back() {
    let t = client_credentials::start("").await;
    // What is no matter of the settings: clients that came by themselves, and those of a demo.
    let stranger = t.stranger("stranger", &[CALLBACK]).await;
    t.public_client("fixture", &[CALLBACK]).await;
    let token = ask(&t, "worker", "w", &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(t.introspect(&token).await.json()["active"], true);
    assert!(restart(&t, |_| {}).await.1.is_empty());

    let without = |config: &mut Config| drop(config.clients.remove("worker"));
    assert_eq!(restart(&t, without).await.1, ["worker"]);
    for (id, disabled) in [("worker", true), ("the-admin", false), (stranger.as_str(), false), ("fixture", false)] {
        assert_eq!(is_disabled(&t, id).await, disabled, "{id}");
    }
    ask(&t, "worker", "w", &[]).await.refused(401, "invalid_client");
    assert_eq!(t.introspect(&token).await.json(), serde_json::json!({"active": false}));
    let told = events(&t, "client_disabled").await;
    assert_eq!((told.len(), told[0].client_id.as_ref().unwrap().as_str(), &*told[0].level), (1, "worker", "warning"));
    // Said once.
    assert!(restart(&t, without).await.1.is_empty());

    assert!(restart(&t, |_| {}).await.1.is_empty());
    assert_eq!(ask(&t, "worker", "w", &[]).await.status, 200);
    assert_eq!(t.introspect(&token).await.json()["active"], true);
    assert_eq!((events(&t, "client_enabled").await.len(), events(&t, "client_disabled").await.len()), (1, 1));
}

#[tokio::test]
async fn what_people_allowed_it_rests_until_it_is_put_back() {
    const APP: &str = "[clients.app]\nredirect_uris = [\"https://client.example/cb\"]\n";
    let t = TestApp::with(APP).await;
    configured::write(&t.app).await.unwrap();
    let client = ClientId::from("app");
    let tokens = t.tokens(&client, &[]).await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let waiting = t.code(&client, &[]).await;
    assert_eq!(restart(&t, |config| config.clients.clear()).await.1, ["app"]);
    t.refresh(&client, refresh).await.refused(401, "invalid_client");
    t.redeem(&client, &waiting).await.refused(401, "invalid_client");
    t.signed_in("alice").await.get(&authorize_path(&client, &[])).await.page(400);
    assert_eq!(t.introspect(access).await.json()["active"], false);
    restart(&t, |_| {}).await;
    assert_eq!(t.refresh(&client, refresh).await.status, 200);
    let again = t.signed_in("alice").await.get(&authorize_path(&client, &[])).await;
    assert!(again.returned("code").is_some(), "what was allowed is remembered: {again:?}");
}

#[tokio::test]
async fn a_setting_keeps_clients_that_are_taken_out_and_nothing_else_enables_what_an_operator_disabled() {
    let t = client_credentials::start("disable_removed_clients = false").await;
    let (_, left_out) = restart(&t, |config| config.clients.clear()).await;
    assert!(left_out.is_empty() && !is_disabled(&t, "worker").await);
    assert_eq!(ask(&t, "worker", "w", &[]).await.status, 200);

    t.db.set_client_disabled(&ClientId::from("worker"), Some(t.app.clock.now())).await;
    let disable = |config: &mut Config| config.disable_removed_clients = true;
    let both = |config: &mut Config| {
        disable(config);
        config.clients.clear();
    };
    assert_eq!(restart(&t, both).await.1, ["the-admin"]);
    restart(&t, disable).await;
    assert_eq!((is_disabled(&t, "worker").await, is_disabled(&t, "the-admin").await), (true, false));
}

#[tokio::test]
async fn what_is_wrong_with_a_client_stops_the_start_before_any_is_disabled() {
    let t = client_credentials::start("").await;
    let mut config = t.app.config.clone();
    config.clients.remove("worker");
    config.clients.get_mut("root").unwrap().grant_types = vec!["no_such_grant".into()];
    let app = Box::pin(App::build(config, t.db.clone(), t.app.clock.clone())).await.unwrap();
    assert!(configured::write(&app).await.is_err() && configured::leave_out(&app, &[]).await.is_err());
    assert!(!is_disabled(&t, "worker").await);
}

#[tokio::test]
async fn the_start_says_which_clients_it_disables() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let mut house = House::new().await.for_serving().set("KEYWARD__CLIENTS__ROBOT__SECRET", SECRET);
    house = house.set("KEYWARD__CLIENTS__OTHER__SECRET", SECRET);
    house.serve().stop("TERM");
    let house = house.unset("KEYWARD__CLIENTS__ROBOT__SECRET");
    let mut keyward = house.serve();
    keyward.stop("TERM");
    let said = keyward.heard();
    assert!(said.contains("Disabled, for the settings have them no more: robot."), "{said}");
    assert!(said.contains("disable_removed_clients"), "{said}");
    let mut keyward = house.serve();
    keyward.stop("TERM");
    assert!(!keyward.heard().contains("Disabled"));
    // The demo's own clients are no matter of the settings.
    let house = House::new().await;
    house.demo().stop("TERM");
    let keyward = house.demo();
    let clients = keyward.at.get("/debug/clients").await.json();
    assert!(clients["clients"].as_array().unwrap().iter().all(|client| client["disabled"] == false), "{clients}");
}
