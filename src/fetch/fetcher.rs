//! Fetches URLs, with limits on concurrent requests.
use super::{
    answer::{ContentRule, FetchError, FetchedContent, IMAGE, JSON, max_age},
    connection,
    network::Network,
};
use crate::oauth::client_id;
use keyward_limits::{shares::Seats, source::Source};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::{TlsConnector, rustls};
use url::{Host, Url};

/// Concurrent requests, in all and to one host; further ones wait within their timeout.
const MAX_CONCURRENT: usize = 32;
const MAX_CONCURRENT_PER_HOST: usize = 2;
/// Concurrent requests for strangers (in all, and for one stranger) and their queue: these are separate from the limits
/// above.
const MAX_CONCURRENT_FOR_STRANGERS: usize = 8;
const MAX_CONCURRENT_PER_STRANGER: usize = 2;
const MAX_QUEUED_FOR_STRANGERS: usize = 32;

type FetchResult = Result<Arc<FetchedContent>, FetchError>;

pub struct Fetcher {
    network: Network,
    tls: Option<TlsConnector>,
    /// Concurrent requests for the same URL share one fetch; each stranger has fetches of its own.
    flights: Shared<OnceCell<FetchResult>>,
    hosts: Shared<Semaphore>,
    everywhere: Semaphore,
    strangers: Seats,
}

impl Fetcher {
    /// # Errors
    /// The operating system has no root certificates.
    pub fn new(network: Network) -> Result<Self, rustls::Error> {
        let tls = if network.tls { Some(connection::tls()?) } else { None };
        Ok(Self {
            network,
            tls,
            flights: Shared::default(),
            hosts: Shared::default(),
            everywhere: Semaphore::new(MAX_CONCURRENT),
            strangers: Seats::new(MAX_CONCURRENT_FOR_STRANGERS, MAX_CONCURRENT_PER_STRANGER, MAX_QUEUED_FOR_STRANGERS),
        })
    }

    /// Fetches the JSON at this URL.
    pub async fn json(&self, url: &str) -> FetchResult {
        self.fetch(url, &JSON, None).await
    }

    /// Fetches the JSON at this URL on behalf of a stranger.
    pub async fn json_for_stranger(&self, url: &str, source: Source) -> FetchResult {
        self.fetch(url, &JSON, Some(source)).await
    }

    /// Fetches a picture; the caller determines its type from its bytes.
    pub async fn image(&self, url: &str) -> FetchResult {
        self.fetch(url, &IMAGE, None).await
    }

    async fn fetch(&self, url: &str, wanted: &ContentRule, stranger: Option<Source>) -> FetchResult {
        let url = self.judge(url)?;
        // A stranger may have to queue, so nobody else joins a stranger's fetch.
        let whose = stranger.map_or_else(|| "known".to_owned(), |source| source.to_string());
        let flight = self.flights.get(&format!("{whose} {} {url}", wanted.accept), OnceCell::new);
        let in_time = async {
            let outcome = tokio::time::timeout(self.network.timeout, self.get(&url, wanted, stranger)).await;
            outcome.unwrap_or_else(|_| Err(FetchError::Unavailable("no answer in time".into())))
        };
        flight.get_or_init(|| in_time).await.clone()
    }

    /// Checks the URL itself. Literal addresses are checked here because they never reach the resolver.
    fn judge(&self, url: &str) -> Result<Url, FetchError> {
        let forbidden = |rule| Err(FetchError::Forbidden(rule));
        let own = self.network.own_folder.as_deref().is_some_and(|folder| client_id::lies_in(folder, url));
        let Ok(url) = Url::parse(url) else { return forbidden("this is no URL") };
        if own {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return forbidden("the scheme is not https");
        }
        if !matches!(url.host(), Some(Host::Domain(_))) {
            return forbidden("the host is no name");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return forbidden("the URL has credentials in it");
        }
        if !url.port_or_known_default().is_some_and(|port| self.network.ports.contains(&port)) {
            return forbidden("the port is not among those that may be used");
        }
        Ok(url)
    }

    async fn get(&self, url: &Url, wanted: &ContentRule, stranger: Option<Source>) -> FetchResult {
        let closed = |_| FetchError::Unavailable("shutting down".into());
        let host = format!("{} {}", stranger.is_some(), url.host_str().unwrap_or_default());
        let host = self.hosts.get(&host, || Semaphore::new(MAX_CONCURRENT_PER_HOST));
        let _seat = match stranger {
            Some(source) => Some(
                self.strangers.take(source).await.map_err(|_| FetchError::Unavailable("too much at once".into()))?,
            ),
            None => None,
        };
        // The host's limit comes first: requests that wait for a slow host must not occupy the global limit.
        let _turn_at_host = host.acquire().await.map_err(closed)?;
        let (_turn, lookup) = match stranger {
            Some(_) => (None, &self.network.strangers_lookup),
            None => (Some(self.everywhere.acquire().await.map_err(closed)?), &self.network.lookup),
        };
        let (head, body) = connection::get(&self.network, lookup, self.tls.as_ref(), url, wanted).await?;
        Ok(Arc::new(FetchedContent { body: body.into(), max_age: max_age(&head.headers) }))
    }
}

/// Values by name, each kept for as long as somebody holds it.
struct Shared<T>(Mutex<HashMap<String, Weak<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    fn get(&self, name: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut living = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = living.get(name).and_then(Weak::upgrade) {
            return found;
        }
        living.retain(|_, other| other.strong_count() > 0);
        let shared = Arc::new(make());
        living.insert(name.to_owned(), Arc::downgrade(&shared));
        shared
    }
}
