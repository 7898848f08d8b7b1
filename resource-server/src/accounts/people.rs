//! People by their names and passwords, and what is remembered of them.
use super::{
    Accounts, passwords,
    person::{Password, Person, User},
    rules::KIND,
    secrets::{base64url, random},
};
use crate::{audit::EventKind, store::StoreError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use keyward_guard::digest;
use keyward_limits::spelling::normal_form;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Kinds of document.
const ACCOUNT: &str = "account";
const PASSWORD: &str = "password";

/// The stored data of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_login: Option<time::OffsetDateTime>,
}

/// The argon2id hash that replaced a bcrypt hash, valid while that bcrypt hash is configured.
#[derive(Serialize, Deserialize)]
struct Rehashed {
    imported: String,
    hash: String,
}

impl Accounts {
    fn person(&self, username: &str) -> Option<&Person> {
        let username = normal_form(username);
        self.people.iter().find(|person| normal_form(&person.user.username) == username)
    }

    /// The user with this name.
    pub fn named(&self, username: &str) -> Option<&User> {
        self.person(username).map(|person| &*person.user)
    }

    /// The owner of a user's documents.
    pub fn owner(&self, user: &User) -> String {
        self.owner_of(&user.id)
    }

    fn owner_of(&self, id: &str) -> String {
        json!([self.surface, KIND, id]).to_string()
    }

    /// The user with this name and password. Known and unknown names cause the same work: one query, and one comparison
    /// for each cost among the hashes.
    pub async fn check_password(&self, username: &str, password: &str) -> anyhow::Result<Option<Arc<User>>> {
        let (person, normal) = (self.person(username), normal_form(password));
        let owner = person.map_or_else(|| self.owner_of("nobody"), |person| self.owner(&person.user));
        let kept = self.store.get::<Rehashed>(&owner, PASSWORD, PASSWORD).await.map_err(StoreError::broken)?;
        let imported = person.and_then(Person::imported);
        let better = imported.zip(kept).filter(|(hash, kept)| kept.body.imported == fingerprint(hash));
        let own = better.map(|(_, kept)| kept.body.hash).or(imported.map(str::to_owned));
        let configured = match person.map(|person| &person.password) {
            Some(Password::Configured(own)) => *own,
            _ => self.unguessable,
        };
        let mut good = verify_slices_are_equal(&configured, &digest::of(normal.as_bytes())).is_ok();
        for hash in self.comparisons(own.as_deref()).await? {
            good |= passwords::verify(password, &hash).await? && own.as_ref() == Some(&hash);
        }
        let Some(person) = person.filter(|_| good) else { return Ok(None) };
        if let Some(hash) = own.filter(|hash| passwords::is_bcrypt(hash)) {
            let better = Rehashed { imported: fingerprint(&hash), hash: passwords::hash(password).await? };
            self.store.put(&owner, PASSWORD, PASSWORD, &better).await.map_err(StoreError::broken)?;
            self.audit(EventKind::UserUpdated, &person.user, json!({"password_hash": "argon2id"})).await;
        }
        Ok(Some(Arc::clone(&person.user)))
    }

    /// One hash of each cost; the user's own hash replaces the one of its cost.
    async fn comparisons(&self, own: Option<&str>) -> anyhow::Result<Vec<String>> {
        let nobody = self.prepared().await?;
        let imported = self.people.iter().filter_map(Person::imported);
        let mut all: BTreeMap<_, _> = imported.map(|hash| (passwords::cost(hash), hash)).collect();
        all.insert(passwords::cost(nobody), nobody);
        all.extend(own.map(|own| (passwords::cost(own), own)));
        Ok(all.into_values().map(str::to_owned).collect())
    }

    /// Prepared before the first password is checked, so that the first check takes no longer: a hash of a random
    /// password.
    pub async fn prepared(&self) -> anyhow::Result<&str> {
        let hash = self.nobody.get_or_try_init(async || passwords::hash(&base64url(&random::<24>()?)).await);
        hash.await.map(String::as_str)
    }

