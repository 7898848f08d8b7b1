//! Opening, closing and reopening a database.
use super::{a_grant, now};
use crate::support::db::fresh_db;
use keyward::storage::{Db, grants, revoked_tokens, users};
use sqlx::{Connection, SqliteConnection};
use std::fs;

#[tokio::test]
async fn what_was_acknowledged_is_there_after_closing_and_opening_again() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    db.ping().await.unwrap();
    db.close().await.unwrap();
    assert!(db.ping().await.is_err());
    assert!(grants::revoke(&db, grant.id, now()).await.is_err());

    let again = Db::open(&db.url).await.unwrap();
    assert!(grants::find(&again, grant.id).await.unwrap().unwrap().revoked_at.is_none());
    assert!(users::find(&again, grant.user_id).await.unwrap().is_some());
    again.close().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_though_nobody_closed() {
    let db = fresh_db().await;
    let first = Db::open(&db.url).await.unwrap();
    revoked_tokens::insert(&first, "jti", now()).await.unwrap();
    drop(first);
    assert!(revoked_tokens::contains(&db, "jti").await.unwrap());
}

#[tokio::test]
async fn a_database_written_by_a_newer_version_is_refused() {
    let db = fresh_db().await;
    db.close().await.unwrap();
    let newer =
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    db.outside(newer).await;
    let error = Db::open(&db.url).await.unwrap_err();
    assert_eq!(error.to_string(), "the database was written by a newer version of keyward");
}

#[tokio::test]
async fn looking_whether_a_server_made_a_database_makes_and_migrates_none() {
    let db = fresh_db().await;
    assert!(Db::exists(&db.url).await.unwrap());
    db.close().await.unwrap();
    db.empty().await;
    assert!(!Db::exists(&db.url).await.unwrap());
    assert!(!Db::exists(&db.url).await.unwrap(), "it was made by looking");
}

#[tokio::test]
async fn a_file_of_nobody_or_of_another_program_is_no_database_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.db");
    let url = format!("sqlite:{}", file.display());
    fs::write(&file, "").unwrap();
    assert!(!Db::exists(&url).await.unwrap());
    assert_eq!(fs::read(&file).unwrap(), b"");
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (id INTEGER)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert!(!Db::exists(&url).await.unwrap());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE _sqlx_migrations (version BIGINT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert!(!Db::exists(&url).await.unwrap(), "another program that uses sqlx");
    // It may be ours, and broken: opening it says how.
    fs::write(&file, "no database at all").unwrap();
    assert!(Db::exists(&url).await.unwrap());
    assert!(Db::open(&url).await.unwrap_err().to_string().contains("cannot open the database file"));
}

#[tokio::test]
async fn an_unusable_database_url_is_refused_in_one_sentence() {
    for (url, sentence) in [
        ("mysql://localhost/x", "must begin with sqlite: or postgres:"),
        ("keyward.db", "must begin with sqlite: or postgres:"),
        ("sqlite::memory:", "must name a file"),
        ("sqlite:", "must name a file"),
        ("sqlite:/nowhere/at/all.db", "cannot write the database file /nowhere/at/all.db: No such file or directory"),
        ("sqlite:/", "cannot write the database file /: Is a directory"),
        ("postgres://127.0.0.1:1/x", "cannot connect to PostgreSQL"),
    ] {
        let error = Db::open(url).await.unwrap_err().to_string();
        assert!(error.contains(sentence) && !error.contains('\n'), "{url}: {error}");
    }
}
