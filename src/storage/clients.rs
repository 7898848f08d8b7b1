//! Table `clients`: the programs that ask for tokens.
mod selected;

pub use selected::{Filter, list};

use super::{Db, audit_events::insert_event, initial_access_tokens::take_use};
use crate::{
    model::{AuditEvent, Client, ClientId, ClientMetadata, ClientPolicy},
    secrets::Digest,
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

/// The column `metadata`.
#[derive(serde::Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    #[serde(flatten)]
    policy: &'a ClientPolicy,
}

impl<'a> Described<'a> {
    fn of(client: &'a Client) -> Self {
        Self { metadata: &client.metadata, policy: &client.policy }
    }
}

pub async fn find(db: &Db, id: &ClientId) -> sqlx::Result<Option<Client>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM clients WHERE id = $1").bind(id).fetch_optional(on))
}

/// The statement that inserts; or, if a client with this fingerprint is there, answers that one with `seen_at` moved.
/// What else is known of it stays as it was, above all that it is disabled. `from` is its source as limits see it.
macro_rules! insert_client {
    ($client:expr, $from:expr) => {
        sqlx::query_as(
            "INSERT INTO clients (id, source, metadata, secret_hash, fingerprint, created_at, seen_at, disabled_at,
                 registered_from)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (fingerprint) DO UPDATE SET seen_at = excluded.seen_at
             RETURNING *",
        )
        .bind(&$client.id)
        .bind($client.source)
        .bind(Json(Described::of($client)))
        .bind(&$client.secret_hash)
        .bind(&$client.fingerprint)
        .bind($client.created_at)
        .bind($client.seen_at)
        .bind($client.disabled_at)
        .bind($from)
    };
}

/// On PostgreSQL who registers holds this, so that nobody adds to what another has just counted.
const ALONE: i64 = 0x6b77_7265_6769;

#[derive(Clone, Debug)]
pub enum Registration {
    Done(Box<Client>),
    /// There are as many unused ones as may be.
    Full,
    /// The permission was used up or has expired.
    NotPermitted,
}

/// Counts the unused and registers in one step: of many at once only so many get in. `permission` is used up with it,
/// and what is refused uses up nothing.
pub async fn register(
    db: &Db,
    client: &Client,
    from: &str,
    most: i64,
    permission: Option<&Digest>,
) -> sqlx::Result<Registration> {
    // The writer of SQLite is nothing to hold while all clients are looked at: counted before, and one after another.
    let mut full = false;
    let _alone = match db {
        Db::Postgres(_) => None,
        Db::Sqlite(sqlite) => {
            let alone = sqlite.registering().await;
            full = count_unused(db).await? >= most;
            Some(alone)
        }
    };
    transaction!(db, |on| {
        if matches!(db, Db::Postgres(_)) {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(ALONE).execute(&mut *on).await?;
            full = sqlx::query_scalar::<_, i64>(COUNT_UNUSED).fetch_one(&mut *on).await? >= most;
        }
        let permitted = match permission {
            Some(hash) if !full => take_use!(hash, client.created_at).execute(&mut *on).await?.rows_affected() > 0,
            _ => true,
        };
        match (full, permitted) {
            (true, _) => Registration::Full,
            (_, false) => Registration::NotPermitted,
            _ => Registration::Done(Box::new(insert_client!(client, from).fetch_one(&mut *on).await?)),
        }
    })
}

/// Writes what the operator's configuration says of a client. An existing row keeps `created_at`, and
/// `disabled_at`: a restart enables nobody.
pub async fn put_seed(db: &Db, client: &Client) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO clients (id, source, metadata, secret_hash, fingerprint, created_at, seen_at, disabled_at,
                 previous_secret_hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (id) DO UPDATE SET source = excluded.source, metadata = excluded.metadata,
                 secret_hash = excluded.secret_hash, fingerprint = excluded.fingerprint, seen_at = excluded.seen_at,
                 previous_secret_hash = excluded.previous_secret_hash",
        )
        .bind(&client.id)
        .bind(client.source)
        .bind(Json(Described::of(client)))
        .bind(&client.secret_hash)
        .bind(&client.fingerprint)
        .bind(client.created_at)
        .bind(client.seen_at)
        .bind(client.disabled_at)
        .bind(&client.previous_secret_hash)
    )
    .map(drop)
}

