//! The most that a client is ever granted.
use crate::{
    error::OAuthError,
    model::{Client, Scopes},
    oauth::resource::Resource,
};

/// What is left of these, at this resource, for a client that is never granted more than its limit.
pub(super) fn within_limit(client: &Client, resource: &Resource, scopes: Scopes) -> Result<Scopes, OAuthError> {
    let Some(limit) = client.scope_limit() else { return Ok(scopes) };
    let limit = resource.reach(&limit);
    let left = scopes.filter(|scope| limit.contains(scope));
    if left.is_empty() {
        return Err(OAuthError::invalid_scope("none of the scopes is open to this client"));
    }
    Ok(left)
}
