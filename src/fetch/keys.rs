//! Key sets that others publish (RFC 7517 §5): fetched when first needed, cached while fresh, and fetched again when a
//! signature names an unknown key.
use super::Fetcher;
use crate::{
    clock::{Clock, Moment},
    error::OAuthError,
    limits::{FetchBudget, FetchParty},
    oauth::{json, jws::Jws, key_set::KeySet},
    secrets::Digest,
};
use keyward_limits::{
    shares::{Quota, Rates, Table},
    source::Source,
};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};

/// Seconds: bounds for the cache time that a host gives its key set.
const MIN_CACHE_SECONDS: u64 = 300;
const MAX_CACHE_SECONDS: u64 = 86_400;
/// How long to wait before a failed fetch of a stale set is repeated.
const RETRY_AFTER: Duration = Duration::minutes(1);
/// The least time between two fetches for an unknown key, whoever causes them; until then a new key stays unknown.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::seconds(5);
/// Fetches for unknown keys that one source may cause at one URL: anybody can name a key that does not exist.
const UNKNOWN_KEY_QUOTA: Quota = Quota::per_minute(1);
/// Bytes of cached sets: of strangers' clients, of those that one source caused, and of the operator's parties. The
/// last have a budget of their own, so strangers' sets never evict them.
const MAX_BYTES_OF_STRANGERS: usize = 8 * 1024 * 1024;
const MAX_BYTES_OF_STRANGER: usize = 2 * 1024 * 1024;
const MAX_BYTES_OF_KNOWN: usize = 8 * 1024 * 1024;
/// A cached set takes about this many times the bytes it was received in, plus a constant.
const MEMORY_PER_JSON_BYTE: usize = 8;
const MEMORY_PER_SET: usize = 256;

/// Where keys are published, and on whose behalf they are fetched.
pub struct KeySource<'a> {
    pub uri: &'a str,
    /// The party whose budget pays for a fetch.
    pub asker: FetchParty<'a>,
    /// The source of the signed object that names the key.
    pub from: Source,
    /// Whether the signed object is valid except for its signature: only then an unknown key is fetched.
    pub may_look: bool,
}

/// The cached key sets, by URL.
pub struct FetchedKeys {
    known: Mutex<Table<String, KeptKeys>>,
    strangers: Mutex<Table<String, KeptKeys>>,
    looks: Rates,
}

impl Default for FetchedKeys {
    fn default() -> Self {
        Self {
            known: Mutex::new(Table::new(MAX_BYTES_OF_KNOWN, MAX_BYTES_OF_KNOWN)),
            strangers: Mutex::new(Table::new(MAX_BYTES_OF_STRANGERS, MAX_BYTES_OF_STRANGER)),
            looks: Rates::new(UNKNOWN_KEY_QUOTA, Quota::UNBOUNDED),
        }
    }
}

#[derive(Clone)]
struct KeptKeys {
    keys: Arc<KeySet>,
    bytes: usize,
    fetched_at: Moment,
    fresh_for: Duration,
    tried_at: Moment,
}

async fn fetch(
    (fetcher, budget): (&Fetcher, &FetchBudget),
    published: &KeySource<'_>,
    now: Moment,
) -> Result<Option<KeptKeys>, OAuthError> {
    let uri = published.uri;
    budget.allow_host(published.asker)?;
    let answer = match published.asker {
        FetchParty::Known(_) => fetcher.json(uri).await,
        FetchParty::Stranger(_, source) => fetcher.json_for_stranger(uri, source).await,
    };
    let content = match answer {
        Ok(content) => content,
        Err(error) => {
            tracing::warn!(uri, %error, "jwks_fetch_error");
            return Ok(None);
        }
    };
    let keys = json::object(&content.body).ok().and_then(|set| KeySet::parse(&Value::Object(set)));
    let Some(keys) = keys else {
        tracing::warn!(uri, "jwks_validation_error");
        return Ok(None);
    };
    let fresh_for = content.max_age.clamp(MIN_CACHE_SECONDS, MAX_CACHE_SECONDS).cast_signed();
    let (bytes, fresh_for) = (content.body.len() * MEMORY_PER_JSON_BYTE, Duration::seconds(fresh_for));
    Ok(Some(KeptKeys { keys: Arc::new(keys), bytes, fetched_at: now, fresh_for, tried_at: now }))
}

