//! Table `device_codes`: devices that wait for a user's decision (RFC 8628).
use super::{Db, Selection, answered_forms::insert_answer};
use crate::{
    model::{AnsweredForm, ClientId, DeviceAuthorization, Scopes, UserId},
    secrets::Digest,
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

pub(super) const DATES: &[&str] = &["expires_at", "next_poll_at"];

/// PostgreSQL advisory lock held while inserting, so that concurrent calls do not pass the limits together.
const INSERTION_LOCK: i64 = 0x6b77_6465_7669;

/// Limits for unexpired codes.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLimits {
    /// For one source, decided or not.
    pub of_source: i64,
    /// For one client, undecided ones only.
    pub of_client: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    Done,
    /// One of the two codes is in use.
    Taken,
    SourceFull,
    ClientFull,
}

/// Counts and inserts in a single step, so that concurrent calls cannot exceed the limits.
pub async fn insert(db: &Db, device: &DeviceAuthorization, limits: DeviceLimits) -> sqlx::Result<Insertion> {
    transaction!(db, |on| {
        if matches!(db, Db::Postgres(_)) {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(INSERTION_LOCK).execute(&mut *on).await?;
        }
        let (of_source, of_client): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM device_codes WHERE source = $1 AND expires_at > $3),
                    (SELECT count(*) FROM device_codes
                      WHERE client_id = $2 AND expires_at > $3 AND decided_at IS NULL)",
        )
        .bind(&device.source)
        .bind(&device.client_id)
        .bind(device.created_at)
        .fetch_one(&mut *on)
        .await?;
        if of_source >= limits.of_source {
            Insertion::SourceFull
        } else if of_client >= limits.of_client {
            Insertion::ClientFull
        } else {
            let inserted = sqlx::query(
                "INSERT INTO device_codes (device_code_hash, user_code_hash, client_id, scopes, resources, ip_address,
                     source, created_at, expires_at, poll_interval, next_poll_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                 ON CONFLICT DO NOTHING",
            )
            .bind(&device.device_code_hash)
            .bind(&device.user_code_hash)
            .bind(&device.client_id)
            .bind(device.scopes.to_string())
            .bind(Json(&device.resources))
            .bind(&device.ip_address)
            .bind(&device.source)
            .bind(device.created_at)
            .bind(device.expires_at)
            .bind(device.poll_interval)
            .bind(device.next_poll_at)
            .execute(&mut *on)
            .await?;
            if inserted.rows_affected() > 0 { Insertion::Done } else { Insertion::Taken }
        }
    })
}

pub async fn find(db: &Db, device_code: &Digest) -> sqlx::Result<Option<DeviceAuthorization>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM device_codes WHERE device_code_hash = $1")
        .bind(device_code)
        .fetch_optional(on))
}

pub async fn find_by_user_code(db: &Db, user_code: &Digest) -> sqlx::Result<Option<DeviceAuthorization>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM device_codes WHERE user_code_hash = $1")
        .bind(user_code)
        .fetch_optional(on))
}

pub async fn select(db: &Db, wanted: &Selection) -> sqlx::Result<Vec<DeviceAuthorization>> {
    scan!(db, |on| {
        sqlx::query_as(
        "SELECT * FROM device_codes WHERE client_id = coalesce($1, client_id) AND created_at >= coalesce($2, created_at)
          ORDER BY created_at DESC, device_code_hash LIMIT $3",
    )
    .bind(&wanted.client_id)
    .bind(wanted.since)
    .bind(wanted.limit)
    .fetch_all(on)
    })
}

/// The number of unexpired undecided codes of this client.
pub async fn count_of_client(db: &Db, client: &ClientId, now: OffsetDateTime) -> sqlx::Result<i64> {
    scan!(db, |on| sqlx::query_scalar(
        "SELECT count(*) FROM device_codes WHERE client_id = $1 AND expires_at > $2 AND decided_at IS NULL",
    )
    .bind(client)
    .bind(now)
    .fetch_one(on))
}

/// The number of the codes that [`count_of_client`] counts, for each source.
pub async fn count_by_source(db: &Db, client: &ClientId, now: OffsetDateTime) -> sqlx::Result<Vec<(String, i64)>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT source, count(*) FROM device_codes
          WHERE client_id = $1 AND expires_at > $2 AND decided_at IS NULL GROUP BY source",
    )
    .bind(client)
    .bind(now)
    .fetch_all(on))
}

/// Expires the oldest undecided code of this client and source.
pub async fn give_up_oldest(db: &Db, client: &ClientId, source: &str, now: OffsetDateTime) -> sqlx::Result<()> {
    execute!(
        db,
        sqlx::query(
            "UPDATE device_codes SET expires_at = $3 WHERE decided_at IS NULL AND device_code_hash =
                 (SELECT device_code_hash FROM device_codes
                   WHERE client_id = $1 AND source = $2 AND expires_at > $3 AND decided_at IS NULL
                   ORDER BY created_at, device_code_hash LIMIT 1)",
        )
        .bind(client)
        .bind(source)
        .bind(now)
    )
    .map(drop)
}

/// Records a poll of `device` in the state that was read. `false` if another poll changed it meanwhile.
pub async fn poll(
    db: &Db,
    device: &DeviceAuthorization,
    interval: i32,
    next_poll_at: OffsetDateTime,
) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "UPDATE device_codes SET poll_interval = $2, next_poll_at = $3
              WHERE device_code_hash = $1 AND poll_interval = $4 AND next_poll_at = $5",
        )
        .bind(&device.device_code_hash)
        .bind(interval)
        .bind(next_poll_at)
        .bind(device.poll_interval)
        .bind(device.next_poll_at)
    )
    .map(|rows| rows > 0)
}

/// A user's decision.
pub struct DeviceDecision<'a> {
    pub user_id: UserId,
    pub auth_time: OffsetDateTime,
    /// The allowed scopes; `None` is a denial.
    pub allowed: Option<&'a Scopes>,
    /// The form that carried the decision.
    pub form: Option<&'a AnsweredForm>,
}

/// `true` only for the first decision, and never after the code expired.
pub async fn decide(
    db: &Db,
    device_code: &Digest,
    said: &DeviceDecision<'_>,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let decided = sqlx::query(
            "UPDATE device_codes SET user_id = $2, auth_time = $3, allowed = $4, scopes = coalesce($5, scopes),
                 decided_at = $6
              WHERE device_code_hash = $1 AND decided_at IS NULL AND expires_at > $6",
        )
        .bind(device_code)
        .bind(said.user_id)
        .bind(said.auth_time)
        .bind(said.allowed.is_some())
        .bind(said.allowed.map(ToString::to_string))
        .bind(now)
        .execute(&mut *on)
        .await?
        .rows_affected()
            > 0;
        if let Some(form) = said.form.filter(|_| decided) {
            insert_answer!(form).execute(&mut *on).await?;
        }
        decided
    })
}

/// Deletes codes an hour after they expired: until then a polling device is told so. Returns the number of deleted
/// codes.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM device_codes WHERE expires_at < $1").bind(now - Duration::hours(1)))
}