/// Writes what a metadata document says. An existing row keeps `created_at` and `disabled_at`, and all of it if the
/// client is known otherwise. `described_by` is equal for clients that the same publisher describes.
pub async fn put_document(db: &Db, client: &Client, described_by: &str) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "INSERT INTO clients (id, source, metadata, created_at, seen_at, fresh_until, described_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, seen_at = excluded.seen_at,
                 fresh_until = excluded.fresh_until, described_by = excluded.described_by
             WHERE clients.source = excluded.source",
        )
        .bind(&client.id)
        .bind(client.source)
        .bind(Json(Described::of(client)))
        .bind(client.created_at)
        .bind(client.seen_at)
        .bind(client.fresh_until)
        .bind(described_by)
    )
    .map(drop)
}

/// Writes what a client that registered itself says now. Consents given to what it was before are void from then
/// on. `false` if it is gone or disabled.
pub async fn update(db: &Db, client: &Client) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let updated =
            sqlx::query("UPDATE clients SET metadata = $2, seen_at = $3 WHERE id = $1 AND disabled_at IS NULL")
                .bind(&client.id)
                .bind(Json(Described::of(client)))
                .bind(client.seen_at)
                .execute(&mut *on)
                .await?
                .rows_affected()
                > 0;
        // The fingerprint of nothing that a client could be.
        sqlx::query("UPDATE consents SET fingerprint = $2 WHERE client_id = $1")
            .bind(&client.id)
            .bind(Digest::of("updated"))
            .execute(&mut *on)
            .await?;
        updated
    })
}

/// Disables a client, by an operator's word: putting it back into the configuration does not enable it. Stores the event
/// that says so. `false`, and nothing changed, if an operator disabled it before.
pub async fn disable(db: &Db, id: &ClientId, now: OffsetDateTime, event: &AuditEvent) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let disabled = sqlx::query(
            "UPDATE clients SET disabled_at = coalesce(disabled_at, $2), left_out = FALSE
              WHERE id = $1 AND (disabled_at IS NULL OR left_out)",
        )
        .bind(id)
        .bind(now)
        .execute(&mut *on)
        .await?
        .rows_affected()
            > 0;
        if disabled {
            insert_event!(event).execute(&mut *on).await?;
        }
        disabled
    })
}

/// Stores the event that says so, too. `false`, and nothing changed, if the client is not disabled.
pub async fn enable(db: &Db, id: &ClientId, event: &AuditEvent) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let enabled = sqlx::query(
            "UPDATE clients SET disabled_at = NULL, left_out = FALSE WHERE id = $1 AND disabled_at IS NOT NULL",
        );
        let enabled = enabled.bind(id).execute(&mut *on).await?.rows_affected() > 0;
        if enabled {
            insert_event!(event).execute(&mut *on).await?;
        }
        enabled
    })
}

/// Whether it is disabled because the configuration has it no more.
pub async fn is_left_out(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM clients WHERE id = $1 AND left_out)")
        .bind(id)
        .fetch_one(on))
}

/// Clients of the configuration, of now or before, that are not disabled.
pub async fn enabled_seeds(db: &Db) -> sqlx::Result<Vec<ClientId>> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT id FROM clients WHERE source = 'seed' AND disabled_at IS NULL ORDER BY id",
    )
    .fetch_all(on))
}

/// Disables a client that the configuration has no more. Answers whether it was one, and enabled.
pub async fn leave_out(db: &Db, id: &ClientId, now: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "UPDATE clients SET disabled_at = $2, left_out = TRUE
              WHERE id = $1 AND source = 'seed' AND disabled_at IS NULL",
        )
        .bind(id)
        .bind(now)
    )
    .map(|rows| rows > 0)
}

