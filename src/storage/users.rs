//! Table `users`: the accounts of people.
use super::{Db, answered_forms::insert_answer, audit_events::insert_event, containing};
use crate::{
    model::{AnsweredForm, AuditEvent, Role, User, UserId},
    secrets::Digest,
};
use time::OffsetDateTime;

/// The statement that stores a user, unless the username is taken.
macro_rules! insert_user {
    ($user:expr) => {
        sqlx::query(
            "INSERT INTO users (id, username, password_hash, role, name, email, created_at, disabled_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (lower(username)) DO NOTHING",
        )
        .bind($user.id)
        .bind(&$user.username)
        .bind(&$user.password_hash)
        .bind($user.role)
        .bind(&$user.name)
        .bind(&$user.email)
        .bind($user.created_at)
        .bind($user.disabled_at)
    };
}
pub(super) use insert_user;

pub async fn find(db: &Db, id: UserId) -> sqlx::Result<Option<User>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM users WHERE id = $1").bind(id).fetch_optional(on))
}

/// Ignores the case of ASCII letters only, whatever the locale of the database: the column has the collation "C", but a
/// bound parameter has the database's.
pub async fn find_by_username(db: &Db, username: &str) -> sqlx::Result<Option<User>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM users WHERE lower(username) = $1")
        .bind(username.to_ascii_lowercase())
        .fetch_optional(on))
}

/// All accounts with this address; the case of ASCII letters is ignored.
pub async fn find_by_email(db: &Db, email: &str) -> sqlx::Result<Vec<User>> {
    read!(db, |on| sqlx::query_as("SELECT * FROM users WHERE lower(email) = $1")
        .bind(email.to_ascii_lowercase())
        .fetch_all(on))
}

/// `false` if the username is taken; case is ignored.
pub async fn insert(db: &Db, user: &User) -> sqlx::Result<bool> {
    execute!(db, insert_user!(user)).map(|rows| rows > 0)
}

/// The result of using a setup link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupTokenUse {
    /// A new administrator was created.
    Created,
    /// An administrator got a new password.
    Recovered(UserId),
    /// Nothing changed: the link is not valid, or it is for the first administrator and there is one.
    Nobody,
    /// Nothing changed: another user has that name.
    NameTaken,
}

/// Uses up the setup token and creates or restores an administrator, as submitted by this form. Sessions that began with
/// the former password end. If that fails, nothing changes and the token stays valid.
pub async fn make_admin(
    db: &Db,
    user: &User,
    setup: &Digest,
    now: OffsetDateTime,
    form: Option<&AnsweredForm>,
) -> sqlx::Result<SetupTokenUse> {
    transaction!(db, |on| {
        // Changes nothing, but locks the row: of two concurrent callers, the second finds the token used.
        let recovers: Option<bool> = sqlx::query_scalar(
            "UPDATE setup_tokens SET id = id WHERE token_hash = $1 AND expires_at > $2 RETURNING recovers",
        )
        .bind(setup)
        .bind(now)
        .fetch_optional(&mut *on)
        .await?;
        let any: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')").fetch_one(&mut *on).await?;
        match recovers {
            None => SetupTokenUse::Nobody,
            Some(false) if any => SetupTokenUse::Nobody,
            Some(recovers) => {
                // Only a recovery link may replace a password, and only an administrator's.
                let made: Option<UserId> = sqlx::query_scalar(
                    "INSERT INTO users (id, username, password_hash, role, name, email, created_at, disabled_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                     ON CONFLICT (lower(username)) DO UPDATE SET password_hash = excluded.password_hash,
                         disabled_at = NULL WHERE users.role = 'admin' AND $9
                     RETURNING id",
                )
                .bind(user.id)
                .bind(&user.username)
                .bind(&user.password_hash)
                .bind(user.role)
                .bind(&user.name)
                .bind(&user.email)
                .bind(user.created_at)
                .bind(user.disabled_at)
                .bind(recovers)
                .fetch_optional(&mut *on)
                .await?;
                if made.is_some() {
                    sqlx::query("DELETE FROM setup_tokens").execute(&mut *on).await?;
                    if let Some(form) = form {
                        insert_answer!(form).execute(&mut *on).await?;
                    }
                }
                match made {
                    None => SetupTokenUse::NameTaken,
                    Some(id) if id == user.id => SetupTokenUse::Created,
                    Some(id) => {
                        sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id).execute(&mut *on).await?;
                        SetupTokenUse::Recovered(id)
                    }
                }
            }
        }
    })
}

/// Disabled administrators count too: the first setup link is only for a server that never had an administrator.
pub async fn any_admin(db: &Db) -> sqlx::Result<bool> {
    scan!(db, |on| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')").fetch_one(on))
}

/// Selects accounts; unset members match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    /// A part of the username, the name or the e-mail address; the case of ASCII letters is ignored.
    pub search: Option<String>,
}

