//! Table `pushed_requests`: authorization requests on their way from a client to its user (RFC 9126).
use super::{
    Db,
    dpop_proofs::{Proof, insert_proof},
    used_assertions::{Assertion, insert_assertion},
};
use crate::{model::ClientId, secrets::Digest};
use keyward_limits::source::Source;
use time::OffsetDateTime;

pub(super) const DATES: &[&str] = &["expires_at"];

/// Bytes that the requests of one source may take, and of all sources together.
pub const MAX_PER_SOURCE: i64 = 2 * 1024 * 1024;
pub const MAX_IN_ALL: i64 = 32 * 1024 * 1024;
/// Bytes that every request counts for at least.
const MIN_COUNTED_BYTES: i64 = 1024;
/// How many requests are deleted to make room, of the network that holds the most bytes; a single request never takes
/// more than these did.
const DELETED_AT_ONCE: i64 = 32;

/// PostgreSQL advisory lock held while inserting, so that concurrent pushes do not exceed the limits together.
const INSERTION_LOCK: i64 = 0x6b77_7075_7368;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PushedRequest {
    /// Digest of its `request_uri`.
    pub request_hash: Digest,
    /// The client that pushed the request; only it may use it.
    pub client_id: ClientId,
    /// The request's parameters, form-encoded, without credentials.
    pub query: String,
    pub expires_at: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    Done,
    /// The proof of the request was used before.
    Replayed,
    /// The client assertion of the request was used before.
    AssertionReplayed,
    /// The source has used up its share.
    SourceFull,
    /// The shared limit is used up, and no other network has more than this source's.
    Full,
}

/// Bytes held by a source, by its network, and by all.
const HELD: &str = "SELECT (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pushed_requests WHERE source = $1),
    (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pushed_requests WHERE network = $2),
    (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pushed_requests)";

macro_rules! insert_request {
    ($request:expr, $source:expr, $network:expr, $bytes:expr) => {
        sqlx::query(
            "INSERT INTO pushed_requests (request_hash, client_id, query, expires_at, source, network, bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&$request.request_hash)
        .bind(&$request.client_id)
        .bind(&$request.query)
        .bind($request.expires_at)
        .bind($source)
        .bind($network)
        .bind($bytes)
    };
}

/// Inserts a request. When the shared limit is used up, the oldest requests of the network that holds the most bytes
/// are deleted. Proof and assertion are used up only if the request is stored.
pub async fn insert(
    db: &Db,
    request: &PushedRequest,
    source: Source,
    proof: Option<Proof<'_>>,
    assertion: Option<Assertion<'_>>,
    now: OffsetDateTime,
) -> sqlx::Result<Insertion> {
    let (source, network) = (source.to_string(), source.network().to_string());
    let bytes = i64::try_from(request.query.len()).unwrap_or(i64::MAX).max(MIN_COUNTED_BYTES);
    transaction!(db, |on| {
        if matches!(db, Db::Postgres(_)) {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(INSERTION_LOCK).execute(&mut *on).await?;
        }
        sqlx::query("DELETE FROM pushed_requests WHERE expires_at <= $1").bind(now).execute(&mut *on).await?;
        // Each sum is computed from an index, without reading the requests.
        let (own, of_network, all): (i64, i64, i64) =
            sqlx::query_as(HELD).bind(&source).bind(&network).fetch_one(&mut *on).await?;
        let mut greediest: Option<(String, i64)> = None;
        if all + bytes > MAX_IN_ALL {
            greediest = sqlx::query_as(
                "SELECT network, CAST(sum(bytes) AS BIGINT) AS held FROM pushed_requests
                  GROUP BY network ORDER BY held DESC, network LIMIT 1",
            )
            .fetch_optional(&mut *on)
            .await?;
        }
        let mut insertion = match &greediest {
            _ if own + bytes > MAX_PER_SOURCE => Insertion::SourceFull,
            Some((_, held)) if of_network + bytes >= *held => Insertion::Full,
            _ => Insertion::Done,
        };
        if let (Insertion::Done, Some(assertion)) = (insertion, assertion) {
            let first = insert_assertion!(assertion).execute(&mut *on).await?.rows_affected() > 0;
            insertion = if first { Insertion::Done } else { Insertion::AssertionReplayed };
        }
        if let (Insertion::Done, Some((hash, expires_at))) = (insertion, proof) {
            let first = insert_proof!(hash, expires_at).execute(&mut *on).await?.rows_affected() > 0;
            insertion = if first { Insertion::Done } else { Insertion::Replayed };
        }
        if let (Insertion::Done, Some((network, _))) = (insertion, greediest) {
            sqlx::query(
                "DELETE FROM pushed_requests WHERE request_hash IN (SELECT request_hash FROM pushed_requests
                      WHERE network = $1 ORDER BY expires_at, request_hash LIMIT $2)",
            )
            .bind(network)
            .bind(DELETED_AT_ONCE)
            .execute(&mut *on)
            .await?;
        }
        if insertion == Insertion::Done {
            insert_request!(request, &source, &network, bytes).execute(&mut *on).await?;
        }
        insertion
    })
}

/// `None` if the request belongs to another client, has expired, is completed or never existed.
pub async fn find(
    db: &Db,
    hash: &Digest,
    client: &ClientId,
    now: OffsetDateTime,
) -> sqlx::Result<Option<PushedRequest>> {
    read!(db, |on| sqlx::query_as(
        "SELECT * FROM pushed_requests WHERE request_hash = $1 AND client_id = $2 AND expires_at > $3",
    )
    .bind(hash)
    .bind(client)
    .bind(now)
    .fetch_optional(on))
}

/// `true` only for the first caller, and never after the request expired.
pub async fn complete(db: &Db, hash: &Digest, now: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(
        db,
        sqlx::query("DELETE FROM pushed_requests WHERE request_hash = $1 AND expires_at > $2").bind(hash).bind(now)
    )
    .map(|rows| rows > 0)
}

/// Deletes expired requests. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM pushed_requests WHERE expires_at <= $1").bind(now))
}
