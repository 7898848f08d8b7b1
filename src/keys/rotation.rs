//! The steps of a key's life. Each is one atomic step of the database: of all nodes that try, one succeeds.
use super::Keys;
use crate::{model::KeyStatus, oauth::algorithm::Algorithm, storage::signing_keys};
use time::OffsetDateTime;

impl Keys {
    /// Publishes a successor of the key that began to sign at `activated_by` or before. Answers its `kid`; `None` if
    /// there is no such key, or a successor is published already.
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

    /// Signs with the successor from now on, if it was published at `published_by` or before.
    pub async fn promote(&self, algorithm: &str, published_by: OffsetDateTime) -> anyhow::Result<bool> {
        let promoted = signing_keys::promote(&self.db, algorithm, published_by, self.clock.now()).await?;
        self.reload().await?;
        Ok(promoted)
    }

    /// Withdraws keys that ceased to sign at `retired_by` or before. Answers how many.
    pub async fn withdraw(&self, retired_by: OffsetDateTime) -> anyhow::Result<u64> {
        let withdrawn = signing_keys::sweep(&self.db, retired_by).await?;
        self.reload().await?;
        Ok(withdrawn)
    }

    /// New keys sign at once, and the old ones are worth nothing any more, nor what they signed. Answers how many old
    /// ones there were.
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
