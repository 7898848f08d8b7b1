//! Table `audit_events`: what happened, only ever added to, and asked about.
use super::Store;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) const TABLE: &str = "\
    CREATE TABLE IF NOT EXISTS audit_events (\
        id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, seal TEXT NOT NULL)";

/// Beyond, the oldest go.
const MOST: i64 = 100_000;

/// Which events; all where nothing is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub event_type: Option<String>,
    pub username: Option<String>,
    pub client_id: Option<String>,
    pub since: Option<OffsetDateTime>,
}

const CHOSEN: &str = "($1 IS NULL OR event ->> 'event_type' = $1) AND ($2 IS NULL OR event ->> 'username' = $2) \
    AND ($3 IS NULL OR event ->> 'client_id' = $3) AND ($4 IS NULL OR event ->> 'timestamp' >= $4)";

impl Filter {
    /// Binds `$1` to `$4`. Times compare as texts: all are whole seconds, UTC.
    fn bind<'q, O>(&'q self, query: QueryAs<'q, O>) -> QueryAs<'q, O> {
        let since = self.since.map(|since| since.to_offset(time::UtcOffset::UTC));
        let since = since.and_then(|since| since.replace_nanosecond(0).ok()?.format(&Rfc3339).ok());
        query.bind(&self.event_type).bind(&self.username).bind(&self.client_id).bind(since)
    }
}

type QueryAs<'q, O> = sqlx::query::QueryAs<'q, sqlx::Sqlite, O, sqlx::sqlite::SqliteArguments>;

impl Store {
    /// An event and its seal.
    pub async fn append(&self, event: &str, seal: &str) -> sqlx::Result<()> {
        let added = sqlx::query("INSERT INTO audit_events (event, seal) VALUES ($1, $2)").bind(event).bind(seal);
        let id = added.execute(&self.pool).await?.last_insert_rowid();
        let old = sqlx::query("DELETE FROM audit_events WHERE id <= $1").bind(id - MOST);
        old.execute(&self.pool).await.map(drop)
    }

    pub async fn last_seal(&self) -> sqlx::Result<Option<String>> {
        let query = "SELECT seal FROM audit_events ORDER BY id DESC LIMIT 1";
        sqlx::query_scalar(query).fetch_optional(&self.pool).await
    }

    /// Events and their seals, newest first.
    pub async fn events(&self, filter: &Filter, limit: u32) -> sqlx::Result<Vec<(String, String)>> {
        let query = format!("SELECT event, seal FROM audit_events WHERE {CHOSEN} ORDER BY id DESC LIMIT $5");
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).bind(limit).fetch_all(&self.pool).await
    }

    /// How many of each type.
    pub async fn count_events(&self, filter: &Filter) -> sqlx::Result<Vec<(String, i64)>> {
        let query = format!("SELECT event ->> 'event_type', count(*) FROM audit_events WHERE {CHOSEN} GROUP BY 1");
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).fetch_all(&self.pool).await
    }

    /// Who did most, and how much.
    pub async fn busiest(&self, filter: &Filter, limit: u32) -> sqlx::Result<Vec<(String, i64)>> {
        let query = format!(
            "SELECT event ->> 'username', count(*) FROM audit_events WHERE {CHOSEN} AND event ->> 'username' <> '' \
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $5"
        );
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).bind(limit).fetch_all(&self.pool).await
    }
}
