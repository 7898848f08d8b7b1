//! A restored backup: newer refresh tokens continue if an operator allowed it, and thieves are noticed.
use crate::support::{
    app::{MCP, TestApp},
    events::events,
    tokens::{family, grant_of, refresh_token, text},
};
use keyward::{model::Grant, storage::grants, tokens::restored};
use serde_json::Value;
use time::Duration;

/// A family that rotated three times after the backup, whose tokens these are, and is again where it was then.
async fn put_back(t: &TestApp, id: &str) -> (keyward::model::ClientId, Vec<String>, Value) {
    let (client, first) = family(t, id).await;
    let mut tokens = vec![text(&first, "refresh_token").to_owned()];
    for _ in 0..2 {
        tokens.push(refresh_token(&t.refresh(&client, &tokens[tokens.len() - 1]).await));
        t.app.clock.advance(Duration::minutes(5));
    }
    let backup = grant_of(t, &first).await;
    for _ in 0..3 {
        tokens.push(refresh_token(&t.refresh(&client, &tokens[tokens.len() - 1]).await));
        t.app.clock.advance(Duration::minutes(5));
    }
    t.db.put_back(&backup).await;
    (client, tokens, first)
}

async fn live(t: &TestApp, first: &Value) -> Grant {
    grant_of(t, first).await
}

#[tokio::test]
async fn a_later_token_is_refused_and_takes_nothing_down_until_an_operator_says_otherwise() {
    let t = TestApp::start().await;
    let (client, tokens, first) = put_back(&t, "c").await;
    t.refresh(&client, &tokens[5]).await.refused(400, "invalid_grant");
    assert_eq!((live(&t, &first).await.generation, live(&t, &first).await.revoked_at), (3, None));
    restored::open(&t.app, Duration::days(7)).await.unwrap();
    let next = refresh_token(&t.refresh(&client, &tokens[5]).await);
    assert_eq!(live(&t, &first).await.generation, 7);
    // The answer lost comes again, and the family goes on as ever.
    assert_eq!(refresh_token(&t.refresh(&client, &tokens[5]).await), next);
    t.app.clock.advance(Duration::minutes(5));
    refresh_token(&t.refresh(&client, &next).await);
    assert_eq!(events(&t, "refresh_caught_up").await.len(), 1);
    assert_eq!(events(&t, "newer_tokens_accepted").await.len(), 1);
}

#[tokio::test]
async fn the_time_for_it_is_bounded_and_can_be_ended() {
    let t = TestApp::start().await;
    for (id, ends) in [("closed", false), ("late", true)] {
        let (client, tokens, first) = put_back(&t, id).await;
        restored::open(&t.app, Duration::days(2)).await.unwrap();
        if ends {
            t.app.clock.advance(Duration::days(2));
        } else {
            assert!(restored::close(&t.app).await.unwrap() && !restored::close(&t.app).await.unwrap());
        }
        t.refresh(&client, &tokens[5]).await.refused(400, "invalid_grant");
        assert_eq!((live(&t, &first).await.generation, live(&t, &first).await.revoked_at), (3, None));
        // What the database knows is as good as ever.
        refresh_token(&t.refresh(&client, &tokens[2]).await);
    }
}

#[tokio::test]
async fn of_two_who_come_with_ever_later_tokens_one_stole_it_and_all_fall() {
    let t = TestApp::start().await;
    restored::open(&t.app, Duration::days(7)).await.unwrap();
    // The thief has an older one and comes first; then its owner.
    let (client, tokens, first) = put_back(&t, "c").await;
    refresh_token(&t.refresh(&client, &tokens[3]).await);
    t.refresh(&client, &tokens[5]).await.refused(400, "invalid_grant");
    assert!(live(&t, &first).await.revoked_at.is_some());
    assert_eq!(events(&t, "refresh_reuse_detected").await.len(), 1);
    // The owner first, then the thief: his is used.
    let (client, tokens, first) = put_back(&t, "d").await;
    refresh_token(&t.refresh(&client, &tokens[5]).await);
    t.refresh(&client, &tokens[3]).await.refused(400, "invalid_grant");
    assert!(live(&t, &first).await.revoked_at.is_some());
}

#[tokio::test]
async fn nothing_else_is_let_through() {
    let t = TestApp::start().await;
    restored::open(&t.app, Duration::days(7)).await.unwrap();
    let (client, tokens, first) = put_back(&t, "c").await;
    let other = t.public_client("other", &[crate::support::app::CALLBACK]).await;
    t.refresh(&other, &tokens[5]).await.refused(400, "invalid_grant");
    // Nor by a token bent to a later generation, which is not ours.
    let mut bent = keyward::secrets::from_base64url(tokens[2].strip_prefix("kwr_").unwrap()).unwrap();
    bent[19] += 5;
    let bent = format!("kwr_{}", keyward::secrets::base64url(bent));
    t.refresh(&client, &bent).await.refused(400, "invalid_grant");
    assert_eq!(live(&t, &first).await.generation, 3);
    // Revoked again is revoked.
    grants::revoke(&t.db, live(&t, &first).await.id, t.app.clock.now()).await.unwrap();
    t.refresh(&client, &tokens[5]).await.refused(400, "invalid_grant");
    // A later restore is another time.
    let (client, tokens, _) = put_back(&t, "d").await;
    refresh_token(&t.refresh_with(&client, &tokens[4], &[("resource", MCP)]).await);
    t.app.clock.advance(Duration::minutes(5));
    restored::open(&t.app, Duration::days(7)).await.unwrap();
    refresh_token(&t.refresh(&client, &tokens[5]).await);
}
