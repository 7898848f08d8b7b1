//! An issuer's signing keys: found through its metadata (RFC 8414 §3), kept, and fetched again when a token that is
//! right but for its key names one that is not there (RFC 7517 §5).
use crate::{claims::Claims, scopes::Implied};
use anyhow::{Context, anyhow, ensure};
use keyward_limits::verified::{TokenDigest, VerifiedTokens};
use keyward_oauth::{algorithm::Algorithm, key_set::PublishedKey, well_known};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use url::{Host, Url};

/// Older keys are fetched anew, beside the requests they still serve.
const FRESH: Duration = Duration::minutes(10);
/// Keys that could not be fetched anew serve this long, so that an outage of the issuer is not one of ours.
const KEPT: Duration = Duration::hours(24);
/// Between two fetches that a token can cause: strangers write such tokens too. Until the next one a new key stays
/// unknown, so it is short.
const PAUSE: Duration = Duration::seconds(5);
/// Between two fetches while there are no keys at all.
const COLD_PAUSE: Duration = Duration::seconds(2);
/// Between two fetches beside.
const ASIDE_PAUSE: Duration = Duration::minutes(1);
/// A key is published before it signs, and no clock is further off than this: what younger keys do not verify, no key
/// of the issuer does.
const SETTLED: Duration = Duration::minutes(1);
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// Bytes of a metadata document or key set.
const LONGEST: usize = 256 * 1024;
const MOST_KEYS: usize = 64;

struct KeySet {
    keys: Vec<Arc<PublishedKey>>,
    fetched_at: OffsetDateTime,
}

pub struct Issuer {
    pub identifier: String,
    pub client: reqwest::Client,
    keys: RwLock<Option<Arc<KeySet>>>,
    /// By resource: which narrower scopes a scope brings along there.
    implied: RwLock<BTreeMap<String, Arc<Implied>>>,
    /// When a fetch was last tried. Whoever holds the lock is the one that fetches.
    tried_at: Mutex<Option<OffsetDateTime>>,
    pub(crate) tokens: VerifiedTokens<PublishedKey, Claims>,
}

