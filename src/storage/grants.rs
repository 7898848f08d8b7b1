//! Table `grants`: what users allowed clients; every refresh family is one row.
mod selected;

pub use selected::{Filter, count_live, list, revoke_selected};

use super::{Db, answered_forms::insert_answer};
use crate::{
    model::{AnsweredForm, Code, Consent, Grant, GrantId, UserId},
    secrets::Digest,
};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

/// The statement that stores a grant; of those that one decision brought, the first.
macro_rules! insert {
    ($grant:expr, $decision:expr) => {
        sqlx::query(
            "INSERT INTO grants (id, client_id, user_id, scopes, resources, auth_time, created_at, expires_at,
                 revoked_at, generation, refresh_hash, refreshed_at, dpop_jkt, acr, grant_type, decision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (decision) DO NOTHING",
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

/// All of a user's, also revoked and expired ones, youngest first.
pub async fn find_by_user(db: &Db, user: UserId) -> sqlx::Result<Vec<Grant>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM grants WHERE user_id = $1 ORDER BY created_at DESC, id DESC")
        .bind(user)
        .fetch_all(on))
}

/// Stores a grant, its code, and the consents as given (they replace those on record). `false`, and nothing
/// changed, if the form that it came by was answered before.
pub async fn authorize(
    db: &Db,
    grant: &Grant,
    code: &Code,
    form: Option<&AnsweredForm>,
    consents: &[Consent],
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

/// Stores the grant that a device code brings, which is good for one. `false`, and nothing changed, if it was used
/// before, has expired, or nobody allowed it.
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

/// The grant that this decision, or this assertion, brought.
pub async fn find_by_decision(db: &Db, decision: &Digest) -> sqlx::Result<Option<Grant>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM grants WHERE decision = $1").bind(decision).fetch_optional(on))
}

/// Stores the grant that an assertion brings. `false`, and nothing changed, if it brought one before.
pub async fn assert(db: &Db, grant: &Grant, assertion: &Digest) -> sqlx::Result<bool> {
    execute!(db, insert!(grant, Some(assertion))).map(|rows| rows > 0)
}

/// Who rotates a refresh token: the address, and a digest of what the program calls itself.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Refresher {
    #[sqlx(rename = "refreshed_from")]
    pub address: Option<String>,
    #[sqlx(rename = "refreshed_with")]
    pub program: Option<Digest>,
}

/// Who rotated last.
pub async fn refresher(db: &Db, id: GrantId) -> sqlx::Result<Option<Refresher>> {
    read!(db, |on| sqlx::query_as("SELECT refreshed_from, refreshed_with FROM grants WHERE id = $1")
        .bind(id)
        .fetch_optional(on))
}

/// The refresh token that somebody presents, and what comes in its place.
pub struct Rotation<'a> {
    pub generation: i32,
    /// Of the presented token, and of its successor.
    pub hashes: [&'a Digest; 2],
    /// The key that whoever presents it proves to hold.
    pub jkt: Option<&'a str>,
    pub by: &'a Refresher,
}

/// Puts the successor in the place of the presented refresh token, if that is the live one of a live grant: of
/// all who present it, one gets the grant. It is bound to the key `jkt`, unless it was bound to one before.
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

/// Refreshes for clients whose refresh tokens stay: only `refreshed_at` moves.
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

/// Makes a later refresh token of the family the live one, once since `since`. `false`, and nothing changed, if that
/// was done before, or the family is over or has moved on meanwhile.
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

/// Whether a later refresh token was accepted since then, and this one is later still.
pub async fn caught_up_before(db: &Db, id: GrantId, presented: i32, since: OffsetDateTime) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM grants WHERE id = $1 AND generation < $2 AND caught_up_at >= $3)"
    )
    .bind(id)
    .bind(presented)
    .bind(since)
    .fetch_one(on))
}

/// `false` if there is no such grant or it was revoked before.
pub async fn revoke(db: &Db, id: GrantId, now: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL").bind(id).bind(now)
    )
    .map(|rows| rows > 0)
}

/// Until then the form that brought a grant could be sent again, and would bring another.
const UNREDEEMED: Duration = Duration::minutes(40);

/// Deletes grants that are over: expired, idle, revoked more than a day ago (until then a replayed token is
/// recognised), or begun with a code that nobody redeemed in time. Those whose code may still be exchanged stay.
/// Answers how many went.
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
        .bind(now - UNREDEEMED)
    )
}
