//! Table `dpop_proofs`: used proofs of possession (RFC 9449 §11.1), by digest.
use super::Db;
use crate::secrets::Digest;
use time::OffsetDateTime;

/// A proof that is used up together with another change: its digest, and when the row may be deleted.
pub type Proof<'a> = (&'a Digest, OffsetDateTime);

/// The statement that uses a proof up, unless it was used before.
macro_rules! insert_proof {
    ($hash:expr, $expires_at:expr) => {
        sqlx::query("INSERT INTO dpop_proofs (proof_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind($hash)
            .bind($expires_at)
    };
}
pub(super) use insert_proof;

/// `true` only for the first caller.
pub async fn insert(db: &Db, hash: &Digest, expires_at: OffsetDateTime) -> sqlx::Result<bool> {
    execute!(db, insert_proof!(hash, expires_at)).map(|rows| rows > 0)
}

/// Deletes rows whose proofs have expired. Returns their number.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM dpop_proofs WHERE expires_at <= $1").bind(now))
}