/// Enables a client that the configuration has again; one that was disabled otherwise stays so. Answers whether it was
/// left out.
pub async fn take_back(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("UPDATE clients SET disabled_at = NULL, left_out = FALSE WHERE id = $1 AND left_out").bind(id)
    )
    .map(|rows| rows > 0)
}

/// Takes its grants, codes and consents with it. Answers whether there was such a client.
pub async fn delete(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    execute!(db, sqlx::query("DELETE FROM clients WHERE id = $1").bind(id)).map(|rows| rows > 0)
}

/// Deletes clients that came by themselves, were last seen before the given time and hold no grant; of one source if it
/// is named. Disabled ones stay, or coming again would enable them.
pub async fn sweep_unused(db: &Db, seen_before: OffsetDateTime, of: Option<&str>) -> sqlx::Result<u64> {
    const SWEEP: &str = "DELETE FROM clients
         WHERE source <> 'seed' AND disabled_at IS NULL AND seen_at < $1
           AND coalesce(registered_from, '') = coalesce($2, registered_from, '')
           AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)";
    let Db::Postgres(pool) = db else {
        return execute!(db, sqlx::query(SWEEP).bind(seen_before).bind(of));
    };
    // A grant being inserted holds its client's row: wait for it, and only then look who has none.
    let mut transaction = super::begin(pool).await?;
    sqlx::query(
        "SELECT 1 FROM clients WHERE source <> 'seed' AND disabled_at IS NULL AND seen_at < $1
            AND coalesce(registered_from, '') = coalesce($2, registered_from, '')
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id) ORDER BY id FOR UPDATE",
    )
    .bind(seen_before)
    .bind(of)
    .execute(&mut *transaction)
    .await?;
    let swept = sqlx::query(SWEEP).bind(seen_before).bind(of).execute(&mut *transaction).await?.rows_affected();
    transaction.commit().await?;
    Ok(swept)
}

/// Deletes about so many unused clients of this source, those that were seen longest ago.
pub async fn forget_oldest_unused(db: &Db, source: &str, count: u32) -> sqlx::Result<u64> {
    let last: Option<OffsetDateTime> = read!(db, |on| sqlx::query_scalar(
        "SELECT max(seen_at) FROM (SELECT seen_at FROM clients
          WHERE source = 'dcr' AND disabled_at IS NULL AND coalesce(registered_from, '') = $1
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)
          ORDER BY seen_at LIMIT $2) AS oldest",
    )
    .bind(source)
    .bind(i64::from(count))
    .fetch_one(on))?;
    // All clients of the same second go, since time is kept in whole seconds.
    let Some(last) = last else { return Ok(0) };
    sweep_unused(db, last + Duration::SECOND, Some(source)).await
}

const COUNT_UNUSED: &str = "SELECT count(*) FROM clients WHERE source = 'dcr' AND disabled_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)";

/// How many clients registered themselves, hold no grant, and are not disabled.
pub async fn count_unused(db: &Db) -> sqlx::Result<i64> {
    read!(db, |on| sqlx::query_scalar(COUNT_UNUSED).fetch_one(on))
}

/// How many such clients, not disabled, each source has.
pub async fn count_unused_by_source(db: &Db) -> sqlx::Result<Vec<(String, i64)>> {
    read!(db, |on| sqlx::query_as(
        "SELECT coalesce(registered_from, ''), count(*) FROM clients
          WHERE source = 'dcr' AND disabled_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id) GROUP BY 1",
    )
    .fetch_all(on))
}

/// The client that registered exactly this before, if it is still welcome; it registered again now.
pub async fn seen_again(db: &Db, fingerprint: &Digest, now: OffsetDateTime) -> sqlx::Result<Option<Client>> {
    fetch!(db, |on| sqlx::query_as(
        "UPDATE clients SET seen_at = $2 WHERE fingerprint = $1 AND disabled_at IS NULL RETURNING *",
    )
    .bind(fingerprint)
    .bind(now)
    .fetch_optional(on))
}
