//! Who there is, as the configuration says, and what is remembered of them.
use super::{Accounts, KIND, base64url, passwords, random, roles::Role};
use crate::{digest, settings::UserSettings, store::StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Kinds of document.
const ACCOUNT: &str = "account";
const PASSWORD: &str = "password";

#[derive(Debug)]
pub(crate) struct User {
    /// The same for as long as surface and user name are.
    pub id: String,
    pub username: String,
    pub email: Option<String>,
    pub role: Role,
}

/// What is remembered of somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_login: Option<time::OffsetDateTime>,
}

pub(super) struct Person {
    pub user: Arc<User>,
    /// The name of a key to be made for them.
    pub first_api_key: Option<String>,
    password: Password,
}

enum Password {
    /// Hashed when it is first asked for.
    Configured {
        text: String,
        hash: OnceCell<String>,
    },
    Imported(String),
}

/// The argon2id hash that took the place of one of bcrypt, for as long as that one is configured.
#[derive(Serialize, Deserialize)]
struct Rehashed {
    imported: String,
    hash: String,
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
            (Some(text), None) => Password::Configured { text: text.expose().to_owned(), hash: OnceCell::new() },
            (None, Some(hash)) => Password::Imported(hash.expose().to_owned()),
            _ => anyhow::bail!("a user has either a password or a password_hash"),
        };
        Ok(Self { user: Arc::new(user), first_api_key: settings.first_api_key.clone(), password })
    }
}

impl Accounts {
    /// Whose documents somebody's are.
    pub fn owner(&self, user: &User) -> String {
        json!([self.surface, KIND, user.id]).to_string()
    }

    /// Whoever has this name and this password; takes as long whoever is named.
    pub async fn check_password(&self, username: &str, password: &str) -> anyhow::Result<Option<Arc<User>>> {
        let person = self.people.iter().find(|person| person.user.username == username);
        let hash = match person {
            Some(person) => self.hash_of(person).await?,
            None => {
                self.nobody.get_or_try_init(async || passwords::hash(&base64url(&random::<24>()?)).await).await?.clone()
            }
        };
        let good = passwords::verify(password, &hash).await?;
        let Some(person) = person.filter(|_| good) else { return Ok(None) };
        if passwords::is_bcrypt(&hash) {
            let better = Rehashed { imported: fingerprint(&hash), hash: passwords::hash(password).await? };
            self.store.put(&self.owner(&person.user), PASSWORD, PASSWORD, &better).await.map_err(StoreError::broken)?;
            self.audit("user_updated", &person.user, json!({"password_hash": "argon2id"})).await;
        }
        Ok(Some(Arc::clone(&person.user)))
    }

    async fn hash_of(&self, person: &Person) -> anyhow::Result<String> {
        match &person.password {
            Password::Configured { text, hash } => Ok(hash.get_or_try_init(|| passwords::hash(text)).await?.clone()),
            Password::Imported(hash) if !passwords::is_bcrypt(hash) => Ok(hash.clone()),
            Password::Imported(hash) => {
                let kept = self.store.get::<Rehashed>(&self.owner(&person.user), PASSWORD, PASSWORD).await;
                let better = kept.map_err(StoreError::broken)?.filter(|kept| kept.body.imported == fingerprint(hash));
                Ok(better.map_or_else(|| hash.clone(), |better| better.body.hash))
            }
        }
    }

    /// Notes that somebody logged in now.
    pub(super) async fn note_login(&self, user: &User) -> anyhow::Result<()> {
        let account = Account { last_login: Some(self.clock.now()), ..self.account(user).await? };
        let noted = self.store.put(&self.owner(user), ACCOUNT, ACCOUNT, &account).await;
        noted.map_err(StoreError::broken)
    }

    /// Somebody's account, begun now if there is none yet.
    pub async fn account(&self, user: &User) -> anyhow::Result<Account> {
        let owner = self.owner(user);
        if let Some(known) = self.store.get::<Account>(&owner, ACCOUNT, ACCOUNT).await.map_err(StoreError::broken)? {
            return Ok(known.body);
        }
        let account = Account { created_at: self.clock.now(), last_login: None };
        self.store.put(&owner, ACCOUNT, ACCOUNT, &account).await.map_err(StoreError::broken)?;
        self.audit("user_created", user, json!({"role": user.role})).await;
        Ok(account)
    }
}

/// Of a hash, which is no secret of the kind that could be guessed.
fn fingerprint(hash: &str) -> String {
    digest::hex(&digest::of(hash.as_bytes()))
}