    /// Records the time of a login.
    pub(super) async fn note_login(&self, user: &User) -> anyhow::Result<()> {
        let account = Account { last_login: Some(self.clock.now()), ..self.account(user).await? };
        let noted = self.store.put(&self.owner(user), ACCOUNT, ACCOUNT, &account).await;
        noted.map_err(StoreError::broken)
    }

    /// The user's account; created if it does not exist.
    pub async fn account(&self, user: &User) -> anyhow::Result<Account> {
        let owner = self.owner(user);
        if let Some(known) = self.store.get::<Account>(&owner, ACCOUNT, ACCOUNT).await.map_err(StoreError::broken)? {
            return Ok(known.body);
        }
        let account = Account { created_at: self.clock.now(), last_login: None };
        self.store.put(&owner, ACCOUNT, ACCOUNT, &account).await.map_err(StoreError::broken)?;
        self.audit(EventKind::UserCreated, user, json!({"role": user.role})).await;
        Ok(account)
    }
}

/// Identifies a hash, which is not guessable itself.
fn fingerprint(hash: &str) -> String {
    digest::hex(&digest::of(hash.as_bytes()))
}

#[cfg(test)]
mod tests {
    use crate::{accounts, audit::Audit, settings::Settings, store::Store};
    use keyward_guard::clock::Clock;
    use std::{collections::BTreeSet, sync::Arc};

    #[tokio::test]
    async fn attack_128_whoever_is_named_the_same_is_compared_with_also_the_first_time() {
        let bcrypt = |cost| bcrypt::hash("Correct-Horse-1", cost).unwrap();
        let argon2 = accounts::passwords::hash("Correct-Horse-1").await.unwrap();
        let dear = argon2.replace("t=2", "t=3");
        let text = format!(
            "[[surface]]\nid = \"s\"\nkind = \"session\"\nusers = [\
             {{ username = \"plain\", password = \"Correct-Horse-1\" }}, \
             {{ username = \"cheap\", password_hash = \"{}\" }}, {{ username = \"dearer\", password_hash = \"{}\" }}, \
             {{ username = \"argon\", password_hash = \"{argon2}\" }}, {{ username = \"dear\", password_hash = \"{dear}\" }}]",
            bcrypt(4),
            bcrypt(5),
        );
        let settings = Settings { clock: Clock::stopped(), ..Settings::parse(&text).unwrap() };
        let store = Store::new(None, settings.clock.clone());
        let audit = Audit::new(store.clone(), settings.clock.clone());
        let accounts = accounts::all(&settings, &store, &Arc::new(audit)).unwrap();
        let accounts = &accounts["s"];
        let costs = async |own: Option<&str>| {
            let compared = accounts.comparisons(own).await.unwrap();
            compared.iter().map(|hash| accounts::passwords::cost(hash).to_owned()).collect::<Vec<_>>()
        };
        let nobody = costs(None).await;
        assert_eq!(nobody.iter().collect::<BTreeSet<_>>().len(), 4, "{nobody:?}");
        for person in &accounts.people {
            assert_eq!(costs(person.imported()).await, nobody, "{}", person.user.username);
        }
        for username in ["plain", "cheap", "dearer", "argon", "cheap"] {
            assert!(accounts.check_password(username, "correct-horse-1").await.unwrap().is_none(), "{username}");
            let known = accounts.check_password(username, "Correct-Horse-1").await.unwrap();
            assert_eq!(known.unwrap().username, username);
        }
        // A user with their own hash is only compared with that hash.
        for (username, password) in [("nobody", "Correct-Horse-1"), ("cheap", "with\0zero"), ("plain", "with\0zero")] {
            assert!(accounts.check_password(username, password).await.unwrap().is_none(), "{username}");
        }
    }
}
