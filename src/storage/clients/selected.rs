//! Selects clients by origin, state, age or name.
use super::super::{Db, containing};
use crate::model::{Client, ClientId, ClientSource};
use time::OffsetDateTime;

/// Selects clients; unset members match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub id: Option<ClientId>,
    pub source: Option<ClientSource>,
    pub disabled: Option<bool>,
    /// Created at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// A part of the identifier or the name; case is ignored.
    pub search: Option<String>,
}

/// The newest first, at most `limit`, beginning after the client `after`.
pub async fn list(db: &Db, wanted: &Filter, after: Option<&ClientId>, limit: i64) -> sqlx::Result<Vec<Client>> {
    scan!(db, |on| sqlx::query_as(
        "SELECT * FROM clients
          WHERE id = coalesce($1, id) AND source = coalesce($2, source)
            AND (disabled_at IS NOT NULL) = coalesce($3, disabled_at IS NOT NULL)
            AND created_at >= coalesce($4, created_at)
            AND lower(id || ' ' || coalesce(metadata ->> 'client_name', '')) LIKE lower($5) ESCAPE '\\'
            AND ($6 IS NULL OR (created_at, id) < (SELECT created_at, id FROM clients WHERE id = $6))
          ORDER BY created_at DESC, id DESC LIMIT $7",
    )
    .bind(&wanted.id)
    .bind(wanted.source)
    .bind(wanted.disabled)
    .bind(wanted.since)
    .bind(containing(wanted.search.as_deref()))
    .bind(after)
    .bind(limit)
    .fetch_all(on))
}
