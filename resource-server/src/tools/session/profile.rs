//! The profile of a user on this surface.
use super::visit::{Visit, closed};
use crate::{
    accounts::{
        Identity,
        roles::{Permission, Role},
    },
    failure::Failure,
    tools::{
        call::Call,
        tool::{NoArguments, Tool},
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

const NAME: &str = "get_user_profile";

#[derive(Serialize, JsonSchema)]
struct Profile {
    id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    role: Role,
    /// RFC 3339, UTC: when this server first met them.
    created_at: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<String>,
    /// Of the role; no more than the API key has, where one was brought.
    permissions: Vec<Permission>,
}

pub(super) fn tools() -> anyhow::Result<Vec<Tool>> {
    let answer = |visit, identity, NoArguments {}| async move { profile(&visit, &identity).await };
    Ok(vec![closed(NAME, "Profile", "Tells who you are here, and what you may do.", None, answer)?])
}

/// The same profile as an MCP resource.
pub(crate) async fn own_profile(call: Call) -> Result<Value, Failure> {
    let visit = Visit::new(call, None).await?;
    let identity = visit.require(NAME, None).await?;
    Ok(serde_json::to_value(profile(&visit, &identity).await?)?)
}

async fn profile(visit: &Visit, identity: &Identity) -> Result<Profile, Failure> {
    let user = &identity.user;
    let account = visit.accounts.account(user).await.map_err(Failure::Internal)?;
    Ok(Profile {
        id: user.id.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
        role: user.role,
        created_at: account.created_at.format(&Rfc3339)?,
        last_login: account.last_login.map(|at| at.format(&Rfc3339)).transpose()?,
        permissions: identity.permissions.clone(),
    })
}
