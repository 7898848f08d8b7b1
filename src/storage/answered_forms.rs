//! Table `answered_forms`: forms that count once, and their answers.
use super::Db;
use crate::{model::AnsweredForm, secrets::Digest};
use time::{Duration, OffsetDateTime};

/// The age at which a form expires, answered or not.
const LIFETIME: Duration = Duration::hours(1);

/// The statement that stores an answer, unless the form was answered before.
macro_rules! insert_answer {
    ($form:expr) => {
        sqlx::query(
            "INSERT INTO answered_forms (form_hash, answer, answered_at) VALUES ($1, $2, $3)
             ON CONFLICT (form_hash) DO NOTHING",
        )
        .bind(&$form.form_hash)
        .bind(sqlx::types::Json(&$form.answer))
        .bind($form.answered_at)
    };
}
pub(super) use insert_answer;

/// `true` only for the first answer to this form.
pub async fn insert(db: &Db, form: &AnsweredForm) -> sqlx::Result<bool> {
    execute!(db, insert_answer!(form)).map(|rows| rows > 0)
}

pub async fn find(db: &Db, form: &Digest) -> sqlx::Result<Option<AnsweredForm>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM answered_forms WHERE form_hash = $1").bind(form).fetch_optional(on))
}

/// Returns the number of deleted rows.
pub async fn sweep(db: &Db, now: OffsetDateTime) -> sqlx::Result<u64> {
    execute!(db, sqlx::query("DELETE FROM answered_forms WHERE answered_at < $1").bind(now - LIFETIME))
}
