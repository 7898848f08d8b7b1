//! A trail that takes no event: no act happens without its event.
use super::{STRONG, state};
use crate::support::{
    app::{ISSUER, TestApp, operator},
    tokens::family,
};
use keyward::{
    operations::{OperationError, OperationResult, clients, consents, grants, keys, registration_tokens, users},
    storage::Db,
};
use std::fmt::Debug;
use time::Duration;

async fn take_no_event(t: &TestApp) {
    let sql = match &*t.db {
        Db::Sqlite(_) => {
            "CREATE TRIGGER no_room BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        }
        Db::Postgres(_) => {
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'disk is full'; END $$;
             CREATE TRIGGER no_room BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_room()"
        }
    };
    t.db.outside(sql).await;
}

#[track_caller]
fn failed<T: Debug>(outcome: &OperationResult<T>) {
    assert!(matches!(outcome, Err(OperationError::Failed(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_act_whose_event_cannot_be_written_fails_and_changes_nothing() {
    let t = TestApp::start().await;
    let (client, _) = family(&t, "c").await;
    let (by, alice, bob) = (operator(), t.user_named("alice").await.id, t.user_named("bob").await.id);
    let password_hash = t.user_named("alice").await.password_hash;
    let limits = registration_tokens::TokenLimits { uses: 1, expires_in: Duration::DAY, scope: None };
    let token = registration_tokens::make(&t.app, &by, &limits).await.unwrap().1.token_hash.fingerprint();
    users::disable(&t.app, &by, bob).await.unwrap();
    let link = users::new_setup_link(&t.app, &by).await.unwrap().url;
    let (before, ring) = (state(&t).await, t.app.keys.ring());
    take_no_event(&t).await;
    failed(&users::disable(&t.app, &by, alice).await);
    failed(&users::enable(&t.app, &by, bob).await);
    failed(&users::set_password(&t.app, &by, alice, STRONG).await);
    assert!(users::new_setup_link(&t.app, &by).await.is_err());
    failed(&clients::disable(&t.app, &by, &client).await);
    failed(&grants::revoke(&t.app, &by, &grants::Filter { user_id: Some(alice), ..Default::default() }).await);
    failed(&consents::delete(&t.app, &by, &consents::Filter { user_id: Some(alice), client_id: None }).await);
    failed(&registration_tokens::make(&t.app, &by, &limits).await);
    failed(&registration_tokens::revoke(&t.app, &by, &token).await);
    failed(&keys::rotate(&t.app, &by).await);
    failed(&keys::replace_all(&t.app, &by).await);
    // The link that a new one would have replaced still works, and so does the password.
    assert_eq!(t.get(link.strip_prefix(ISSUER).unwrap()).await.status, 200);
    assert_eq!(t.user_named("alice").await.password_hash, password_hash);
    t.app.keys.reload().await.unwrap();
    assert_eq!((state(&t).await, t.app.keys.ring().all()), (before, ring.all()));
}
