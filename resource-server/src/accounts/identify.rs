//! Finds the identity behind a session token or an API key.
use super::{
    Accounts, api_keys,
    identity::{Identity, Proof},
    roles::Permission,
    tokens,
};
use crate::{audit::EventKind, store::ApiKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use keyward_guard::digest;
use serde_json::json;
use std::sync::Arc;

impl Accounts {
    /// The identity behind a session token or API key.
    pub async fn identify(&self, text: &str) -> anyhow::Result<Option<Identity>> {
        if text.starts_with(api_keys::PREFIX) {
            return self.identify_key(text).await;
        }
        let claims = tokens::verify(&self.keys, text, &self.origin, &self.url, self.clock.now());
        let Some(claims) = claims else { return Ok(None) };
        self.identify_by(&Proof::Session(claims.sid)).await
    }

    /// The user of this key, if the user belongs to this surface.
    pub async fn identify_key(&self, text: &str) -> anyhow::Result<Option<Identity>> {
        let Some((id, secret)) = text.strip_prefix(api_keys::PREFIX).and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        let same = |key: &ApiKey| verify_slices_are_equal(&key.hash, &digest::of(secret.as_bytes())).is_ok();
        let Some(key) = self.store.api_key(&self.surface, id).await?.filter(same) else { return Ok(None) };
        if let Some(user) = self.user(&key.user_id).filter(|_| key.has_expired(self.clock.now())) {
            self.audit(EventKind::ApiKeyExpired, user, json!({"api_key": key.id})).await;
            return Ok(None);
        }
        let identity = self.identify_by(&Proof::ApiKey(key.id.clone())).await?;
        if let Some(identity) = &identity
            && self.store.note_use(&key).await?
        {
            self.audit(EventKind::ApiKeyUsed, &identity.user, json!({"api_key": key.id})).await;
        }
        Ok(identity)
    }

    /// Looked up again, because the session or key may have ended since.
    pub async fn identify_by(&self, proof: &Proof) -> anyhow::Result<Option<Identity>> {
        let (user_id, key) = match proof {
            Proof::Session(id) => (self.store.session(&self.surface, id).await?.map(|session| session.user_id), None),
            Proof::ApiKey(id) => {
                let key = self.store.api_key(&self.surface, id).await?;
                let key = key.filter(|key| !key.has_expired(self.clock.now()));
                (key.as_ref().map(|key| key.user_id.clone()), key)
            }
        };
        let Some(user) = user_id.and_then(|id| self.user(&id)) else { return Ok(None) };
        let in_key = |permission: &Permission| key.as_ref().is_none_or(|key| allows(key, *permission));
        let permissions = user.role.permissions().iter().copied().filter(in_key).collect();
        Ok(Some(Identity { user: Arc::clone(user), permissions, proof: proof.clone() }))
    }
}

/// A key with permission to read may also list.
fn allows(key: &ApiKey, permission: Permission) -> bool {
    let held = &key.permissions.0;
    held.contains(&permission) || (permission == Permission::List && held.contains(&Permission::Read))
}
