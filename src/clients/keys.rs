//! Public keys of clients: registered with them, or fetched from where they publish them, and kept while fresh.
use crate::{
    app::App,
    error::OAuthError,
    model::{Client, ClientId},
    oauth::{client_assertion::PublicKeys, json},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

/// A set is fetched again after the time its host gave it, within these bounds.
const SHORTEST: u64 = 300;
const LONGEST: u64 = 86_400;
/// An assertion that names an unknown key has the set fetched again, but not more often than this.
const FETCH_AGAIN_AFTER: Duration = Duration::minutes(1);
/// Bounds what a flood of registrations can make us remember.
const MAX_REMEMBERED: usize = 10_000;

/// The key sets lately fetched.
#[derive(Default)]
pub struct FetchedKeys(Mutex<HashMap<ClientId, Kept>>);

#[derive(Clone)]
struct Kept {
    /// Where they were found; a client may move.
    uri: String,
    keys: Arc<PublicKeys>,
    fetched_at: OffsetDateTime,
    fresh_until: OffsetDateTime,
    tried_at: OffsetDateTime,
}

/// The keys that may have signed an assertion naming this `kid`; `None` if the client has none, or none are to be
/// had. While the host is not to be reached the last set serves, but no longer than a day.
pub async fn find(app: &App, client: &Client, kid: Option<&str>) -> Result<Option<Arc<PublicKeys>>, OAuthError> {
    if let Some(jwks) = &client.metadata.jwks {
        return Ok(PublicKeys::parse(jwks).map(Arc::new));
    }
    let Some(uri) = &client.metadata.jwks_uri else { return Ok(None) };
    let now = app.clock.now();
    let kept = app.client_keys.lock().get(&client.id).filter(|kept| kept.uri == *uri).cloned();
    if let Some(kept) = &kept {
        let known = kid.is_none_or(|kid| kept.keys.has(kid));
        let lately = kept.tried_at + FETCH_AGAIN_AFTER > now;
        if (known && kept.fresh_until > now) || (lately && kept.usable(now)) {
            return Ok(Some(kept.keys.clone()));
        }
    }
    match fetch(app, client, uri, now).await? {
        Some(fetched) => Ok(Some(app.client_keys.keep(&client.id, fetched))),
        None => Ok(kept.filter(|kept| kept.usable(now)).map(|kept| {
            let tried = Kept { tried_at: now, ..kept };
            app.client_keys.keep(&client.id, tried)
        })),
    }
}

async fn fetch(app: &App, client: &Client, uri: &str, now: OffsetDateTime) -> Result<Option<Kept>, OAuthError> {
    let host = url::Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned));
    app.fetches.allow_host(&host.unwrap_or_default())?;
    let fetched = match app.fetcher.json(uri).await {
        Ok(fetched) => fetched,
        Err(error) => {
            tracing::warn!(client = %client.id, %error, "jwks_fetch_error");
            return Ok(None);
        }
    };
    let keys = json::object(&fetched.body).ok().and_then(|set| PublicKeys::parse(&Value::Object(set)));
    let Some(keys) = keys else {
        tracing::warn!(client = %client.id, "jwks_validation_error");
        return Ok(None);
    };
    let fresh_for = fetched.max_age.clamp(SHORTEST, LONGEST).cast_signed();
    let fresh_until = now + Duration::seconds(fresh_for);
    Ok(Some(Kept { uri: uri.to_owned(), keys: Arc::new(keys), fetched_at: now, fresh_until, tried_at: now }))
}

impl Kept {
    fn usable(&self, now: OffsetDateTime) -> bool {
        self.fetched_at + Duration::seconds(LONGEST.cast_signed()) > now
    }
}

impl FetchedKeys {
    fn keep(&self, client: &ClientId, kept: Kept) -> Arc<PublicKeys> {
        let keys = kept.keys.clone();
        let mut remembered = self.lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(client.clone(), kept);
        keys
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
