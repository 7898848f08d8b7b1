//! The steps of a key's life. Each is one atomic step in the database: if several nodes try, one succeeds.
use super::SigningKeys;
use crate::{
    model::{AuditEvent, KeyStatus, SigningKey},
    oauth::algorithm::Algorithm,
    storage::signing_keys,
};
use time::OffsetDateTime;

impl SigningKeys {
    /// Publishes a successor of the key that began to sign at `activated_by` or before. Returns its `kid`; `None` if
    /// there is no such key, or it has a successor.
    pub async fn publish(
        &self,
        algorithm: &'static str,
        activated_by: OffsetDateTime,
    ) -> anyhow::Result<Option<String>> {
        let next = self.make(algorithm, KeyStatus::Next).await?;
        let published = signing_keys::publish(&self.db, &next, activated_by).await?;
        self.reload().await?;
        Ok(published.then_some(next.kid))
    }

    /// Makes the successor sign from now on, if it was published at `published_by` or before.
    pub async fn promote(&self, algorithm: &str, published_by: OffsetDateTime) -> anyhow::Result<bool> {
        let promoted = signing_keys::promote(&self.db, algorithm, published_by, self.clock.now()).await?;
        self.reload().await?;
        Ok(promoted)
    }

    /// Withdraws keys that stopped signing at `retired_by` or before. Returns how many.
    pub async fn withdraw(&self, retired_by: OffsetDateTime) -> anyhow::Result<u64> {
        let withdrawn = signing_keys::sweep(&self.db, retired_by).await?;
        self.reload().await?;
        Ok(withdrawn)
    }

    /// Publishes a successor of each key that began to sign at `activated_by` or before and has none, and stores the
    /// event that `event` makes of their `kid`s in the same step. `None` if each key has a successor.
    pub async fn publish_all(
        &self,
        activated_by: OffsetDateTime,
        event: impl FnOnce(&[String]) -> AuditEvent,
    ) -> anyhow::Result<Option<(Vec<String>, AuditEvent)>> {
        let successors = self.one_per_algorithm(KeyStatus::Next).await?;
        let published = signing_keys::publish_all(&self.db, &successors, activated_by, event).await?;
        self.reload_changed().await;
        Ok(published)
    }

    /// Makes new keys sign at once and withdraws all old ones, which invalidates everything they signed; stores the
    /// event that `event` makes of the number of old keys in the same step. Returns that number.
    pub async fn replace_all(&self, event: impl FnOnce(u64) -> AuditEvent) -> anyhow::Result<(u64, AuditEvent)> {
        let keys = self.one_per_algorithm(KeyStatus::Current).await?;
        let removed = signing_keys::replace_all(&self.db, &keys, event).await?;
        self.reload_changed().await;
        Ok(removed)
    }

    async fn one_per_algorithm(&self, status: KeyStatus) -> anyhow::Result<Vec<SigningKey>> {
        let mut made = Vec::new();
        for algorithm in Algorithm::NAMES {
            made.push(self.make(algorithm, status).await?);
        }
        Ok(made)
    }

    /// Reads keys that may have changed in the database. If that fails, the change has happened all the same; a server
    /// reads the keys again with its next housekeeping.
    async fn reload_changed(&self) {
        if let Err(error) = self.reload().await {
            tracing::error!(%error, "the signing keys could not be read again after a rotation");
        }
    }
}
