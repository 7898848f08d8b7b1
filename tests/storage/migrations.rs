//! The files of the migrations: their numbers, and that both databases have the same.
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::{collections::BTreeSet, fs, path::Path};

/// Numbers up to 0077 that no migration has. They stay free: a database that has later ones may be in use.
const UNUSED: [u32; 38] = [
    19, 20, 21, 22, 26, 28, 29, 31, 34, 35, 36, 37, 38, 39, 41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 59, 64, 68, 72, 74, 75, 76,
];

fn names(dialect: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn both_databases_have_the_same_migrations_and_a_new_one_has_the_next_number() {
    let names = [names("sqlite"), names("postgres")];
    assert_eq!(names[0], names[1], "a migration is two files of one name");
    let mut next = 1..;
    for name in &names[0] {
        let expected = next.by_ref().find(|number| !UNUSED.contains(number)).unwrap();
        let (number, rest) = name.split_once('_').unwrap();
        assert_eq!(number, format!("{expected:04}"), "{name}: each migration has the number after the last one");
        let words = rest.strip_suffix(".sql").unwrap();
        assert!(words.split('_').all(|word| word.chars().all(|c| c.is_ascii_lowercase())), "{name}");
    }
}

/// A new form of a table: dropping the old one deletes what refers to it.
#[tokio::test]
async fn grants_and_their_codes_outlive_the_old_form_of_their_tables() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("test.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    for name in names("sqlite") {
        let sql = fs::read_to_string(migrations.join(&name)).unwrap();
        if name.starts_with("0080") {
            sqlx::raw_sql(WITH_A_CODE).execute(&mut connection).await.unwrap();
        }
        let mut transaction = connection.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let left = "SELECT (SELECT count(*) FROM grants WHERE decision = x'03') * 10 + (SELECT count(*) FROM codes)";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await.unwrap(), 11);
    sqlx::raw_sql("DELETE FROM clients").execute(&mut connection).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await.unwrap(), 0);
}

const WITH_A_CODE: &str = "
    INSERT INTO users (id, username, password_hash, role, created_at) VALUES (x'01', 'alice', '', 'user', '');
    INSERT INTO clients (id, source, metadata, created_at, seen_at) VALUES ('app', 'dcr', '{}', '', '');
    INSERT INTO grants (id, client_id, user_id, scopes, resources, auth_time, created_at, expires_at, generation,
                        refresh_hash, refreshed_at, decision)
    VALUES (x'02', 'app', x'01', '', '[]', '', '', '', 1, x'', '', x'03');
    INSERT INTO codes (code_hash, grant_id, client_id, redirect_uri, code_challenge, expires_at)
    VALUES (x'04', x'02', 'app', '', '', '');";
