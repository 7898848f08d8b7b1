//! The limit on a client's scopes.
use crate::{
    error::OAuthError,
    model::{Client, Scopes},
    oauth::resource::Resource,
};

/// The scopes among these, at this resource, that are within the client's limit.
pub(super) fn within_limit(client: &Client, resource: &Resource, scopes: Scopes) -> Result<Scopes, OAuthError> {
    let Some(limit) = client.scope_limit() else { return Ok(scopes) };
    let limit = resource.reach(&limit);
    let left = scopes.filter(|scope| limit.contains(scope));
    if left.is_empty() {
        return Err(OAuthError::invalid_scope("none of the scopes is open to this client"));
    }
    Ok(left)
}
