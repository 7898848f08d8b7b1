//! Acts that are refused: each says why, and nothing changes.
use super::{STRONG, acts, state};
use crate::support::{
    app::{TestApp, operator},
    client_credentials,
    tokens::family,
};
use keyward::{
    clients::configured,
    config::Config,
    model::{ClientId, GrantId, UserId},
    operations::{OperationError, clients, consents, grants, registration_tokens, users},
    storage::clients as stored_clients,
};
use std::fmt::Debug;

#[track_caller]
fn says<T: Debug>(outcome: Result<T, OperationError>, words: &str) {
    let said = outcome.unwrap_err().to_string();
    assert!(said.contains(words), "{said:?} does not say {words:?}");
}

#[tokio::test]
async fn what_is_not_there_or_done_already_is_refused_and_nothing_changes() {
    let t = TestApp::start().await;
    let (client, _) = family(&t, "c").await;
    let (by, alice, root) = (operator(), t.user_named("alice").await.id, t.user_named("root").await.id);
    let (nobody, nothing) = (UserId::new(), ClientId::from("nothing"));
    let before = state(&t).await;
    let unknown = "nobody has this username or id";
    says(users::disable(&t.app, &by, nobody).await, unknown);
    says(users::enable(&t.app, &by, nobody).await, unknown);
    says(users::set_password(&t.app, &by, nobody, STRONG).await, unknown);
    says(users::show(&t.app, nobody).await, unknown);
    says(users::enable(&t.app, &by, alice).await, "\"alice\" is not disabled");
    says(users::disable(&t.app, &by, root).await, "last administrator");
    says(users::set_password(&t.app, &by, alice, "password123").await, "easy to guess");
    says(users::set_password(&t.app, &by, alice, "short").await, "8 to 128 characters");
    says(clients::disable(&t.app, &by, &nothing).await, "there is no client \"nothing\"");
    says(clients::enable(&t.app, &by, &nothing).await, "there is no client \"nothing\"");
    says(clients::show(&t.app, &nothing).await, "there is no client \"nothing\"");
    says(clients::enable(&t.app, &by, &client).await, "\"c\" is not disabled");
    let gone = grants::Filter { id: Some(GrantId::new()), ..grants::Filter::default() };
    says(grants::revoke(&t.app, &by, &gone).await, "there is no grant");
    says(grants::show(&t.app, GrantId::new()).await, "there is no grant");
    let theirs = grants::Filter { user_id: Some(root), ..grants::Filter::default() };
    says(grants::revoke(&t.app, &by, &theirs).await, "no live grant");
    let theirs = consents::Filter { user_id: Some(root), client_id: None };
    says(consents::delete(&t.app, &by, &theirs).await, "no consent");
    for fingerprint in ["0f1e2d3c4b5a", "0f1e", "kwp_secret", "+f1e2d3c4b5a", "", "日本語日"] {
        says(registration_tokens::revoke(&t.app, &by, fingerprint).await, "no registration token");
    }
    assert_eq!(state(&t).await, before);

    users::disable(&t.app, &by, alice).await.unwrap();
    clients::disable(&t.app, &by, &client).await.unwrap();
    let before = state(&t).await;
    says(users::disable(&t.app, &by, alice).await, "\"alice\" is disabled already");
    says(clients::disable(&t.app, &by, &client).await, "\"c\" is disabled already");
    assert_eq!((state(&t).await, acts(&t).await.len()), (before, 2));
}

#[tokio::test]
async fn a_client_that_the_configuration_left_out_is_enabled_by_the_configuration_alone() {
    let t = client_credentials::start("").await;
    let worker = ClientId::from("worker");
    assert!(stored_clients::leave_out(&t.db, &worker, t.app.clock.now()).await.unwrap());
    let before = state(&t).await;
    says(clients::enable(&t.app, &operator(), &worker).await, "disable_removed_clients = false");
    assert_eq!(state(&t).await, before);
    // By an operator's word it stays out, whatever the configuration says.
    clients::disable(&t.app, &operator(), &worker).await.unwrap();
    configured::write(&t.app).await.unwrap();
    assert!(clients::find(&t.app, &worker).await.unwrap().disabled_at.is_some());
    clients::enable(&t.app, &operator(), &worker).await.unwrap();
    // Nor does the configuration matter where it disables nobody.
    let keeps = |config: &mut Config| config.disable_removed_clients = false;
    assert!(stored_clients::leave_out(&t.db, &worker, t.app.clock.now()).await.unwrap());
    let t = TestApp::prepared(t.db, "", |app| keeps(&mut app.config)).await;
    clients::enable(&t.app, &operator(), &worker).await.unwrap();
}
