//! Public keys that others publish (RFC 7517 §5): fetched when first needed, and kept while fresh.
use crate::{
    app::App,
    clock::{Clock, Moment},
    error::OAuthError,
    limits::Asker,
    oauth::{json, jws::PublicKeys},
    remembered::Remembered,
};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::Duration;

/// A set is fetched again after the time its host gave it, within these bounds.
const SHORTEST: u64 = 300;
const LONGEST: u64 = 86_400;
/// A signature that names an unknown key has the set fetched again, but not more often than this.
const FETCH_AGAIN_AFTER: Duration = Duration::minutes(1);
/// Bytes: bounds what a flood of registrations can make us remember.
const MAX_REMEMBERED: usize = 8 * 1024 * 1024;
/// In memory a set takes about this many times the bytes it came in.
const UNFOLDED: usize = 8;

/// The key sets lately fetched, by where they were found.
pub struct FetchedKeys(Mutex<Remembered<String, Kept>>);

impl Default for FetchedKeys {
    fn default() -> Self {
        Self(Mutex::new(Remembered::new(MAX_REMEMBERED)))
    }
}

#[derive(Clone)]
struct Kept {
    keys: Arc<PublicKeys>,
    bytes: usize,
    fetched_at: Moment,
    fresh_for: Duration,
    tried_at: Moment,
}

/// The keys published there, one of which may have this `kid`; `None` if none are to be had. While the host is not to
/// be reached the last set serves, but no longer than a day. What is fetched counts for `asker`.
pub async fn find(
    app: &App,
    uri: &str,
    asker: Asker<'_>,
    kid: Option<&str>,
) -> Result<Option<Arc<PublicKeys>>, OAuthError> {
    let (clock, now) = (&app.clock, app.clock.moment());
    let kept = app.fetched_keys.lock().get(&uri.to_owned()).cloned();
    if let Some(kept) = &kept {
        let known = kid.is_none_or(|kid| kept.keys.has(kid));
        let lately = clock.age(kept.tried_at) < FETCH_AGAIN_AFTER;
        if (known && clock.age(kept.fetched_at) < kept.fresh_for) || (lately && kept.usable(clock)) {
            return Ok(Some(kept.keys.clone()));
        }
    }
    match fetch(app, uri, asker, now).await? {
        Some(fetched) => Ok(Some(app.fetched_keys.keep(uri, fetched))),
        None => Ok(kept.filter(|kept| kept.usable(clock)).map(|kept| {
            let tried = Kept { tried_at: now, ..kept };
            app.fetched_keys.keep(uri, tried)
        })),
    }
}

async fn fetch(app: &App, uri: &str, asker: Asker<'_>, now: Moment) -> Result<Option<Kept>, OAuthError> {
    app.fetches.allow_host(asker)?;
    let fetched = match asker {
        Asker::Known(_) => app.fetcher.json(uri).await,
        Asker::Stranger(_, source) => app.fetcher.json_for_stranger(uri, source).await,
    };
    let fetched = match fetched {
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
    let (bytes, fresh_for) = (fetched.body.len() * UNFOLDED, Duration::seconds(fresh_for));
    Ok(Some(Kept { keys: Arc::new(keys), bytes, fetched_at: now, fresh_for, tried_at: now }))
}

impl Kept {
    fn usable(&self, clock: &Clock) -> bool {
        clock.age(self.fetched_at) < Duration::seconds(LONGEST.cast_signed())
    }
}

impl FetchedKeys {
    fn keep(&self, uri: &str, kept: Kept) -> Arc<PublicKeys> {
        let (keys, bytes) = (kept.keys.clone(), uri.len() + kept.bytes);
        self.lock().insert(uri.to_owned(), kept, bytes);
        keys
    }

    /// Bytes that are remembered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
