//! Tables `sessions` and `refresh_tokens`: logins, and the single-use tokens that renew them.
use super::Store;
use keyward_guard::digest::Digest;
use time::Duration;

/// How long a used refresh token may be presented again, with the same result: the response may have been lost.
const REPLAY_WINDOW: Duration = Duration::minutes(1);
/// Refresh tokens that are kept for a session, the unused one included. An older one is refused as unknown.
const MOST_TOKENS: i64 = 1000;

/// A login that is still valid.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Session {
    pub id: String,
    pub user_id: String,
}

/// The result of presenting a refresh token.
pub(crate) enum Renewal {
    Renewed(Session),
    /// It was used some time ago: the session ends, because either the thief or the owner presented it.
    Reused(Session),
    Unknown,
}

impl Store {
    pub async fn open_session(&self, surface: &str, session: &Session, refresh: &Digest) -> sqlx::Result<()> {
        let now = self.clock.now().unix_timestamp();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let old = sqlx::query("DELETE FROM sessions WHERE renewed_at <= $1");
        old.bind(self.oldest()).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO sessions (id, surface, user_id, renewed_at) VALUES ($1, $2, $3, $4)")
            .bind(&session.id)
            .bind(surface)
            .bind(&session.user_id)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM sessions WHERE surface = $1 AND user_id = $2 AND id NOT IN \
             (SELECT id FROM sessions WHERE surface = $1 AND user_id = $2 ORDER BY renewed_at DESC, rowid DESC LIMIT $3)",
        )
        .bind(surface)
        .bind(&session.user_id)
        .bind(self.sessions.most)
        .execute(&mut *transaction)
        .await?;
        add_refresh_token(&mut transaction, &session.id, refresh).await?;
        transaction.commit().await
    }

    pub async fn session(&self, surface: &str, id: &str) -> sqlx::Result<Option<Session>> {
        let query = "SELECT id, user_id FROM sessions \
            WHERE surface = $1 AND id = $2 AND ended_at IS NULL AND renewed_at > $3";
        sqlx::query_as(query).bind(surface).bind(id).bind(self.oldest()).fetch_optional(&self.pool).await
    }

    /// When a session ends if it is not renewed.
    pub async fn session_ends_at(&self, surface: &str, id: &str) -> sqlx::Result<Option<i64>> {
        let query = "SELECT renewed_at + $3 FROM sessions WHERE surface = $1 AND id = $2 AND ended_at IS NULL";
        let query = sqlx::query_scalar(query).bind(surface).bind(id).bind(i64::from(self.sessions.idle));
        query.fetch_optional(&self.pool).await
    }

    /// Uses up `refresh` and stores `next`, which is derived from it.
    pub async fn renew_session(&self, surface: &str, refresh: &Digest, next: &Digest) -> sqlx::Result<Renewal> {
        let now = self.clock.now().unix_timestamp();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found: Option<(String, String, Option<i64>)> = sqlx::query_as(
            "SELECT sessions.id, user_id, used_at FROM refresh_tokens JOIN sessions ON sessions.id = session_id \
             WHERE surface = $1 AND hash = $2 AND ended_at IS NULL AND renewed_at > $3",
        )
        .bind(surface)
        .bind(&refresh[..])
        .bind(self.oldest())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((id, user_id, used_at)) = found else { return Ok(Renewal::Unknown) };
        let session = Session { id, user_id };
        if let Some(used_at) = used_at {
            let unused = "SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE hash = $1 AND used_at IS NULL)";
            let unused: bool = sqlx::query_scalar(unused).bind(&next[..]).fetch_one(&mut *transaction).await?;
            // A use in the future was recorded before the clock was set back, possibly long ago.
            if unused && (0..REPLAY_WINDOW.whole_seconds()).contains(&(now - used_at)) {
                return Ok(Renewal::Renewed(session));
            }
            let ended = sqlx::query("UPDATE sessions SET ended_at = $1 WHERE id = $2");
            ended.bind(now).bind(&session.id).execute(&mut *transaction).await?;
            transaction.commit().await?;
            return Ok(Renewal::Reused(session));
        }
        let used = sqlx::query("UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2");
        used.bind(now).bind(&refresh[..]).execute(&mut *transaction).await?;
        let renewed = sqlx::query("UPDATE sessions SET renewed_at = $1 WHERE id = $2");
        renewed.bind(now).bind(&session.id).execute(&mut *transaction).await?;
        add_refresh_token(&mut transaction, &session.id, next).await?;
        transaction.commit().await?;
        Ok(Renewal::Renewed(session))
    }

    pub async fn end_session(&self, surface: &str, id: &str) -> sqlx::Result<()> {
        let query = "UPDATE sessions SET ended_at = $1 WHERE surface = $2 AND id = $3 AND ended_at IS NULL";
        let now = self.clock.now().unix_timestamp();
        sqlx::query(query).bind(now).bind(surface).bind(id).execute(&self.pool).await.map(drop)
    }

    pub async fn count_sessions(&self, surface: &str) -> sqlx::Result<i64> {
        let query = "SELECT count(*) FROM sessions WHERE surface = $1 AND ended_at IS NULL AND renewed_at > $2";
        sqlx::query_scalar(query).bind(surface).bind(self.oldest()).fetch_one(&self.pool).await
    }

    pub(super) fn oldest(&self) -> i64 {
        self.clock.now().unix_timestamp() - i64::from(self.sessions.idle)
    }
}

