//! Public keys that others publish (RFC 7517 §5): fetched when first needed, and kept while fresh.
use crate::{
    app::App,
    error::OAuthError,
    oauth::{json, jws::PublicKeys},
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
/// A signature that names an unknown key has the set fetched again, but not more often than this.
const FETCH_AGAIN_AFTER: Duration = Duration::minutes(1);
/// Bounds what a flood of registrations can make us remember.
const MAX_REMEMBERED: usize = 10_000;

/// The key sets lately fetched, by where they were found.
#[derive(Default)]
pub struct FetchedKeys(Mutex<HashMap<String, Kept>>);

#[derive(Clone)]
struct Kept {
    keys: Arc<PublicKeys>,
    fetched_at: OffsetDateTime,
    fresh_until: OffsetDateTime,
    tried_at: OffsetDateTime,
}

/// The keys published there, one of which may have this `kid`; `None` if none are to be had. While the host is not to
/// be reached the last set serves, but no longer than a day. What is fetched counts against `budget`.
pub async fn find(
    app: &App,
    uri: &str,
    budget: &str,
    kid: Option<&str>,
) -> Result<Option<Arc<PublicKeys>>, OAuthError> {
    let now = app.clock.now();
    let kept = app.fetched_keys.lock().get(uri).cloned();
    if let Some(kept) = &kept {
        let known = kid.is_none_or(|kid| kept.keys.has(kid));
        let lately = kept.tried_at + FETCH_AGAIN_AFTER > now;
        if (known && kept.fresh_until > now) || (lately && kept.usable(now)) {
            return Ok(Some(kept.keys.clone()));
        }
    }
    match fetch(app, uri, budget, now).await? {
        Some(fetched) => Ok(Some(app.fetched_keys.keep(uri, fetched))),
        None => Ok(kept.filter(|kept| kept.usable(now)).map(|kept| {
            let tried = Kept { tried_at: now, ..kept };
            app.fetched_keys.keep(uri, tried)
        })),
    }
}

async fn fetch(app: &App, uri: &str, budget: &str, now: OffsetDateTime) -> Result<Option<Kept>, OAuthError> {
    app.fetches.allow_host(budget)?;
    let fetched = match app.fetcher.json(uri).await {
        Ok(fetched) => fetched,
        Err(error) => {
            tracing::warn!(uri, %error, "jwks_fetch_error");
            return Ok(None);
        }
    };
    let keys = json::object(&fetched.body).ok().and_then(|set| PublicKeys::parse(&Value::Object(set)));
    let Some(keys) = keys else {
        tracing::warn!(uri, "jwks_validation_error");
        return Ok(None);
    };
    let fresh_for = fetched.max_age.clamp(SHORTEST, LONGEST).cast_signed();
    let fresh_until = now + Duration::seconds(fresh_for);
    Ok(Some(Kept { keys: Arc::new(keys), fetched_at: now, fresh_until, tried_at: now }))
}

impl Kept {
    fn usable(&self, now: OffsetDateTime) -> bool {
        self.fetched_at + Duration::seconds(LONGEST.cast_signed()) > now
    }
}

impl FetchedKeys {
    fn keep(&self, uri: &str, kept: Kept) -> Arc<PublicKeys> {
        let keys = kept.keys.clone();
        let mut remembered = self.lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(uri.to_owned(), kept);
        keys
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
