//! A database that is read-only or away: `/ready` reports it in time, and also when it is over.
use crate::support::{
    app::TestApp,
    db::{fresh_db, fresh_postgres},
    node::Node,
    proxy::Proxy,
};
use keyward::{
    clock::Clock,
    storage::{Db, writable::Writable},
};
use time::Duration;

async fn ready(t: &TestApp) -> u16 {
    // Each answer is believed for a second.
    t.app.clock.advance(Duration::seconds(2));
    let answer = t.get("/ready").await;
    if answer.status != 200 {
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0 && !answer.body.contains("database"));
    }
    answer.status.as_u16()
}

/// What a standby, a full disk and a read-only file have in common, for each kind of database.
async fn take_writes(t: &TestApp, takes: bool) {
    let sql = match (&*t.db, takes) {
        (Db::Sqlite(_), false) => {
            "CREATE TRIGGER no_room BEFORE UPDATE ON settings BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        }
        (Db::Postgres(_), false) => {
            "CREATE FUNCTION standby() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END $$;
             CREATE TRIGGER no_room BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION standby()"
        }
        (Db::Sqlite(_), true) => "DROP TRIGGER no_room",
        (Db::Postgres(_), true) => "DROP TRIGGER no_room ON settings; DROP FUNCTION standby()",
    };
    t.db.outside(sql).await;
}

#[tokio::test]
async fn who_takes_no_write_is_not_ready_though_it_answers() {
    let t = TestApp::start().await;
    assert_eq!((ready(&t).await, ready(&t).await), (200, 200));
    take_writes(&t, false).await;
    assert_eq!(ready(&t).await, 503);
    assert_eq!(t.get("/health").await.status, 200);
    take_writes(&t, true).await;
    assert_eq!(ready(&t).await, 200);
}

#[tokio::test]
async fn however_many_ask_there_is_one_write_a_second() {
    let t = TestApp::prepared(fresh_db().await, "", |app| {
        app.clock = Clock::stopped();
        app.writable = Writable::new(app.db.clone(), app.clock.clone());
    })
    .await;
    assert_eq!(ready(&t).await, 200);
    take_writes(&t, false).await;
    // Believed for so long.
    for _ in 0..20 {
        assert_eq!(t.get("/ready").await.status, 200);
    }
    assert_eq!(ready(&t).await, 503);
}

#[tokio::test]
async fn a_closed_database_is_not_ready() {
    let t = TestApp::start().await;
    t.db.close().await.unwrap();
    assert_eq!(ready(&t).await, 503);
}

#[tokio::test]
#[ignore = "PostgreSQL alone"]
async fn while_postgres_is_away_all_are_told_so_soon_and_served_when_it_is_back() {
    let db = fresh_postgres().await;
    let way = Proxy::before(&db.url).await;
    let t = TestApp::on(db, "").await;
    let node = Node::on(&t, Db::open(&way.url).await.unwrap()).await;
    let client = t.public_client("c", &[crate::support::app::CALLBACK]).await;
    assert_eq!(node.refresh(&client, "x").await.json()["error"], "invalid_grant");
    let Db::Postgres(pool) = &node.app.db else { unreachable!() };
    assert!(pool.options().get_acquire_timeout() < std::time::Duration::from_secs(2));
    way.cut(true);
    node.app.clients.forget(&client);
    for _ in 0..2 {
        node.refresh(&client, "x").await.refused(503, "temporarily_unavailable");
        node.get("/ready").await.refused(503, "temporarily_unavailable");
        node.get("/health").await.refused(503, "temporarily_unavailable");
    }
    way.cut(false);
    t.app.clock.advance(Duration::seconds(2));
    assert_eq!(node.get("/ready").await.status, 200);
    assert_eq!(node.refresh(&client, "x").await.json()["error"], "invalid_grant");
}
