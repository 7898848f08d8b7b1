//! Table `clients`: all registered, configured and described clients.
mod selected;

pub use selected::{Filter, list};

use super::{Db, audit_events::insert_event, initial_access_tokens::take_use};
use crate::{
    model::{AuditEvent, Client, ClientId, ClientMetadata, ClientPolicy},
    secrets::Digest,
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

pub(super) const DATES: &[&str] = &["fresh_until", "seen_at"];

/// The content of the column `metadata`.
#[derive(serde::Serialize)]
struct StoredMetadata<'a> {
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    #[serde(flatten)]
    policy: &'a ClientPolicy,
}

impl<'a> StoredMetadata<'a> {
    fn of(client: &'a Client) -> Self {
        Self { metadata: &client.metadata, policy: &client.policy }
    }
}

pub async fn find(db: &Db, id: &ClientId) -> sqlx::Result<Option<Client>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM clients WHERE id = $1").bind(id).fetch_optional(on))
}

/// The statement that inserts a client. If a client with the same fingerprint exists, only its `seen_at` is updated, so
/// that a disabled client stays disabled. `from` is the source that registered it.
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
        .bind(Json(StoredMetadata::of($client)))
        .bind(&$client.secret_hash)
        .bind(&$client.fingerprint)
        .bind($client.created_at)
        .bind($client.seen_at)
        .bind($client.disabled_at)
        .bind($from)
    };
}

/// PostgreSQL advisory lock held while registering, so that concurrent registrations do not pass the limit together.
const REGISTRATION_LOCK: i64 = 0x6b77_7265_6769;

#[derive(Clone, Debug)]
pub enum RegistrationResult {
    Done(Box<Client>),
    /// The number of unused clients has reached its limit.
    Full,
    /// The initial access token was used up or has expired.
    NotPermitted,
}

/// Counts unused clients and registers a new one in a single step, so that concurrent calls cannot exceed the limit.
/// `permission` is used up only if the registration succeeds.
pub async fn register(
    db: &Db,
    client: &Client,
    from: &str,
    most: i64,
    permission: Option<&Digest>,
) -> sqlx::Result<RegistrationResult> {
    // SQLite's writer must stay free while all clients are counted, so this is counted before. Registrations that are
    // being written count too, so that nobody waits until they are on disk.
    let admission = match db {
        Db::Postgres(_) => None,
        Db::Sqlite(sqlite) => sqlite.admit(most, count_unused(db)).await?,
    };
    let mut full = matches!(db, Db::Sqlite(_)) && admission.is_none();
    transaction!(db, |on| {
        if matches!(db, Db::Postgres(_)) {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(REGISTRATION_LOCK).execute(&mut *on).await?;
            full = sqlx::query_scalar::<_, i64>(COUNT_UNUSED).fetch_one(&mut *on).await? >= most;
        }
        let permitted = match permission {
            Some(hash) if !full => take_use!(hash, client.created_at).execute(&mut *on).await?.rows_affected() > 0,
            _ => true,
        };
        match (full, permitted) {
            (true, _) => RegistrationResult::Full,
            (_, false) => RegistrationResult::NotPermitted,
            _ => RegistrationResult::Done(Box::new(insert_client!(client, from).fetch_one(&mut *on).await?)),
        }
    })
}

/// Stores a client of the operator's settings. An existing row keeps `created_at` and `disabled_at`: a restart enables
/// no client.
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
        .bind(Json(StoredMetadata::of(client)))
        .bind(&client.secret_hash)
        .bind(&client.fingerprint)
        .bind(client.created_at)
        .bind(client.seen_at)
        .bind(client.disabled_at)
        .bind(&client.previous_secret_hash)
    )
    .map(drop)
}

/// Stores a client that a metadata document describes. An existing row keeps `created_at` and `disabled_at`; a client
/// of another kind stays unchanged. `described_by` is equal for all clients of one publisher.
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
        .bind(Json(StoredMetadata::of(client)))
        .bind(client.created_at)
        .bind(client.seen_at)
        .bind(client.fresh_until)
        .bind(described_by)
    )
    .map(drop)
}

/// Stores the new metadata of a self-registered client, and voids consents to the old metadata. `false` if the client
/// is gone or disabled.
pub async fn update(db: &Db, client: &Client) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let updated =
            sqlx::query("UPDATE clients SET metadata = $2, seen_at = $3 WHERE id = $1 AND disabled_at IS NULL")
                .bind(&client.id)
                .bind(Json(StoredMetadata::of(client)))
                .bind(client.seen_at)
                .execute(&mut *on)
                .await?
                .rows_affected()
                > 0;
        // A fingerprint that no client can have.
        sqlx::query("UPDATE consents SET fingerprint = $2 WHERE client_id = $1")
            .bind(&client.id)
            .bind(Digest::of("updated"))
            .execute(&mut *on)
            .await?;
        updated
    })
}

