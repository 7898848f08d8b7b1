//! Dates that things end by, for the case that the clock they were written by is set back.
use super::Db;
use sqlx::AssertSqlSafe;
use time::Duration;

/// What would otherwise last longer, or be younger, than it should. What was used once is remembered until later.
const DATES: [(&str, &str); 13] = [
    ("access_tokens", "expires_at"),
    ("clients", "fresh_until"),
    ("clients", "seen_at"),
    ("codes", "expires_at"),
    ("device_codes", "expires_at"),
    ("device_codes", "next_poll_at"),
    ("grants", "expires_at"),
    ("grants", "refreshed_at"),
    ("initial_access_tokens", "expires_at"),
    ("logos", "fetched_at"),
    ("pushed_requests", "expires_at"),
    ("sessions", "expires_at"),
    ("setup_tokens", "expires_at"),
];

/// Makes them so much earlier, as the clock is.
pub async fn set_back(db: &Db, by: Duration) -> sqlx::Result<()> {
    let seconds = by.whole_seconds();
    transaction!(db, |on| {
        for (table, column) in DATES {
            // Nothing but the names above and a number.
            let earlier = match db {
                Db::Sqlite(_) => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {column}, '-{seconds} seconds')"),
                Db::Postgres(_) => format!("{column} - interval '{seconds} seconds'"),
            };
            let statement = format!("UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *on).await?;
        }
    })
}
