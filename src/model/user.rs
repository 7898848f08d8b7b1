//! A person who signs in.
use super::UserId;
use time::OffsetDateTime;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    pub id: UserId,
    pub username: String,
    /// argon2id, PHC string.
    pub password_hash: String,
    pub role: Role,
    pub name: Option<String>,
    pub email: Option<String>,
    pub created_at: OffsetDateTime,
    pub disabled_at: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize, serde::Serialize)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Service,
    User,
    Readonly,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Service, Self::User, Self::Readonly];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Service => "service",
            Self::User => "user",
            Self::Readonly => "readonly",
        }
    }
}
