//! Table `grants`: what users allowed clients. Each row is also a refresh family.
mod selected;

pub use selected::{Filter, count_live, list, revoke_selected};

use super::{Db, answered_forms::insert_answer, audit_events::insert_event};
use crate::{
    model::{AnsweredForm, AuditEvent, Code, Consent, Grant, GrantHolder, GrantId, UserId},
    secrets::Digest,
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

pub(super) const DATES: &[&str] = &["expires_at", "refreshed_at"];

/// The statement that stores a grant, unless its decision already has one.
macro_rules! insert {
    ($grant:expr, $decision:expr) => {
        sqlx::query(
            "INSERT INTO grants (id, client_id, user_id, scopes, resources, auth_time, created_at, expires_at,
                 revoked_at, generation, refresh_hash, refreshed_at, dpop_jkt, acr, grant_type, decision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (decision) WHERE decision IS NOT NULL DO NOTHING",
        )
        .bind($grant.id)
        .bind(&$grant.client_id)
        .bind($grant.user_id)
        .bind($grant.scopes.to_string())
        .bind(Json(&$grant.resources))
        .bind($grant.auth_time)
        .bind($grant.created_at)
        .bind($grant.expires_at)
        .bind($grant.revoked_at)
        .bind($grant.generation)
        .bind(&$grant.refresh_hash)
        .bind($grant.refreshed_at)
        .bind(&$grant.dpop_jkt)
        .bind(&$grant.acr)
        .bind(&$grant.grant_type)
        .bind($decision)
    };
}

pub async fn find(db: &Db, id: GrantId) -> sqlx::Result<Option<Grant>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM grants WHERE id = $1").bind(id).fetch_optional(on))
}

/// The client and the user of a grant that is not revoked, if the account is enabled and the access token `jti` is not
/// revoked: all that a token of the grant depends on, in one statement.
pub async fn holder(db: &Db, id: GrantId, jti: &str) -> sqlx::Result<Option<GrantHolder>> {
    read!(db, |on| sqlx::query_as(
        "SELECT users.*, grants.client_id FROM grants JOIN users ON users.id = grants.user_id
          WHERE grants.id = $1 AND grants.revoked_at IS NULL AND users.disabled_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $2)",
    )
    .bind(id)
    .bind(jti)
    .fetch_optional(on))
}

/// All grants of a user, including revoked and expired ones, the newest first.
pub async fn find_by_user(db: &Db, user: UserId) -> sqlx::Result<Vec<Grant>> {
    scan!(db, |on| sqlx::query_as("SELECT * FROM grants WHERE user_id = $1 ORDER BY created_at DESC, id DESC")
        .bind(user)
        .fetch_all(on))
}

/// Stores a grant with its code, its event, and consents, which replace existing ones. `false`, with nothing changed, if
/// the form that carried the approval was answered before.
pub async fn authorize(
    db: &Db,
    grant: &Grant,
    code: &Code,
    form: Option<&AnsweredForm>,
    consents: &[Consent],
    event: &AuditEvent,
) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let is_first = match form {
            Some(form) => insert_answer!(form).execute(&mut *on).await?.rows_affected() > 0,
            None => true,
        };
        let decision = form.map(|form| &form.form_hash);
        let granted = is_first && insert!(grant, decision).execute(&mut *on).await?.rows_affected() > 0;
        if granted {
            sqlx::query(
                "INSERT INTO codes (code_hash, grant_id, client_id, redirect_uri, code_challenge, nonce, expires_at,
                     consumed_at, failures, dpop_jkt)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(&code.code_hash)
            .bind(code.grant_id)
            .bind(&code.client_id)
            .bind(&code.redirect_uri)
            .bind(&code.code_challenge)
            .bind(&code.nonce)
            .bind(code.expires_at)
            .bind(code.consumed_at)
            .bind(code.failures)
            .bind(&code.dpop_jkt)
            .execute(&mut *on)
            .await?;
            insert_event!(event).execute(&mut *on).await?;
        }
        for consent in consents.iter().filter(|_| granted) {
            sqlx::query(
                "INSERT INTO consents (user_id, client_id, resource, scopes, fingerprint, granted_at, known_client,
                     places)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (user_id, client_id, resource) DO UPDATE SET scopes = excluded.scopes,
                     fingerprint = excluded.fingerprint, granted_at = excluded.granted_at,
                     known_client = excluded.known_client, places = excluded.places",
            )
            .bind(consent.user_id)
            .bind(&consent.client_id)
            .bind(&consent.resource)
            .bind(consent.scopes.to_string())
            .bind(&consent.fingerprint)
            .bind(consent.granted_at)
            .bind(consent.known_client.as_ref().map(Json))
            .bind(Json(&consent.places))
            .execute(&mut *on)
            .await?;
        }
        granted
    })
}

/// Stores the grant of a device code, which yields a single one. `false`, with nothing changed, if the code was used,
/// has expired, or was not approved.
pub async fn redeem(db: &Db, grant: &Grant, device_code: &Digest, now: OffsetDateTime) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let consumed = sqlx::query(
            "UPDATE device_codes SET consumed_at = $2
              WHERE device_code_hash = $1 AND consumed_at IS NULL AND allowed AND expires_at > $2",
        )
        .bind(device_code)
        .bind(now)
        .execute(&mut *on)
        .await?
        .rows_affected()
            > 0;
        if consumed {
            insert!(grant, None::<&Digest>).execute(&mut *on).await?;
        }
        consumed
    })
}

/// The grant of this decision or assertion.
pub async fn find_by_decision(db: &Db, decision: &Digest) -> sqlx::Result<Option<Grant>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM grants WHERE decision = $1").bind(decision).fetch_optional(on))
}

