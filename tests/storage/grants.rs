//! Tables `grants` and `consents`.
use super::{
    a_grant, a_pair, answered, event, events, idle_since, new_client, new_code, new_consent, new_grant, now, scopes,
};
use crate::support::db::fresh_db;
use keyward::{
    model::{Consent, Grant, GrantId, UserId},
    secrets::Digest,
    storage::{
        codes, consents,
        grants::{self, Filter, Refresher},
    },
};
use time::Duration;

#[tokio::test]
async fn a_grant_comes_back_as_stored_with_its_code_and_consent() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let grant = new_grant(&client, &user);
    let (code, consent) = (new_code(&grant), new_consent(&grant));
    assert!(
        grants::authorize(&db, &grant, &code, Some(&answered("d")), std::slice::from_ref(&consent), &event("approval"))
            .await
            .unwrap()
    );
    let stored = grants::find(&db, grant.id).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{grant:?}"));
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_some());
    let stored = consents::find(&db, user.id, &client.id, &consent.resource).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{consent:?}"));
    assert!(grants::find(&db, new_grant(&client, &user).id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_decision_sent_twice_grants_once() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let decision = answered("decision");
    let first = new_grant(&client, &user);
    assert!(grants::authorize(&db, &first, &new_code(&first), Some(&decision), &[], &event("approval")).await.unwrap());
    let replay = new_grant(&client, &user);
    let (code, consent) = (new_code(&replay), new_consent(&replay));
    assert!(
        !grants::authorize(&db, &replay, &code, Some(&decision), std::slice::from_ref(&consent), &event("approval"))
            .await
            .unwrap()
    );
    assert!(grants::find(&db, replay.id).await.unwrap().is_none());
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_none());
    assert!(consents::find(&db, user.id, &client.id, &consent.resource).await.unwrap().is_none());
}

#[tokio::test]
async fn an_authorization_that_fails_at_its_last_statement_leaves_nothing() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let grant = new_grant(&client, &user);
    let code = new_code(&grant);
    let consent = Consent { client_id: new_client().id, ..new_consent(&grant) };
    assert!(
        grants::authorize(&db, &grant, &code, None, std::slice::from_ref(&consent), &event("approval")).await.is_err()
    );
    assert!(grants::find(&db, grant.id).await.unwrap().is_none());
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_none());
    assert!(grants::authorize(&db, &grant, &code, None, &[], &event("approval")).await.unwrap());
}

#[tokio::test]
async fn a_consent_is_replaced_by_the_next_and_deleted_on_every_resource() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    for text in ["a", "a b"] {
        let grant = new_grant(&client, &user);
        let consent = Consent { scopes: scopes(text), ..new_consent(&grant) };
        assert!(
            grants::authorize(&db, &grant, &new_code(&grant), None, std::slice::from_ref(&consent), &event("approval"))
                .await
                .unwrap()
        );
    }
    let stored = consents::find(&db, user.id, &client.id, "https://mcp.example/a").await.unwrap().unwrap();
    assert_eq!(stored.scopes, scopes("a b"));
    assert_eq!(stored.known_client, new_consent(&new_grant(&client, &user)).known_client);
    assert!(consents::find(&db, user.id, &client.id, "https://mcp.example/b").await.unwrap().is_none());
    let theirs = consents::Filter { user_id: Some(user.id), client_id: Some(client.id.clone()) };
    let of_another = consents::Filter { user_id: Some(UserId::new()), ..theirs.clone() };
    for (wanted, count) in [(&of_another, None), (&theirs, Some(1)), (&theirs, None)] {
        let deleted = consents::delete(&db, wanted, |_| event("deleted")).await.unwrap();
        assert_eq!(deleted.map(|(count, _)| count), count);
    }
    assert_eq!(events(&db).await, ["approval", "approval", "deleted"]);
}

#[tokio::test]
async fn a_rotation_moves_the_family_on_and_the_former_token_is_dead() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let (first, second) = (Digest::of("first"), Digest::of("second"));
    let later = now() + Duration::hours(1);
    let by = Refresher { address: Some("192.0.2.1".into()), program: Some(Digest::of("App/1")) };
    let rotated = grants::rotate(
        &db,
        grant.id,
        &grants::Rotation { generation: 1, hashes: [&first, &second], jkt: None, by: &by },
        later,
        idle_since(),
    )
    .await
    .unwrap()
    .unwrap();
    let expected = Grant { generation: 2, refresh_hash: second.clone(), refreshed_at: later, ..grant.clone() };
    assert_eq!(format!("{rotated:?}"), format!("{expected:?}"));
    assert_eq!(format!("{:?}", grants::find(&db, grant.id).await.unwrap().unwrap()), format!("{expected:?}"));
    for (generation, presented) in [(1, &first), (2, &first), (1, &second), (3, &second)] {
        let refused = grants::rotate(
            &db,
            grant.id,
            &grants::Rotation { generation, hashes: [presented, &first], jkt: None, by: &by },
            later,
            idle_since(),
        )
        .await
        .unwrap();
        assert!(refused.is_none());
    }
    assert_eq!(grants::refresher(&db, grant.id).await.unwrap(), Some(by));
}

