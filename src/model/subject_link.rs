//! Links a subject of a trusted issuer to an account here.
use super::UserId;
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
