//! SQLite: one thread writes whatever is at hand in one transaction, and answers once it is on disk.
use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, params};
use std::{collections::HashSet, iter, path::Path, sync::Mutex, sync::mpsc, thread};
use tokio::sync::oneshot;

const MOST_AT_ONCE: usize = 256;
const TABLES: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE grants (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
    CREATE TABLE codes (digest BLOB PRIMARY KEY, challenge TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE opaque (digest BLOB PRIMARY KEY, client_id TEXT NOT NULL, exp INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE revoked (digest BLOB PRIMARY KEY) WITHOUT ROWID;";

type Answer = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;

pub struct Store {
    jobs: mpsc::Sender<Job>,
    reader: Mutex<Connection>,
    revoked: Mutex<HashSet<Vec<u8>>>,
}

impl Store {
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("bare.db");
        let writer = Connection::open(&file)?;
        writer.execute_batch(TABLES).context("a new database")?;
        let (jobs, inbox) = mpsc::channel();
        thread::spawn(move || work(writer, &inbox));
        Ok(Self { jobs, reader: Mutex::new(Connection::open(&file)?), revoked: Mutex::default() })
    }

    /// What the job found, once it is on disk.
    async fn write<T, J>(&self, job: J) -> Option<T>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = move |on: &Connection| -> Answer {
            let found = job(on).ok();
            Box::new(move || drop(answer.send(found)))
        };
        self.jobs.send(Box::new(job)).ok()?;
        answered.await.ok()?
    }

    async fn insert(&self, sql: &'static str, row: impl rusqlite::Params + Send + 'static) -> Option<()> {
        self.write(move |on| on.prepare_cached(sql)?.execute(row).map(|_| ())).await
    }

    pub async fn add_code(&self, digest: Vec<u8>, challenge: String) -> Option<()> {
        self.insert("INSERT INTO codes VALUES (?, ?)", (digest, challenge)).await
    }

    pub async fn add_opaque(&self, digest: Vec<u8>, client_id: String, exp: u64) -> Option<()> {
        self.insert("INSERT INTO opaque VALUES (?, ?, ?)", (digest, client_id, exp.cast_signed())).await
    }

    pub async fn revoke(&self, digest: Vec<u8>) -> Option<()> {
        self.insert("INSERT OR IGNORE INTO revoked VALUES (?)", [digest.clone()]).await?;
        self.revoked.lock().ok()?.insert(digest);
        Some(())
    }

    pub fn is_revoked(&self, digest: &[u8]) -> bool {
        self.revoked.lock().is_ok_and(|revoked| revoked.contains(digest))
    }

    /// The id of the new grant and its generation, if the code is good; then it is used up.
    pub async fn exchange(&self, digest: Vec<u8>, challenge: String) -> Option<(i64, i64)> {
        let exchanged = self.write(move |on| {
            let mut used = on.prepare_cached("DELETE FROM codes WHERE digest = ? AND challenge = ?")?;
            if used.execute(params![digest, challenge])? == 0 {
                return Ok(None);
            }
            on.prepare_cached("INSERT INTO grants (generation) VALUES (0)")?.execute([])?;
            Ok(Some((on.last_insert_rowid(), 0)))
        });
        exchanged.await?
    }

    /// Its next generation. If this one was refreshed before, two hold it, and the grant ends.
    pub async fn rotate(&self, id: i64, generation: i64) -> Option<(i64, i64)> {
        let rotated = self.write(move |on| {
            let sql =
                "UPDATE grants SET generation = generation + 1 WHERE id = ? AND generation = ? RETURNING generation";
            let next = on.prepare_cached(sql)?.query_row([id, generation], |row| row.get(0)).optional()?;
            if next.is_none() {
                on.prepare_cached("DELETE FROM grants WHERE id = ?")?.execute([id])?;
            }
            Ok(next.map(|generation| (id, generation)))
        });
        rotated.await?
    }

    /// Whose token it is, and until when. Read by the thread that asks.
    pub fn opaque(&self, digest: &[u8]) -> Option<(String, u64)> {
        let reader = self.reader.lock().ok()?;
        let mut statement = reader.prepare_cached("SELECT client_id, exp FROM opaque WHERE digest = ?").ok()?;
        statement.query_row([digest], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))).ok()
    }
}

fn work(mut writer: Connection, inbox: &mpsc::Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let Ok(transaction) = writer.transaction() else { return };
        let jobs = iter::once(first).chain(inbox.try_iter().take(MOST_AT_ONCE - 1));
        let answers: Vec<_> = jobs.map(|job| job(&transaction)).collect();
        if transaction.commit().is_ok() {
            for answer in answers {
                answer();
            }
        }
    }
}
