//! Table `document_sources`: the sources of documents that strangers wrote. These documents share one owner, of whose
//! budget each source has a share.
use super::{LEAST, ROOM, Store, StoreError};
use keyward_limits::{shares::Holdings, source::Source};
use serde::Serialize;
use sqlx::SqliteConnection;
use std::net::IpAddr;

/// Bytes that one source may use for one kind and owner.
const SHARE: usize = 100 * LEAST as usize;

/// All strangers without a known source count as one.
const NOBODY: Source = Source::Party(0);

/// All documents of one kind and owner.
#[derive(Clone, Copy)]
struct Place<'a> {
    owner: &'a str,
    kind: &'a str,
}

impl Store {
    /// As `put`, for a stranger. If there is no room, the oldest documents of the source with the most are deleted.
    pub async fn put_of_stranger(
        &self,
        source: Source,
        (owner, kind): (&str, &str),
        id: &str,
        body: &impl Serialize,
    ) -> Result<(), StoreError> {
        let (place, body) = (Place { owner, kind }, serde_json::to_string(body)?);
        let weight = body.len().max(LEAST as usize);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut holdings = place.holdings(id, &mut transaction).await?;
        if holdings.of(source) + weight > SHARE {
            return Err(StoreError::Full);
        }
        while holdings.held() + weight > ROOM as usize {
            let greediest = holdings.yields_to(source).filter(|greediest| *greediest != source);
            let greediest = greediest.ok_or(StoreError::Full)?;
            let gone = place.forget_oldest(greediest, id, &mut transaction).await?.ok_or(StoreError::Full)?;
            holdings.remove(greediest, gone);
        }
        let now = self.clock.now().unix_timestamp();
        sqlx::query(
            "INSERT INTO documents (owner, kind, id, body, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (owner, kind, id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        )
        .bind(owner)
        .bind(kind)
        .bind(id)
        .bind(&body)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT OR REPLACE INTO document_sources (owner, kind, id, source) VALUES ($1, $2, $3, $4)")
            .bind(owner)
            .bind(kind)
            .bind(id)
            .bind(source.to_string())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Deletes the ten oldest documents, or this stranger's ten oldest.
    pub async fn delete_oldest(&self, owner: &str, kind: &str, stranger: Option<Source>) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM documents WHERE rowid IN (SELECT documents.rowid FROM documents \
             LEFT JOIN document_sources USING (owner, kind, id) \
             WHERE owner = $1 AND kind = $2 AND ($3 IS NULL OR coalesce(source, $4) = $3) \
             ORDER BY documents.rowid LIMIT 10)",
        )
        .bind(owner)
        .bind(kind)
        .bind(stranger.map(|source| source.to_string()))
        .bind(NOBODY.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Place<'_> {
    /// The bytes of each source, without the document that is about to be written.
    async fn holdings(self, but: &str, connection: &mut SqliteConnection) -> Result<Holdings, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT coalesce(source, $4) AS source, sum(max(octet_length(body), $5)) FROM documents \
             LEFT JOIN document_sources USING (owner, kind, id) \
             WHERE owner = $1 AND kind = $2 AND id <> $3 GROUP BY 1 ORDER BY min(documents.rowid)",
        )
        .bind(self.owner)
        .bind(self.kind)
        .bind(but)
        .bind(NOBODY.to_string())
        .bind(LEAST)
        .fetch_all(connection)
        .await?;
        let mut holdings = Holdings::default();
        for (source, weight) in rows {
            let source = source.parse::<IpAddr>().map_or(NOBODY, Source::of);
            holdings.add(source, usize::try_from(weight)?);
        }
        Ok(holdings)
    }