async fn add_refresh_token(connection: &mut sqlx::SqliteConnection, session: &str, hash: &Digest) -> sqlx::Result<()> {
    let query = sqlx::query("INSERT INTO refresh_tokens (hash, session_id) VALUES ($1, $2)");
    query.bind(&hash[..]).bind(session).execute(&mut *connection).await?;
    let query = "DELETE FROM refresh_tokens WHERE rowid IN \
        (SELECT rowid FROM refresh_tokens WHERE session_id = $1 ORDER BY rowid DESC LIMIT -1 OFFSET $2)";
    sqlx::query(query).bind(session).bind(MOST_TOKENS).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_guard::{clock::Clock, digest};

    #[tokio::test]
    async fn a_clock_that_is_set_back_prolongs_no_window_for_lost_answers() {
        let (clock, session) = (Clock::stopped(), Session { id: "s".to_owned(), user_id: "u".to_owned() });
        let store = Store::new(None, clock.clone());
        let [first, second] = ["first", "second"].map(|text| digest::of(text.as_bytes()));
        store.open_session("surface", &session, &first).await.unwrap();
        for _ in 0..2 {
            let renewed = store.renew_session("surface", &first, &second).await.unwrap();
            assert!(matches!(renewed, Renewal::Renewed(_)));
        }
        clock.set(-Duration::hours(1));
        assert!(matches!(store.renew_session("surface", &first, &second).await.unwrap(), Renewal::Reused(_)));
        assert!(store.session("surface", "s").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_session_that_is_renewed_without_end_keeps_so_many_tokens_and_lives() {
        let store = Store::new(None, Clock::stopped());
        let session = Session { id: "s".to_owned(), user_id: "u".to_owned() };
        let token = |number: i64| digest::of(&number.to_be_bytes());
        store.open_session("surface", &session, &token(0)).await.unwrap();
        for number in 0..MOST_TOKENS + 10 {
            let renewed = store.renew_session("surface", &token(number), &token(number + 1)).await.unwrap();
            assert!(matches!(renewed, Renewal::Renewed(_)), "{number}");
        }
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM refresh_tokens").fetch_one(&store.pool).await;
        assert_eq!(count.unwrap(), MOST_TOKENS);
        assert!(matches!(store.renew_session("surface", &token(0), &token(1)).await.unwrap(), Renewal::Unknown));
    }
}
