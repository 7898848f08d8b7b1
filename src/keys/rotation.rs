//! The steps of a key's life. Each is one atomic step in the database: if several nodes try, one succeeds.
use super::SigningKeys;
use crate::{model::KeyStatus, oauth::algorithm::Algorithm, storage::signing_keys};
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

    /// Makes new keys sign at once and withdraws all old ones, which invalidates everything they signed. Returns the
    /// number of old keys.
    pub async fn replace_all(&self) -> anyhow::Result<u64> {
        let mut made = Vec::new();
        for algorithm in Algorithm::NAMES {
            made.push(self.make(algorithm, KeyStatus::Current).await?);
        }
        let removed = signing_keys::replace_all(&self.db, &made).await?;
        self.reload().await?;
        Ok(removed)
    }
}
