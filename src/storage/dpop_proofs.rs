//! Table `dpop_proofs`: proofs of possession that were used (RFC 9449 §11.1), by digest.
use super::Db;
use crate::secrets::Digest;
use time::OffsetDateTime;

/// One that is used up in the same step as something else: its digest, and when that may be forgotten.
pub type Proof<'a> = (&'a Digest, OffsetDateTime);

/// The statement that uses one up, unless it was used before.
macro_rules! insert_proof {
    ($hash:expr, $expires_at:expr) => {
        sqlx::query("INSERT INTO dpop_proofs (proof_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind($hash)
            .bind($expires_at)
    };
}
pub(super) use insert_proof;

/// `true` for the first caller only.
pub async fn insert(db: &Db, hash: &Digest, expires_at: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(db, insert_proof!(hash, expires_at)).map(|rows| rows > 0)
}

/// Forgets those too old to count. Answers how many went.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM dpop_proofs WHERE expires_at <= $1").bind(now))
}
