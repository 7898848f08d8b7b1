//! Changes by other processes: how soon they take effect here, and that caches are not used while listening fails.
use crate::support::{
    app::{CALLBACK, TestApp, operator},
    db::fresh_postgres,
    node::Node,
    proxy::Proxy,
};
use keyward::{
    jobs,
    model::ClientId,
    operations::{clients, keys},
    storage::Db,
};
use tokio::task::JoinSet;

/// Waits for what happens by itself.
async fn until(mut happened: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    while !happened().await {
        looks.tick().await;
    }
}

/// A process that keeps house, and has heard of everything so far.
async fn keeping_house(node: &Node) -> JoinSet<()> {
    let mut house = JoinSet::new();
    house.spawn(jobs::run(node.app.clone()));
    until(async || node.app.changes.are_heard()).await;
    house
}

/// A client of which `node` remembers that it is let in, and its latest refresh token.
async fn known_to(t: &TestApp, node: &Node) -> (ClientId, String) {
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[]).await;
    let answer = node.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    until(async || {
        assert_eq!(node.refresh(&client, "x").await.json()["error"], "invalid_grant");
        node.app.clients.bytes() > 0
    })
    .await;
    (client, answer.json()["refresh_token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn attack_180_what_another_process_does_to_a_client_counts_here_without_a_word_from_us() {
    let t = TestApp::start().await;
    let node = Node::beside(&t).await;
    let _house = keeping_house(&node).await;
    let (client, token) = known_to(&t, &node).await;
    t.db.set_client_disabled(&client, Some(t.app.clock.now())).await;
    until(async || node.app.clients.find("c").await.unwrap().unwrap().disabled_at.is_some()).await;
    node.refresh(&client, &token).await.refused(401, "invalid_client");
    // And what a program that is none of ours does.
    t.db.outside("UPDATE clients SET disabled_at = NULL").await;
    until(async || node.app.clients.find("c").await.unwrap().unwrap().disabled_at.is_none()).await;
    assert_eq!(node.refresh(&client, &token).await.status, 200);
    t.db.outside("DELETE FROM clients").await;
    until(async || node.app.clients.find("c").await.unwrap().is_none()).await;
    node.refresh(&client, &token).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn what_an_operator_does_to_a_client_here_counts_here_at_once() {
    let t = TestApp::start().await;
    let node = Node::beside(&t).await;
    let _house = keeping_house(&node).await;
    let (client, _) = known_to(&t, &node).await;
    let found = async || node.app.clients.find("c").await.unwrap().unwrap().disabled_at;
    clients::disable(&node.app, &operator(), &client).await.unwrap();
    assert!(found().await.is_some());
    clients::enable(&node.app, &operator(), &client).await.unwrap();
    assert!(found().await.is_none());
}

#[tokio::test]
async fn keys_that_another_process_withdrew_are_neither_published_nor_believed_here() {
    let t = TestApp::start().await;
    let node = Node::beside(&t).await;
    let _house = keeping_house(&node).await;
    keys::replace_all(&t.app, &operator()).await.unwrap();
    until(async || node.app.keys.ring().all() == t.app.keys.ring().all()).await;
}

#[tokio::test]
async fn who_does_not_hear_of_changes_asks_the_database_each_time() {
    let t = TestApp::start().await;
    let node = Node::beside(&t).await;
    let (client, token) = {
        let _house = keeping_house(&node).await;
        known_to(&t, &node).await
    };
    // Nobody listens any more.
    t.app.clock.advance(time::Duration::seconds(3));
    assert!(!node.app.changes.are_heard());
    t.db.set_client_disabled(&client, Some(t.app.clock.now())).await;
    node.refresh(&client, &token).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn what_nobody_tells_of_is_believed_for_a_minute_at_most() {
    let t = TestApp::start().await;
    let node = Node::beside(&t).await;
    let _house = keeping_house(&node).await;
    let (client, token) = known_to(&t, &node).await;
    t.db.outside(match *t.db {
        Db::Sqlite(_) => "DROP TRIGGER clients_updated",
        Db::Postgres(_) => "ALTER TABLE clients DISABLE TRIGGER USER",
    })
    .await;
    t.db.outside("UPDATE clients SET disabled_at = created_at").await;
    t.app.clock.advance(time::Duration::minutes(1));
    // It listens on, and hears nothing.
    until(async || node.app.changes.are_heard()).await;
    node.refresh(&client, &token).await.refused(401, "invalid_client");
}

#[tokio::test]
#[ignore = "PostgreSQL alone"]
async fn attack_181_a_connection_that_listens_and_is_silently_dead_lets_in_nobody() {
    let t = TestApp::on(fresh_postgres().await, "").await;
    let proxy = Proxy::before(&t.db.url).await;
    let node = Node::on(&t, Db::open(&proxy.url).await.unwrap()).await;
    let _house = keeping_house(&node).await;
    let (client, token) = known_to(&t, &node).await;
    proxy.fall_silent(true);
    t.db.set_client_disabled(&client, Some(t.app.clock.now())).await;
    until(async || {
        t.app.clock.advance(time::Duration::SECOND);
        node.app.clients.find("c").await.unwrap().unwrap().disabled_at.is_some()
    })
    .await;
    assert!(!node.app.changes.are_heard());
    node.refresh(&client, &token).await.refused(401, "invalid_client");
    t.db.set_client_disabled(&client, None).await;
    assert_eq!(node.refresh(&client, &token).await.status, 200);
    // Listening again, on another connection.
    proxy.fall_silent(false);
    until(async || node.app.changes.are_heard()).await;
}
