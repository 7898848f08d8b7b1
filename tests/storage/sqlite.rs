//! SQLite only: the shared commit, and how it fails.
use super::now;
use crate::support::db::{TestDb, fresh_sqlite};
use keyward::storage::{Db, revoked_tokens, settings};
use tokio::task::JoinSet;

/// From now on the setting `poison` cannot be committed.
async fn make_commits_fail(db: &TestDb) {
    db.outside(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
         CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
         CREATE TRIGGER poison AFTER INSERT ON settings WHEN new.name = 'poison'
             BEGIN INSERT INTO children VALUES (1); END;",
    )
    .await;
}

/// Inserts sixty-four tokens around one poisonous setting; each must be there exactly if it was acknowledged, or
/// at least if `errors_are_final` does not hold.
async fn poison_among_neighbours(db: &TestDb, errors_are_final: bool) {
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let db: Db = (**db).clone();
        tasks.spawn(async move {
            if number == 32 {
                assert!(settings::get_or_insert(&db, "poison", b"x").await.is_err());
                return;
            }
            let jti = number.to_string();
            let acknowledged = revoked_tokens::insert(&db, &jti, now()).await.is_ok();
            let stored = revoked_tokens::contains(&db, &jti).await.unwrap();
            assert!(stored || !acknowledged, "what was acknowledged was lost");
            assert!(acknowledged || !stored || !errors_are_final, "what was stored was reported as failed");
        });
    }
    tasks.join_all().await;
    revoked_tokens::insert(db, "after", now()).await.unwrap();
    assert!(revoked_tokens::contains(db, "after").await.unwrap());
    assert_eq!(settings::get_or_insert(db, "fine", b"y").await.unwrap(), b"y");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_fails_is_an_error_for_all_in_it_and_the_next_batch_starts_clean() {
    let db = fresh_sqlite().await;
    make_commits_fail(&db).await;
    poison_among_neighbours(&db, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_statement_that_rolls_the_whole_batch_back_loses_nothing_that_was_acknowledged() {
    let db = fresh_sqlite().await;
    db.outside(
        "CREATE TRIGGER poison BEFORE INSERT ON settings WHEN new.name = 'poison'
             BEGIN SELECT RAISE(ROLLBACK, 'poison'); END;",
    )
    .await;
    poison_among_neighbours(&db, false).await;
}

#[tokio::test]
async fn closing_leaves_one_file_with_everything_in_it() {
    let db = fresh_sqlite().await;
    revoked_tokens::insert(&db, "jti", now()).await.unwrap();
    db.close().await.unwrap();
    let path = db.url.strip_prefix("sqlite:").unwrap();
    assert!(!std::fs::exists(format!("{path}-wal")).unwrap());
    let copy = format!("{path}.copy");
    std::fs::copy(path, &copy).unwrap();
    let copied = Db::open(&format!("sqlite:{copy}")).await.unwrap();
    assert!(revoked_tokens::contains(&copied, "jti").await.unwrap());
    copied.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let db = fresh_sqlite().await;
    revoked_tokens::insert(&db, "jti", now()).await.unwrap();
    let path = db.url.strip_prefix("sqlite:").unwrap();
    for file in [path.to_owned(), format!("{path}-wal")] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_open_database_does_not_keep_the_process_alive() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(async {
        let db = fresh_sqlite().await;
        revoked_tokens::insert(&db, "jti", now()).await.unwrap();
        db
    });
    drop(runtime); // would hang if a task waited for the database to be dropped
    drop(db);
}