/// Stores the grant of an assertion. `false`, with nothing changed, if the assertion already has one.
pub async fn assert(db: &Db, grant: &Grant, assertion: &Digest) -> sqlx::Result<bool> {
    execute!(db, insert!(grant, Some(assertion))).map(|rows| rows > 0)
}

/// The party that rotates a refresh token: its address, and a digest of its `User-Agent`.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Refresher {
    #[sqlx(rename = "refreshed_from")]
    pub address: Option<String>,
    #[sqlx(rename = "refreshed_with")]
    pub program: Option<Digest>,
}

/// The party that rotated last.
pub async fn refresher(db: &Db, id: GrantId) -> sqlx::Result<Option<Refresher>> {
    read!(db, |on| sqlx::query_as("SELECT refreshed_from, refreshed_with FROM grants WHERE id = $1")
        .bind(id)
        .fetch_optional(on))
}

/// A presented refresh token and its successor.
pub struct Rotation<'a> {
    pub generation: i32,
    /// Digests of the presented token and of its successor.
    pub hashes: [&'a Digest; 2],
    /// The key whose possession the presenter proved.
    pub jkt: Option<&'a str>,
    pub by: &'a Refresher,
}

/// Replaces the presented refresh token with its successor, if it is the live token of a live grant. Of several
/// concurrent callers, one gets the grant. It is bound to the key `jkt`, unless it already is bound.
pub async fn rotate(
    db: &Db,
    id: GrantId,
    rotation: &Rotation<'_>,
    now: OffsetDateTime,
    idle_since: OffsetDateTime,
) -> sqlx::Result<Option<Grant>> {
    let Rotation { generation, hashes: [presented, successor], jkt, by } = rotation;
    fetch!(db, |on| sqlx::query_as(
        "UPDATE grants SET generation = generation + 1, refresh_hash = $4, refreshed_at = $5,
             dpop_jkt = coalesce(dpop_jkt, $7), refreshed_from = $8, refreshed_with = $9
          WHERE id = $1 AND generation = $2 AND refresh_hash = $3
            AND revoked_at IS NULL AND expires_at > $5 AND refreshed_at > $6
         RETURNING *",
    )
    .bind(id)
    .bind(generation)
    .bind(presented)
    .bind(successor)
    .bind(now)
    .bind(idle_since)
    .bind(jkt)
    .bind(&by.address)
    .bind(&by.program)
    .fetch_optional(on))
}

/// Refreshes without a rotation: only `refreshed_at` changes.
pub async fn touch(
    db: &Db,
    id: GrantId,
    generation: i32,
    presented: &Digest,
    now: OffsetDateTime,
    idle_since: OffsetDateTime,
) -> sqlx::Result<Option<Grant>> {
    fetch!(db, |on| sqlx::query_as(
        "UPDATE grants SET refreshed_at = $4
          WHERE id = $1 AND generation = $2 AND refresh_hash = $3
            AND revoked_at IS NULL AND expires_at > $4 AND refreshed_at > $5
         RETURNING *",
    )
    .bind(id)
    .bind(generation)
    .bind(presented)
    .bind(now)
    .bind(idle_since)
    .fetch_optional(on))
}

/// Makes a later refresh token of the family the live one, once since `since`. `false`, with nothing changed, if that
/// happened before, or the family has ended or moved on meanwhile.
pub async fn catch_up(
    db: &Db,
    id: GrantId,
    [generation, presented]: [i32; 2],
    hash: &Digest,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query(
            "UPDATE grants SET generation = $3, refresh_hash = $4, refreshed_at = $6, caught_up_at = $6
              WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND expires_at > $6
                AND (caught_up_at IS NULL OR caught_up_at < $5)",
        )
        .bind(id)
        .bind(generation)
        .bind(presented)
        .bind(hash)
        .bind(since)
        .bind(now)
    )
    .map(|rows| rows > 0)
}

/// Whether a later refresh token was accepted since then, and the presented one is later still.
pub async fn caught_up_before(db: &Db, id: GrantId, presented: i32, since: OffsetDateTime) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM grants WHERE id = $1 AND generation < $2 AND caught_up_at >= $3)"
    )
    .bind(id)
    .bind(presented)
    .bind(since)
    .fetch_one(on))
}

/// `false` if the grant does not exist or was revoked before.
pub async fn revoke(db: &Db, id: GrantId, now: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL").bind(id).bind(now)
    )
    .map(|rows| rows > 0)
}

/// How long after the expiry of an unredeemed code its grant is kept: without the grant, its form could be sent again
/// and create another one.
const UNREDEEMED_LIFETIME: Duration = Duration::minutes(40);

/// Deletes ended grants: expired, idle, revoked more than a day ago (until then a replayed token is recognised), or
/// never redeemed. Grants whose code may still be exchanged stay. Returns the number of deleted grants.
pub async fn sweep(db: &Db, now: OffsetDateTime, idle_since: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(
        db,
        sqlx::query(
            "DELETE FROM grants
              WHERE ((expires_at <= $1 OR refreshed_at <= $2 OR revoked_at < $3)
                AND NOT EXISTS (SELECT 1 FROM codes
                     WHERE codes.grant_id = grants.id AND codes.consumed_at IS NULL AND codes.expires_at > $1))
                 OR id IN (SELECT grant_id FROM codes WHERE consumed_at IS NULL AND expires_at <= $4)",
        )
        .bind(now)
        .bind(idle_since)
        .bind(now - Duration::days(1))
        .bind(now - UNREDEEMED_LIFETIME)
    )
}