#[tokio::test]
async fn a_touch_keeps_the_token_and_moves_only_the_time() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let later = now() + Duration::hours(1);
    let touched = grants::touch(&db, grant.id, 1, &grant.refresh_hash, later, idle_since()).await.unwrap().unwrap();
    let expected = Grant { refreshed_at: later, ..grant.clone() };
    assert_eq!(format!("{touched:?}"), format!("{expected:?}"));
    assert!(grants::touch(&db, grant.id, 2, &grant.refresh_hash, later, idle_since()).await.unwrap().is_none());
    assert!(grants::touch(&db, grant.id, 1, &Digest::of("x"), later, idle_since()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_that_is_expired_idle_or_revoked_refreshes_nothing() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let hash = &grant.refresh_hash;
    let next = Digest::of("next");
    for (at, idle_since) in [(grant.expires_at, idle_since()), (now(), grant.refreshed_at)] {
        assert!(
            grants::rotate(
                &db,
                grant.id,
                &grants::Rotation { generation: 1, hashes: [hash, &next], jkt: None, by: &Refresher::default() },
                at,
                idle_since
            )
            .await
            .unwrap()
            .is_none()
        );
        assert!(grants::touch(&db, grant.id, 1, hash, at, idle_since).await.unwrap().is_none());
    }
    assert!(grants::revoke(&db, grant.id, now()).await.unwrap());
    assert!(
        grants::rotate(
            &db,
            grant.id,
            &grants::Rotation { generation: 1, hashes: [hash, &next], jkt: None, by: &Refresher::default() },
            now(),
            idle_since()
        )
        .await
        .unwrap()
        .is_none()
    );
    assert!(grants::touch(&db, grant.id, 1, hash, now(), idle_since()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_is_revoked_once_and_remembers_when() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    assert!(grants::revoke(&db, grant.id, now()).await.unwrap());
    assert!(!grants::revoke(&db, grant.id, now() + Duration::hours(1)).await.unwrap());
    assert_eq!(grants::find(&db, grant.id).await.unwrap().unwrap().revoked_at, Some(now()));
}

#[tokio::test]
async fn revoking_for_a_client_or_a_user_takes_theirs_and_no_others() {
    let db = fresh_db().await;
    let (of_client, _) = a_grant(&db).await;
    let (of_user, _) = a_grant(&db).await;
    let (other, _) = a_grant(&db).await;
    let (mut clients, mut users, mut anothers) = (Filter::default(), Filter::default(), Filter::default());
    clients.client_id = Some(of_client.client_id.clone());
    users.user_id = Some(of_user.user_id);
    anothers.id = Some(GrantId::new());
    for (wanted, count) in [(&anothers, None), (&clients, Some(1)), (&clients, None), (&users, Some(1))] {
        assert_eq!(grants::count_live(&db, wanted, now()).await.unwrap(), count.unwrap_or(0));
        let revoked = grants::revoke_selected(&db, wanted, now(), |count| event(&format!("{count} revoked"))).await;
        assert_eq!(revoked.unwrap().map(|(count, _)| i64::try_from(count).unwrap()), count);
    }
    assert_eq!(events(&db).await, ["approval", "approval", "approval", "1 revoked", "1 revoked"]);
    for (grant, revoked_at) in [(of_client, Some(now())), (of_user, Some(now())), (other, None)] {
        let theirs = grants::find_by_user(&db, grant.user_id).await.unwrap();
        assert_eq!(
            theirs.iter().map(|grant| (grant.id, grant.revoked_at)).collect::<Vec<_>>(),
            [(grant.id, revoked_at)]
        );
    }
}

#[tokio::test]
async fn a_sweep_takes_what_is_over_but_nothing_whose_code_is_still_good() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let base = new_grant(&client, &user);
    let fresh = || Grant { id: new_grant(&client, &user).id, ..base.clone() };
    let over = [
        Grant { expires_at: now(), ..fresh() },
        Grant { refreshed_at: idle_since(), ..fresh() },
        Grant { revoked_at: Some(now() - Duration::hours(25)), ..fresh() },
    ];
    let kept = [fresh(), Grant { revoked_at: Some(now() - Duration::hours(24)), ..fresh() }];
    for grant in over.iter().chain(&kept) {
        assert!(grants::authorize(&db, grant, &new_code(grant), None, &[], &event("approval")).await.unwrap());
    }
    assert_eq!(grants::sweep(&db, now(), idle_since()).await.unwrap(), 0, "their codes are still good");
    for grant in over.iter().chain(&kept) {
        let spent = keyward::model::Code { consumed_at: Some(now()), ..new_code(grant) };
        let again = Grant { id: new_grant(&client, &user).id, ..grant.clone() };
        let spent = keyward::model::Code { grant_id: again.id, ..spent };
        assert!(grants::authorize(&db, &again, &spent, None, &[], &event("approval")).await.unwrap());
    }
    assert_eq!(grants::sweep(&db, now(), idle_since()).await.unwrap(), 3);
    assert_eq!(grants::find_by_user(&db, user.id).await.unwrap().len(), 7);
}
