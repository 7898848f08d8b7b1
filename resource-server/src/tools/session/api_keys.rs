//! API keys that people make for their programs.
use super::{
    login::check_again,
    visit::{Visit, closed},
};
use crate::{
    accounts::{Identity, roles::Permission},
    audit::{Event, EventKind},
    failure::Failure,
    store::ApiKey,
    tools::tool::{NoArguments, Tool},
};
use keyward_guard::{clock, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, format_description::well_known::Rfc3339};

/// What a key can be made for.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Purpose {
    Read,
    Write,
    Create,
    Admin,
}

#[derive(Deserialize, JsonSchema)]
struct CreateArguments {
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// Never more than your own.
    #[serde(default = "reading")]
    #[schemars(length(min = 1, max = 4))]
    permissions: Vec<Purpose>,
    /// After how many days it is good no more; else not before what it is made with.
    #[schemars(range(min = 1, max = 365))]
    expires_days: Option<u16>,
    /// Your password once more: then the key is made with that, and does not end with this session or key.
    password: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct RevokeArguments {
    #[schemars(length(min = 1, max = 100))]
    id: String,
}

#[derive(Serialize, JsonSchema)]
struct Created {
    success: bool,
    id: String,
    /// Shown this once.
    api_key: String,
    name: String,
    permissions: Vec<Permission>,
    /// RFC 3339, UTC; absent: it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Listing {
    success: bool,
    key_count: usize,
    keys: Vec<Listed>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    id: String,
    name: String,
    owner: String,
    /// Of the secret: the first 12 hexadecimal digits of its SHA-256.
    fingerprint: String,
    permissions: Vec<Permission>,
    /// RFC 3339, UTC, as the others.
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// To the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Revoked {
    success: bool,
    id: String,
    message: &'static str,
}

pub(super) fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        closed(
            "create_api_key",
            "Make an API key",
            "Makes an API key that acts for you here and on the surface for API keys. It is shown once, and ends with the \
             session or key that it is made with, unless you give your password, or gave it to log in over standard \
             input.",
            Some(Permission::Create),
            create,
        )?
        .writes(),
        closed(
            "list_api_keys",
            "List API keys",
            "Lists your API keys, without their secrets; an administrator sees everybody's.",
            Some(Permission::List),
            |visit, identity, NoArguments {}| list(visit, identity),
        )?,
        closed(
            "revoke_api_key",
            "Revoke an API key",
            "Ends one of your API keys; an administrator may end anybody's.",
            Some(Permission::Create),
            revoke,
        )?
        .destroys(),
    ])
}

async fn create(visit: Visit, identity: Identity, arguments: CreateArguments) -> Result<Created, Failure> {
    let CreateArguments { name, permissions, expires_days, password } = arguments;
    let mut permissions: Vec<_> = permissions.into_iter().map(Purpose::permission).collect();
    permissions.dedup();
    if let Some(beyond) = permissions.iter().find(|wanted| !identity.permissions.contains(wanted)) {
        return Err(Failure::Told(json!({"error": "Permission denied", "required": beyond})));
    }
    let lifetime = expires_days.map(|days| Duration::days(days.into()));
    let made_with = match password {
        Some(password) => check_again(&visit, &identity, &password).await.map(|()| None)?,
        None if visit.gave_password() => None,
        None => Some(&identity.proof),
    };
    let (key, api_key) = visit.accounts.make_key(&identity.user, &name, permissions, lifetime, made_with).await?;
    let made = Event { details: json!({"api_key": key.id}), ..visit.event(EventKind::ApiKeyCreated, true) };
    visit.accounts.audit.record(made).await;
    Ok(Created {
        success: true,
        id: key.id,
        api_key,
        name: key.name,
        permissions: key.permissions.0,
        expires_at: key.expires_at.map(shown).transpose()?,
    })
}

async fn list(visit: Visit, identity: Identity) -> Result<Listing, Failure> {
    let accounts = &visit.accounts;
    let keys = accounts.store.api_keys(&accounts.surface, whose(&identity)).await?;
    let listed = |key: ApiKey| {
        Ok(Listed {
            owner: accounts.user(&key.user_id).map(|user| user.username.clone()).unwrap_or_default(),
            fingerprint: digest::hex(key.hash.get(..6).unwrap_or_default()),
            permissions: key.permissions.0,
            created_at: shown(key.created_at)?,
            expires_at: key.expires_at.map(shown).transpose()?,
            last_used: key.last_used.map(shown).transpose()?,
            id: key.id,
            name: key.name,
        })
    };
    let keys = keys.into_iter().map(listed).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Listing { success: true, key_count: keys.len(), keys })
}

async fn revoke(visit: Visit, identity: Identity, RevokeArguments { id }: RevokeArguments) -> Result<Revoked, Failure> {
    let accounts = &visit.accounts;
    if !accounts.store.revoke_api_key(&accounts.surface, whose(&identity), &id).await? {
        return Err(Failure::new("API key not found"));
    }
    let event = visit.event(EventKind::ApiKeyRevoked, true);
    accounts.audit.record(Event { details: json!({"api_key": id}), ..event }).await;
    Ok(Revoked { success: true, id, message: "It is good no more" })
}

/// Whose keys a user may see and revoke: only their own, or everybody's (`None`).
fn whose(identity: &Identity) -> Option<&str> {
    (!identity.permissions.contains(&Permission::Admin)).then_some(identity.user.id.as_str())
}

fn reading() -> Vec<Purpose> {
    vec![Purpose::Read]
}

fn shown(seconds: i64) -> Result<String, Failure> {
    Ok(clock::date(seconds)?.format(&Rfc3339)?)
}

impl Purpose {
    fn permission(self) -> Permission {
        match self {
            Self::Read => Permission::Read,
            Self::Write => Permission::Write,
            Self::Create => Permission::Create,
            Self::Admin => Permission::Admin,
        }
    }
}