/// Disables a client on behalf of an operator, so that the settings cannot enable it again, and stores the event.
/// `false`, with nothing changed, if an operator had disabled it before.
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

/// Enables a client and stores the event. `false`, with nothing changed, if the client is not disabled.
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

/// Whether the client is disabled because the settings no longer have it.
pub async fn is_left_out(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM clients WHERE id = $1 AND left_out)")
        .bind(id)
        .fetch_one(on))
}

/// Enabled clients that come, or came, from the settings.
pub async fn enabled_seeds(db: &Db) -> sqlx::Result<Vec<ClientId>> {
    scan!(db, |on| sqlx::query_scalar(
        "SELECT id FROM clients WHERE source = 'seed' AND disabled_at IS NULL ORDER BY id",
    )
    .fetch_all(on))
}

/// Disables a client that the settings no longer have. Answers whether it was an enabled client of the settings.
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

/// Enables a client that the settings have again, unless it was disabled for another reason. Answers whether it was
/// enabled.
pub async fn take_back(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("UPDATE clients SET disabled_at = NULL, left_out = FALSE WHERE id = $1 AND left_out").bind(id)
    )
    .map(|rows| rows > 0)
}

/// Deletes a client with its grants, codes and consents. Answers whether it existed.
pub async fn delete(db: &Db, id: &ClientId) -> sqlx::Result<bool> {
    execute!(db, sqlx::query("DELETE FROM clients WHERE id = $1").bind(id)).map(|rows| rows > 0)
}

/// Deletes clients that registered themselves, were last seen before the given time and hold no grant; only those of
/// one source if it is given. Disabled clients stay, because deleted ones could register again.
pub async fn sweep_unused(db: &Db, seen_before: OffsetDateTime, of: Option<&str>) -> sqlx::Result<u64> {
    const SWEEP: &str = "DELETE FROM clients
         WHERE source <> 'seed' AND disabled_at IS NULL AND seen_at < $1
           AND coalesce(registered_from, '') = coalesce($2, registered_from, '')
           AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)";
    let Db::Postgres(pool) = db else {
        return execute!(db, sqlx::query(SWEEP).bind(seen_before).bind(of));
    };
    // A transaction that inserts a grant locks its client's row: wait for it before looking for clients without grants.
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

/// Deletes about `count` unused clients of this source, those that were last seen longest ago.
pub async fn forget_oldest_unused(db: &Db, source: &str, count: u32) -> sqlx::Result<u64> {
    let last: Option<OffsetDateTime> = scan!(db, |on| sqlx::query_scalar(
        "SELECT max(seen_at) FROM (SELECT seen_at FROM clients
          WHERE source = 'dcr' AND disabled_at IS NULL AND coalesce(registered_from, '') = $1
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)
          ORDER BY seen_at LIMIT $2) AS oldest",
    )
    .bind(source)
    .bind(i64::from(count))
    .fetch_one(on))?;
    // Times are whole seconds: clients last seen in the same second are deleted together.
    let Some(last) = last else { return Ok(0) };
    sweep_unused(db, last + Duration::SECOND, Some(source)).await
}

const COUNT_UNUSED: &str = "SELECT count(*) FROM clients WHERE source = 'dcr' AND disabled_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id)";

/// The number of enabled clients that registered themselves and hold no grant.
pub async fn count_unused(db: &Db) -> sqlx::Result<i64> {
    scan!(db, |on| sqlx::query_scalar(COUNT_UNUSED).fetch_one(on))
}

/// The same number for each source.
pub async fn count_unused_by_source(db: &Db) -> sqlx::Result<Vec<(String, i64)>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT coalesce(registered_from, ''), count(*) FROM clients
          WHERE source = 'dcr' AND disabled_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.client_id = clients.id) GROUP BY 1",
    )
    .fetch_all(on))
}

/// The enabled client that registered this same metadata before; its `seen_at` becomes `now`.
pub async fn seen_again(db: &Db, fingerprint: &Digest, now: OffsetDateTime) -> sqlx::Result<Option<Client>> {
    fetch!(db, |on| sqlx::query_as(
        "UPDATE clients SET seen_at = $2 WHERE fingerprint = $1 AND disabled_at IS NULL RETURNING *",
    )
    .bind(fingerprint)
    .bind(now)
    .fetch_optional(on))
}