/// Accounts older than `before`, the newest first, at most `limit`.
pub async fn list(db: &Db, wanted: &Filter, before: Option<UserId>, limit: i64) -> sqlx::Result<Vec<User>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT * FROM users
          WHERE id < $1 AND role = coalesce($2, role)
            AND (disabled_at IS NOT NULL) = coalesce($3, disabled_at IS NOT NULL)
            AND lower(username || ' ' || coalesce(name, '') || ' ' || coalesce(email, '')) LIKE $4 ESCAPE '\\'
          ORDER BY id DESC LIMIT $5",
    )
    .bind(before.unwrap_or(UserId::from_bytes([u8::MAX; 16])))
    .bind(wanted.role)
    .bind(wanted.disabled)
    .bind(containing(wanted.search.as_deref()).to_ascii_lowercase())
    .bind(limit)
    .fetch_all(on))
}

/// The grants and sessions that ended with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedAccess {
    /// The number of revoked grants.
    pub grants: u64,
    pub sessions: u64,
}

/// One step of a change to an account; a change takes several, in one transaction.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Changes nothing if the account is disabled already, or is the last enabled administrator.
    Disable(OffsetDateTime),
    Enable,
    /// An argon2id PHC string.
    SetPassword(&'a str),
    RevokeGrants(OffsetDateTime),
    EndSessions,
}

impl Step<'_> {
    fn statement(self) -> &'static str {
        match self {
            Self::Disable(_) => {
                "UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
                    AND (role <> 'admin' OR EXISTS (SELECT 1 FROM users AS other
                         WHERE other.role = 'admin' AND other.disabled_at IS NULL AND other.id <> $1))"
            }
            Self::Enable => "UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL",
            Self::SetPassword(_) => "UPDATE users SET password_hash = $2 WHERE id = $1",
            Self::RevokeGrants(_) => {
                "UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2"
            }
            Self::EndSessions => "DELETE FROM sessions WHERE user_id = $1",
        }
    }
}

/// Takes these steps and stores the event, which is told how many rows each step changed. `None`, with nothing changed,
/// if the first step changes none.
pub async fn change<const N: usize>(
    db: &Db,
    id: UserId,
    steps: [Step<'_>; N],
    event: impl FnOnce([u64; N]) -> AuditEvent,
) -> sqlx::Result<Option<([u64; N], AuditEvent)>> {
    transaction!(db, |on| {
        if let [Step::Disable(_), ..] = steps[..] {
            // Changes nothing, but locks the rows: of two administrators who disable each other, one remains.
            let lock = "UPDATE users SET role = role WHERE role = 'admin' AND disabled_at IS NULL";
            sqlx::query(lock).execute(&mut *on).await?;
        }
        let mut rows = [0; N];
        for (place, step) in steps.into_iter().enumerate() {
            let query = sqlx::query(step.statement()).bind(id);
            let query = match step {
                Step::Disable(now) | Step::RevokeGrants(now) => query.bind(now),
                Step::SetPassword(hash) => query.bind(hash),
                Step::Enable | Step::EndSessions => query,
            };
            rows[place] = query.execute(&mut *on).await?.rows_affected();
            if rows[0] == 0 {
                break;
            }
        }
        if rows[0] > 0 {
            let event = event(rows);
            insert_event!(event).execute(&mut *on).await?;
            Some((rows, event))
        } else {
            None
        }
    })
}

/// Disables an account, revokes its grants, ends its sessions, and stores the event. `None`, with nothing changed, if
/// it is disabled already, or is the last enabled administrator.
pub async fn disable(
    db: &Db,
    id: UserId,
    now: OffsetDateTime,
    event: impl FnOnce(EndedAccess) -> AuditEvent,
) -> sqlx::Result<Option<(EndedAccess, AuditEvent)>> {
    let ended = |[_, grants, sessions]: [u64; 3]| EndedAccess { grants, sessions };
    let steps = [Step::Disable(now), Step::RevokeGrants(now), Step::EndSessions];
    let done = change(db, id, steps, |rows| event(ended(rows))).await?;
    Ok(done.map(|(rows, event)| (ended(rows), event)))
}

/// Enables an account and stores the event. `false`, with nothing changed, if the account is not disabled.
pub async fn enable(db: &Db, id: UserId, event: &AuditEvent) -> sqlx::Result<bool> {
    let done = change(db, id, [Step::Enable], |_| event.clone()).await?;
    Ok(done.is_some())
}

/// Stores an argon2id PHC string, ends the sessions, and stores the event. Returns the number of ended sessions;
/// `None`, with nothing changed, if there is no such user.
pub async fn set_password(
    db: &Db,
    id: UserId,
    hash: &str,
    event: impl FnOnce(u64) -> AuditEvent,
) -> sqlx::Result<Option<(u64, AuditEvent)>> {
    let steps = [Step::SetPassword(hash), Step::EndSessions];
    let done = change(db, id, steps, |[_, sessions]| event(sessions)).await?;
    Ok(done.map(|([_, sessions], event)| (sessions, event)))
}
