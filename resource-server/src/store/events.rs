//! Table `audit_events`: events are appended and queried. When there are too many, those of the party with the most are
//! deleted.
use super::Store;
use sqlx::QueryBuilder;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The party of an event: a known user, or `~` and an address; the index uses the same expression.
const WHOSE: &str = "coalesce(event ->> 'user_id', '~' || (event -> 'client_info' ->> 'ip_address'), '')";

/// Events of known users, and of strangers. They are limited separately, so that strangers cannot displace others.
const MOST: [i64; 2] = [40_000, 10_000];
const OF_STRANGERS: [&str; 2] = ["NOT BETWEEN", "BETWEEN"];
/// Events of one statement.
const MOST_AT_ONCE: usize = 64;
/// Events deleted at a time: to find out whose, all are looked at.
const ROOM: i64 = 1000;

/// Selects events; unset members match everything.
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
    /// Binds `$1` to `$4`. Times are compared as texts: all are in whole seconds, UTC.
    fn bind<'q, O>(&'q self, query: QueryAs<'q, O>) -> QueryAs<'q, O> {
        let since = self.since.and_then(|since| since.format(&Rfc3339).ok());
        query.bind(&self.event_type).bind(&self.username).bind(&self.client_id).bind(since)
    }
}

pub(super) type QueryAs<'q, O> = sqlx::query::QueryAs<'q, sqlx::Sqlite, O, sqlx::sqlite::SqliteArguments>;

impl Store {
    /// Appends events, each with its seal: all of them or none.
    pub async fn append(&self, events: &[(String, String)]) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        for events in events.chunks(MOST_AT_ONCE) {
            let mut query = QueryBuilder::<sqlx::Sqlite>::new("INSERT INTO audit_events (event, seal) ");
            query.push_values(events, |mut row, (event, seal)| {
                row.push_bind(event).push_bind(seal);
            });
            query.build().persistent(false).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// The number of events of known users, or of strangers.
    pub async fn count_trail(&self, strangers: bool) -> sqlx::Result<i64> {
        let between = OF_STRANGERS[usize::from(strangers)];
        let query = format!("SELECT count(*) FROM audit_events WHERE {WHOSE} {between} '~' AND '~~'");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.pool).await
    }

    /// If there are too many, deletes the oldest events of the party with the most, and at most half of them. Returns
    /// the number of deleted events.
    pub async fn make_room(&self, strangers: bool, count: i64) -> sqlx::Result<i64> {
        if count < MOST[usize::from(strangers)] {
            return Ok(0);
        }
        let between = OF_STRANGERS[usize::from(strangers)];
        let query = format!(
            "WITH most AS (SELECT {WHOSE} AS whose, count(*) AS held FROM audit_events \
                 WHERE {WHOSE} {between} '~' AND '~~' GROUP BY 1 ORDER BY 2 DESC LIMIT 1) \
             DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events \
                 WHERE {WHOSE} = (SELECT whose FROM most) ORDER BY id \
                 LIMIT (SELECT max(1, min({ROOM}, held / 2)) FROM most))"
        );
        let gone = sqlx::query(sqlx::AssertSqlSafe(query)).execute(&self.pool).await?.rows_affected();
        Ok(i64::try_from(gone).unwrap_or(i64::MAX))
    }

    pub async fn last_seal(&self) -> sqlx::Result<Option<String>> {
        let query = "SELECT seal FROM audit_events ORDER BY id DESC LIMIT 1";
        sqlx::query_scalar(query).fetch_optional(&self.pool).await
    }

    /// Events with their seals, the newest first.
    pub async fn events(&self, filter: &Filter, limit: u32) -> sqlx::Result<Vec<(String, String)>> {
        let query = format!("SELECT event, seal FROM audit_events WHERE {CHOSEN} ORDER BY id DESC LIMIT $5");
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).bind(limit).fetch_all(&self.pool).await
    }

    /// The number of events of each type; a summed-up event counts as often as it happened.
    pub async fn count_events(&self, filter: &Filter) -> sqlx::Result<Vec<(String, i64)>> {
        let query = format!(
            "SELECT event ->> 'event_type', sum(coalesce(event -> 'details' ->> 'times', 1)) FROM audit_events \
             WHERE {CHOSEN} GROUP BY 1"
        );
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).fetch_all(&self.pool).await
    }

    /// The parties with the most events, and their numbers.
    pub async fn busiest(&self, filter: &Filter, limit: u32) -> sqlx::Result<Vec<(String, i64)>> {
        let query = format!(
            "SELECT event ->> 'username', count(*) FROM audit_events WHERE {CHOSEN} AND event ->> 'username' <> '' \
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $5"
        );
        filter.bind(sqlx::query_as(sqlx::AssertSqlSafe(query))).bind(limit).fetch_all(&self.pool).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_guard::clock::Clock;
    use serde_json::{Value, json};

    async fn add(store: &Store, event: &Value, times: i64) {
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
            INSERT INTO audit_events (event, seal) SELECT $1, '' FROM n";
        sqlx::query(many).bind(event.to_string()).bind(times).execute(&store.pool).await.unwrap();
    }

    async fn count(store: &Store, whose: &str) -> i64 {
        let query = format!("SELECT count(*) FROM audit_events WHERE {WHOSE} = $1");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(whose).fetch_one(&store.pool).await.unwrap()
    }

    #[tokio::test]
    async fn where_the_trail_is_full_of_strangers_the_one_with_most_makes_room_and_nobody_who_is_known() {
        let store = Store::new(None, Clock::stopped());
        let stranger = |last: u8| json!({"client_info": {"ip_address": format!("192.0.2.{last}")}});
        add(&store, &json!({"user_id": "alice", "client_info": {"ip_address": "192.0.2.1"}}), 9_500).await;
        add(&store, &stranger(1), 9_000).await;
        add(&store, &stranger(2), 999).await;
        let strangers = store.count_trail(true).await.unwrap();
        assert_eq!((store.count_trail(false).await.unwrap(), strangers), (9_500, 9_999));
        assert_eq!(store.make_room(true, strangers).await.unwrap(), 0);
        add(&store, &stranger(2), 1).await;
        assert_eq!(store.make_room(true, strangers + 1).await.unwrap(), ROOM);
        for (whose, left) in [("alice", 9_500), ("~192.0.2.1", 9_000 - ROOM), ("~192.0.2.2", 1_000)] {
            assert_eq!(count(&store, whose).await, left, "{whose}");
        }
    }

    #[tokio::test]
    async fn where_many_have_little_the_one_with_most_loses_half_of_it_and_not_the_newest() {
        let store = Store::new(None, Clock::stopped());
        let stranger = |last: u8| json!({"client_info": {"ip_address": format!("192.0.2.{last}")}});
        for other in 1..=15 {
            add(&store, &stranger(other), 660).await;
        }
        add(&store, &stranger(16), 700).await;
        let newest = store.last_seal().await.unwrap();
        assert_eq!(store.make_room(true, 10_600).await.unwrap(), 350);
        assert_eq!((count(&store, "~192.0.2.16").await, count(&store, "~192.0.2.1").await), (350, 660));
        assert_eq!(store.last_seal().await.unwrap(), newest);
    }
}