fn unknown(seconds: u64) -> OAuthError {
    let sentence = "the key that this assertion names cannot be looked up yet; try again in a moment";
    OAuthError::temporarily_unavailable(sentence).retry_after(seconds)
}

impl KeptKeys {
    fn usable(&self, clock: &Clock) -> bool {
        clock.age(self.fetched_at) < Duration::seconds(MAX_CACHE_SECONDS.cast_signed())
    }

    /// Whether one of these keys signed the JWS; `None` if a key that is not among them may have signed it.
    fn tell(&self, jws: &Jws<'_>) -> Option<bool> {
        let signed = jws.is_signed_by(&self.keys);
        (signed || jws.names_one_of(&self.keys)).then_some(signed)
    }
}

impl FetchedKeys {
    /// Whether a key published there signed the JWS. If the JWS names an unknown key and a budget forbids a fetch now,
    /// the result is a temporary error; without `may_look` it is `false`. While the host is unreachable the last set is
    /// used, for at most a day.
    pub(super) async fn have_signed(
        &self,
        fetching: (&Fetcher, &FetchBudget),
        clock: &Clock,
        published: &KeySource<'_>,
        jws: &Jws<'_>,
    ) -> Result<bool, OAuthError> {
        let now = clock.moment();
        let kept = self.find(published).filter(|kept| kept.usable(clock));
        let told = kept.as_ref().map(|kept| kept.tell(jws));
        if let (Some(kept), Some(told)) = (&kept, told) {
            let tried = clock.age(kept.tried_at);
            let fresh = clock.age(kept.fetched_at) < kept.fresh_for;
            match told {
                Some(told) if fresh || tried < RETRY_AFTER => return Ok(told),
                None if !published.may_look => return Ok(false),
                None => self.allow_look(published, tried, clock.now())?,
                Some(_) => {}
            }
        }
        if let Some(fetched) = fetch(fetching, published, now).await? {
            return Ok(jws.is_signed_by(&self.keep(published, fetched)));
        }
        if let Some(kept) = kept {
            self.keep(published, KeptKeys { tried_at: now, ..kept });
        }
        // The error is the same for every failure: a stranger could use the difference to explore this server's
        // network.
        told.flatten().ok_or_else(|| unknown(RETRY_AFTER.whole_seconds().cast_unsigned()))
    }

    fn find(&self, published: &KeySource<'_>) -> Option<KeptKeys> {
        self.of(published.asker).get(&published.uri.to_owned()).cloned()
    }

    fn keep(&self, published: &KeySource<'_>, kept: KeptKeys) -> Arc<KeySet> {
        let (keys, bytes) = (kept.keys.clone(), published.uri.len() + kept.bytes + MEMORY_PER_SET);
        let source = match published.asker {
            FetchParty::Known(_) => Source::Party(0),
            FetchParty::Stranger(_, source) => source,
        };
        self.of(published.asker).insert(source, published.uri.to_owned(), kept, bytes);
        keys
    }

    /// `tried` is the time since the last fetch.
    fn allow_look(&self, published: &KeySource<'_>, tried: Duration, now: OffsetDateTime) -> Result<(), OAuthError> {
        let pause = UNKNOWN_KEY_INTERVAL - tried;
        let refused = |seconds| OAuthError { by_budget: true, ..unknown(seconds) };
        if pause.is_positive() {
            return Err(refused(pause.whole_seconds().cast_unsigned().max(1)));
        }
        let uri = Digest::of(published.uri);
        let uri = uri.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes);
        self.looks.spend_for(published.from, uri, now).map_err(refused)
    }

    /// Bytes of cached sets: of strangers, and of the operator's parties.
    #[must_use]
    pub fn bytes(&self) -> (usize, usize) {
        (lock(&self.strangers).weight(), lock(&self.known).weight())
    }

    fn of(&self, asker: FetchParty<'_>) -> MutexGuard<'_, Table<String, KeptKeys>> {
        lock(match asker {
            FetchParty::Known(_) => &self.known,
            FetchParty::Stranger(..) => &self.strangers,
        })
    }
}

fn lock(table: &Mutex<Table<String, KeptKeys>>) -> MutexGuard<'_, Table<String, KeptKeys>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
