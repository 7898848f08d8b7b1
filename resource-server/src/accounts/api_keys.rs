//! API keys that people make for themselves: `mk_<id>_<secret>`, shown once.
use super::{
    Accounts,
    identity::Proof,
    person::User,
    roles::Permission,
    secrets::{base64url, random},
};
use crate::{
    audit::EventKind,
    store::{ApiKey, StoreError},
};
use keyward_guard::digest;
use serde_json::json;
use sqlx::types::Json;
use time::Duration;

pub(super) const PREFIX: &str = "mk_";
/// Kind of document: records which first keys were made.
const FIRST: &str = "first_api_key";
const FIRST_LIFETIME: Duration = Duration::days(365);

impl Accounts {
    /// Makes keys that the settings ask for and that were never made. Returns username, name and key.
    pub async fn first_keys(&self) -> anyhow::Result<Vec<(String, String, String)>> {
        let mut made = Vec::new();
        for person in &self.people {
            let Some(name) = &person.first_api_key else { continue };
            let (user, owner) = (&person.user, self.owner(&person.user));
            if self.store.get::<String>(&owner, FIRST, name).await.map_err(StoreError::broken)?.is_some() {
                continue;
            }
            let all = [Permission::Read, Permission::Write, Permission::Create];
            let permissions = all.into_iter().filter(|one| user.role.permissions().contains(one)).collect();
            let key = self.make_key(user, name, permissions, Some(FIRST_LIFETIME), None).await;
            let (key, shown) = key.map_err(StoreError::broken)?;
            self.audit(EventKind::ApiKeyCreated, user, json!({"api_key": key.id})).await;
            self.store.put(&owner, FIRST, name, &key.id).await.map_err(StoreError::broken)?;
            made.push((user.username.clone(), name.clone(), shown));
        }
        Ok(made)
    }

    /// Makes a key and returns its text, which is shown once: `mk_<id>_<secret>`. The key ends together with the
    /// session or key that it was made with.
    pub async fn make_key(
        &self,
        user: &User,
        name: &str,
        permissions: Vec<Permission>,
        lifetime: Option<Duration>,
        made_with: Option<&Proof>,
    ) -> Result<(ApiKey, String), StoreError> {
        let secrets = || anyhow::Ok((random::<8>()?, base64url(&random::<32>()?)));
        let (id, secret) = secrets().map_err(StoreError::Broken)?;
        let id = digest::hex(&id);
        let now = self.clock.now();
        let (parent, end) = match made_with {
            None => (None, None),
            Some(Proof::Session(id)) => (Some(id), self.store.session_ends_at(&self.surface, id).await?),
            Some(Proof::ApiKey(id)) => {
                (Some(id), self.store.api_key(&self.surface, id).await?.and_then(|key| key.expires_at))
            }
        };
        let wanted = lifetime.map(|lifetime| (now + lifetime).unix_timestamp());
        let key = ApiKey {
            id: id.clone(),
            surface: self.surface.clone(),
            user_id: user.id.clone(),
            name: name.to_owned(),
            permissions: Json(permissions),
            hash: digest::of(secret.as_bytes()).to_vec(),
            created_at: now.unix_timestamp(),
            expires_at: wanted.into_iter().chain(end).min(),
            last_used: None,
        };
        self.store.add_api_key(&key, parent.map(String::as_str)).await?;
        Ok((key, format!("{PREFIX}{id}_{secret}")))
    }
}
