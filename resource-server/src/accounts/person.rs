//! A person whom the settings name.
use super::roles::Role;
use crate::settings::UserSettings;
use keyward_guard::digest::{self, Digest};
use keyward_limits::spelling::normal_form;
use serde_json::json;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct User {
    /// Stays the same as long as the surface and the username do.
    pub id: String,
    pub username: String,
    pub email: Option<String>,
    pub role: Role,
}

pub(super) struct Person {
    pub user: Arc<User>,
    /// The name of an API key to make for the user.
    pub first_api_key: Option<String>,
    pub password: Password,
}

pub(super) enum Password {
    /// A plain password in the settings; only its digest is compared.
    Configured(Digest),
    Imported(String),
}

impl Person {
    pub fn new(surface: &str, settings: &UserSettings) -> anyhow::Result<Self> {
        let id = digest::of(json!([surface, settings.username]).to_string().as_bytes());
        let user = User {
            id: format!("usr_{}", digest::hex(&id[..8])),
            username: settings.username.clone(),
            email: settings.email.clone(),
            role: settings.role.unwrap_or_default(),
        };
        let password = match (&settings.password, &settings.password_hash) {
            (Some(text), None) => Password::Configured(digest::of(normal_form(text.expose()).as_bytes())),
            (None, Some(hash)) => Password::Imported(hash.expose().to_owned()),
            _ => anyhow::bail!("a user has either a password or a password_hash"),
        };
        Ok(Self { user: Arc::new(user), first_api_key: settings.first_api_key.clone(), password })
    }

    pub fn imported(&self) -> Option<&str> {
        match &self.password {
            Password::Configured(_) => None,
            Password::Imported(hash) => Some(hash),
        }
    }
}
