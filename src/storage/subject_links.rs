//! Table `subject_links`: links subjects of trusted issuers to accounts here.
use super::Db;
use crate::model::{User, UserId};
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SubjectLink {
    pub issuer: String,
    /// Empty if the issuer has no tenants.
    pub tenant: String,
    pub subject: String,
    pub user_id: UserId,
    pub linked_at: OffsetDateTime,
}

macro_rules! insert {
    ($link:expr) => {
        sqlx::query(
            "INSERT INTO subject_links (issuer, tenant, subject, user_id, linked_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(&$link.issuer)
        .bind(&$link.tenant)
        .bind(&$link.subject)
        .bind($link.user_id)
        .bind($link.linked_at)
    };
}

pub async fn find(db: &Db, issuer: &str, tenant: &str, subject: &str) -> sqlx::Result<Option<User>> {
    read!(db, |on| sqlx::query_as(
        "SELECT users.* FROM users JOIN subject_links ON subject_links.user_id = users.id
          WHERE issuer = $1 AND tenant = $2 AND subject = $3",
    )
    .bind(issuer)
    .bind(tenant)
    .bind(subject)
    .fetch_optional(on))
}

/// Whether the account is linked to a subject of this issuer and tenant.
pub async fn is_linked(db: &Db, user: UserId, issuer: &str, tenant: &str) -> sqlx::Result<bool> {
    read!(db, |on| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM subject_links WHERE user_id = $1 AND issuer = $2 AND tenant = $3)",
    )
    .bind(user)
    .bind(issuer)
    .bind(tenant)
    .fetch_one(on))
}

/// `false`, with nothing changed, if the subject or the account is linked already.
pub async fn insert(db: &Db, link: &SubjectLink) -> sqlx::Result<bool> {
    execute!(db, insert!(link)).map(|rows| rows > 0)
}

/// Stores an account together with its link. `false`, with nothing changed, if the subject is linked already or the
/// username is taken.
pub async fn insert_user(db: &Db, user: &User, link: &SubjectLink) -> sqlx::Result<bool> {
    transaction!(db, |on| {
        let inserted = super::users::insert_user!(user).execute(&mut *on).await?.rows_affected() > 0;
        let linked = inserted && insert!(link).execute(&mut *on).await?.rows_affected() > 0;
        if inserted && !linked {
            sqlx::query("DELETE FROM users WHERE id = $1").bind(user.id).execute(&mut *on).await?;
        }
        linked
    })
}