    /// Deletes the oldest documents of a source; returns how many bytes they had.
    async fn forget_oldest(
        self,
        source: Source,
        but: &str,
        connection: &mut SqliteConnection,
    ) -> Result<Option<usize>, StoreError> {
        let gone: Option<i64> = sqlx::query_scalar(
            "DELETE FROM documents WHERE rowid = (SELECT documents.rowid FROM documents \
             LEFT JOIN document_sources USING (owner, kind, id) \
             WHERE owner = $1 AND kind = $2 AND id <> $3 AND coalesce(source, $4) = $5 \
             ORDER BY documents.rowid LIMIT 1) RETURNING max(octet_length(body), $6)",
        )
        .bind(self.owner)
        .bind(self.kind)
        .bind(but)
        .bind(NOBODY.to_string())
        .bind(source.to_string())
        .bind(LEAST)
        .fetch_optional(connection)
        .await?;
        Ok(gone.map(usize::try_from).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_guard::clock::Clock;

    const NOTES: (&str, &str) = ("everybody", "note");

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    async fn written(store: &Store, from: &str, ids: std::ops::Range<usize>) -> usize {
        let mut written = 0;
        for id in ids {
            let put = store.put_of_stranger(source(from), NOTES, &format!("{from} {id}"), &id).await;
            assert!(matches!(put, Ok(()) | Err(StoreError::Full)), "{put:?}");
            written += usize::from(put.is_ok());
        }
        written
    }

    async fn kept(store: &Store, from: &str) -> usize {
        let all = store.list::<usize>(NOTES.0, NOTES.1).await.unwrap();
        all.iter().filter(|document| document.id.starts_with(&format!("{from} "))).count()
    }

    #[tokio::test]
    async fn a_stranger_fills_a_share_and_the_others_have_theirs() {
        let store = Store::new(None, Clock::stopped());
        assert_eq!(written(&store, "192.0.2.1", 0..150).await, 100);
        assert_eq!(written(&store, "192.0.2.2", 0..10).await, 10);
        // A source may replace its own documents, and deleting one makes room.
        store.put_of_stranger(source("192.0.2.1"), NOTES, "192.0.2.1 7", &7).await.unwrap();
        store.delete(NOTES.0, NOTES.1, "192.0.2.1 7").await.unwrap();
        assert_eq!(written(&store, "192.0.2.1", 150..152).await, 1);
        // A document that another source overwrites counts for that source.
        store.put_of_stranger(source("192.0.2.2"), NOTES, "192.0.2.1 8", &8).await.unwrap();
        assert_eq!(written(&store, "192.0.2.1", 160..162).await, 1);
        // Other kinds and owners are counted separately; a long document counts as several.
        store.put_of_stranger(source("192.0.2.1"), ("everybody", "mail"), "m", &1).await.unwrap();
        let long = "x".repeat(SHARE);
        let put = store.put_of_stranger(source("192.0.2.3"), NOTES, "long", &long).await;
        assert!(matches!(put, Err(StoreError::Full)));
    }

    #[tokio::test]
    async fn when_all_is_full_the_greediest_yields_its_oldest_and_a_network_is_as_greedy_as_all_of_it() {
        let store = Store::new(None, Clock::stopped());
        // Written before sources were recorded.
        store.put(NOTES.0, NOTES.1, "old", &0).await.unwrap();
        for last in 1..=9 {
            assert_eq!(written(&store, &format!("192.0.2.{last}"), 0..50).await, 50);
        }
        for subnet in 0..549 {
            assert_eq!(written(&store, &format!("2001:db8:0:{subnet:x}::1"), 0..1).await, 1);
        }
        assert_eq!(written(&store, "198.51.100.1", 0..40).await, 40);
        assert_eq!((kept(&store, "2001:db8:0:0::1").await, kept(&store, "192.0.2.9").await), (0, 50));
        let all = store.list::<usize>(NOTES.0, NOTES.1).await.unwrap();
        assert_eq!(all.len(), 1_000);
        assert_eq!(all.iter().filter(|document| document.id.starts_with("2001")).count(), 509);
        assert_eq!(all[0].id, "old");
        // Deleted documents have no source.
        let sources: i64 =
            sqlx::query_scalar("SELECT count(*) FROM document_sources").fetch_one(&store.pool).await.unwrap();
        assert_eq!(sources, 999);
        store.delete_oldest(NOTES.0, NOTES.1, Some(source("192.0.2.9"))).await.unwrap();
        assert_eq!((kept(&store, "192.0.2.9").await, kept(&store, "192.0.2.8").await), (40, 50));
    }
}