/// Nothing to judge a token by, and why: not the token's fault.
#[derive(Clone, Copy, Debug)]
pub struct Unavailable(pub &'static str);

impl Issuer {
    /// The identifier is compared byte for byte with what metadata and tokens say (RFC 8414 §3.3).
    pub fn new(identifier: &str) -> anyhow::Result<Self> {
        let url = Url::parse(identifier).context("the issuer is not a URL")?;
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)),
            "the issuer must be an https URL (http only on a loopback address)"
        );
        ensure!(url.query().is_none() && url.fragment().is_none(), "the issuer must have no query and no fragment");
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        // A proxy is the way out, not the way to ourselves.
        let client = if is_loopback(&url) { client.no_proxy() } else { client };
        Ok(Self {
            identifier: identifier.to_owned(),
            client: client.build().context("cannot set up the HTTP client")?,
            keys: RwLock::default(),
            implied: RwLock::default(),
            tried_at: Mutex::default(),
            tokens: VerifiedTokens::default(),
        })
    }

    /// The key a token names, if it is among those that are held.
    pub fn known(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: OffsetDateTime,
    ) -> Option<Arc<PublishedKey>> {
        self.current(now)?.find(kid, algorithm)
    }

    /// What a token says that one of the keys that are held verified a moment ago.
    pub fn verified(self: &Arc<Self>, token: &TokenDigest, now: OffsetDateTime) -> Option<Arc<Claims>> {
        let held = |key: &Arc<PublishedKey>| {
            self.current(now).is_some_and(|set| set.keys.iter().any(|own| Arc::ptr_eq(own, key)))
        };
        self.tokens.find(token, now, held)
    }

    /// The key that a token names and that is not [known](Self::known), which it has of its issuer since `issued_at`.
    /// `None` when the issuer has no such key that fits the algorithm; as long as that cannot be told, it is not the
    /// token's fault.
    pub async fn look_up(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<PublishedKey>>, Unavailable> {
        let before = self.held(now);
        let is_young = |set: &KeySet| set.fetched_at <= now && set.fetched_at - issued_at >= SETTLED;
        let is_settled = |set: &Arc<KeySet>| is_young(set) || set.names(kid, algorithm);
        if before.as_ref().is_some_and(is_settled) {
            return Ok(None);
        }
        let looked = self.fetch_unless_tried(now, if before.is_some() { PAUSE } else { COLD_PAUSE }).await;
        let set = self.held(now).ok_or(Unavailable("the keys of the authorization server cannot be fetched"))?;
        match set.find(kid, algorithm) {
            None if !looked => Err(Unavailable("the key of the access token cannot be looked up yet")),
            key => Ok(key),
        }
    }

    /// What its scopes bring along at this resource, by what it last said. It speaks of its own tokens only.
    pub fn implied(&self, resource: &str) -> Arc<Implied> {
        self.implied.read().unwrap_or_else(PoisonError::into_inner).get(resource).cloned().unwrap_or_default()
    }

    fn learn(&self, said: &Value) {
        let all = said.as_object().into_iter().flatten();
        let read =
            all.filter_map(|(resource, scopes)| Some((resource.clone(), Arc::new(Implied::deserialize(scopes).ok()?))));
        *self.implied.write().unwrap_or_else(PoisonError::into_inner) = read.collect();
    }

    /// The keys that are held; old ones are fetched anew beside.
    fn current(self: &Arc<Self>, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        let set = self.held(now)?;
        if is_past(set.fetched_at, FRESH, now) {
            self.refresh_aside(now);
        }
        Some(set)
    }

    fn held(&self, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        let held = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|set| now - set.fetched_at < KEPT)
    }

    fn refresh_aside(self: &Arc<Self>, now: OffsetDateTime) {
        if self.tried_at.try_lock().is_ok_and(|tried_at| tried_at.is_none_or(|at| is_past(at, ASIDE_PAUSE, now))) {
            let issuer = Arc::clone(self);
            tokio::spawn(async move { issuer.fetch_unless_tried(now, ASIDE_PAUSE).await });
        }
    }

    /// Single flight: those who come while it runs wait for its outcome and do not fetch again. Whether the keys are
    /// those of this moment.
    async fn fetch_unless_tried(&self, now: OffsetDateTime, pause: Duration) -> bool {
        let mut tried_at = self.tried_at.lock().await;
        if tried_at.is_some_and(|at| !is_past(at, pause, now)) {
            return false;
        }
        *tried_at = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                tracing::info!(issuer = self.identifier, keys = keys.len(), "signing keys fetched");
                let set = Arc::new(KeySet { keys, fetched_at: now });
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(set);
                // Those of the keys that are gone no longer count.
                self.tokens.sweep(now);
                true
            }
            Err(error) => {
                tracing::warn!(issuer = self.identifier, error = format!("{error:#}"), "signing keys not fetched");
                false
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Arc<PublishedKey>>> {
        let jwks_uri = self.discover(|metadata| metadata.jwks_uri).await?;
        let document: JwkDocument = self.get(jwks_uri).await.context("JWKS")?;
        let keys: Vec<_> = document.keys.iter().take(MOST_KEYS).filter_map(PublishedKey::parse).map(Arc::new).collect();
        ensure!(!keys.is_empty(), "the JWKS holds no key for {}", Algorithm::ONE_OF);
        Ok(keys)
    }

    /// Where to ask about tokens (RFC 7662 §2).
    pub async fn introspection_endpoint(&self) -> anyhow::Result<Url> {
        self.discover(|metadata| metadata.introspection_endpoint).await
    }

    /// A URL of the metadata: RFC 8414 §3.1, then OpenID Connect Discovery §4, inserted and appended.
    async fn discover(&self, member: fn(Metadata) -> Option<String>) -> anyhow::Result<Url> {
        let mut last = None;
        for url in well_known::urls_of_issuer(&Url::parse(&self.identifier)?) {
            match self.get::<Metadata>(url).await {
                Ok(metadata) if metadata.issuer == self.identifier => {
                    self.learn(&metadata.scopes_implied);
                    let url = member(metadata).context("the metadata does not name the URL")?;
                    let url = Url::parse(&url).context("what the metadata names is not a URL")?;
                    let safe = url.scheme() == "https" || is_loopback(&Url::parse(&self.identifier)?);
                    ensure!(safe, "the URL must be https");
                    return Ok(url);
                }
                Ok(_) => last = Some(anyhow!("the metadata names another issuer")),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow!("no metadata")).context("issuer metadata"))
    }

    /// Its metadata as it is, all members included.
    pub async fn document(&self) -> anyhow::Result<Value> {
        for url in well_known::urls_of_issuer(&Url::parse(&self.identifier)?) {
            let document = self.get::<Value>(url).await;
            if let Some(document) = document.ok().filter(|document| document["issuer"] == self.identifier) {
                return Ok(document);
            }
        }
        Err(anyhow!("there is no metadata of this issuer"))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: Url) -> anyhow::Result<T> {
        Ok(serde_json::from_slice(&self.whole(self.client.get(url).header("accept", "application/json")).await?)?)
    }

    /// The body of an answer with status 200.
    pub async fn whole(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Vec<u8>> {
        let mut response = request.send().await?;
        ensure!(response.status() == reqwest::StatusCode::OK, "status {}", response.status().as_u16());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            ensure!(body.len() + chunk.len() <= LONGEST, "the document is longer than {LONGEST} bytes");
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl KeySet {
    /// A token without `kid` gets a key only when there is no choice.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<PublishedKey>> {
        let mut fitting = self.keys.iter().filter(|key| key.key.algorithm() == algorithm);
        match kid {
            Some(kid) => fitting.find(|key| key.kid.as_deref() == Some(kid)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }

    /// Is what a token names there, though nothing to verify it with?
    fn names(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| kid.map_or(key.key.algorithm() == algorithm, |kid| key.kid.as_deref() == Some(kid)))
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
    introspection_endpoint: Option<String>,
    #[serde(default)]
    scopes_implied: Value,
}

#[derive(Deserialize)]
struct JwkDocument {
    keys: Vec<Value>,
}

/// Also when the clock was set back: that prolongs no pause.
fn is_past(at: OffsetDateTime, pause: Duration, now: OffsetDateTime) -> bool {
    !(Duration::ZERO..pause).contains(&(now - at))
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_loopback_and_bare() {
        for good in ["https://as.example", "http://127.0.0.1:8999", "http://localhost:1", "http://[::1]:1/t"] {
            assert!(Issuer::new(good).is_ok(), "{good}");
        }
        for bad in ["as.example", "http://as.example", "https://as.example?x", "https://as.example#x", "ftp://as"] {
            assert!(Issuer::new(bad).is_err(), "{bad}");
        }
    }
}
