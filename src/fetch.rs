//! Requests to addresses that strangers choose: the public internet only, small answers, little patience.
//!
//! The only way from this program to an address that somebody told it.
mod addresses;
mod connection;
pub mod keys;
mod names;
mod way_out;

pub use addresses::is_public;
pub use way_out::has_way_out;

use crate::oauth::client_id;
use hyper::{HeaderMap, StatusCode, header, http::response::Parts};
use ipnet::IpNet;
use keyward_limits::{shares::Seats, source::Source};
use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::{TlsConnector, rustls};
use url::{Host, Url};

/// Bytes of an answer's body. The draft recommends 5 KB for metadata documents (§6.6).
pub const MAX_BODY: usize = 16 * 1024;
/// Bytes of a picture.
pub const MAX_IMAGE: usize = 256 * 1024;
/// Bytes of an answer's headers.
const MAX_HEADERS: usize = 16 * 1024;
/// Requests under way at once, in all and to one host; more wait, within the time they have.
const AT_ONCE: usize = 32;
const AT_ONCE_PER_HOST: usize = 2;
/// The same for strangers, who take nothing from the others: in all, for one of them, and in line.
const STRANGERS_AT_ONCE: usize = 8;
const STRANGER_AT_ONCE: usize = 2;
const STRANGERS_IN_LINE: usize = 32;

pub type Lookup = Arc<dyn Fn(String) -> Addresses + Send + Sync>;
/// Of a name; each with the port to use where the URL names none, or 0 for the scheme's own.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// What the fetcher takes for the internet. A running server has the default with its own ports; tests bring theirs.
#[derive(Clone)]
pub struct Network {
    /// Ports that a URL may name.
    pub ports: Vec<u16>,
    /// May this address be connected to? One that may not condemns every other address of its name.
    pub allows: fn(IpAddr) -> bool,
    /// Nor to these, which the operator knows better.
    pub denied: Vec<IpNet>,
    pub lookup: Lookup,
    /// The same for strangers, whose name servers may never answer.
    pub strangers_lookup: Lookup,
    pub tls: bool,
    /// The folder of documents of our own, which is not asked for any of this: see [`client_id::lies_in`].
    pub own_folder: Option<String>,
    pub connect_timeout: Duration,
    /// From the request to the last byte of the answer.
    pub timeout: Duration,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            ports: vec![443],
            allows: is_public,
            denied: vec![],
            lookup: names::lookup(),
            strangers_lookup: names::lookup(),
            tls: true,
            own_folder: None,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }
    }
}

impl Network {
    fn may_reach(&self, address: IpAddr) -> bool {
        let denied = |address| self.denied.iter().any(|network| network.contains(&address));
        (self.allows)(address) && !denied(address) && !addresses::embedded(address).is_some_and(denied)
    }
}

/// An answer with status 200.
#[derive(Debug)]
pub struct Fetched {
    pub body: Vec<u8>,
    /// Seconds for which it may be kept (RFC 9111 §5.2.2); 0 if the answer doesn't say.
    pub max_age: u64,
}

/// For the log only: to a stranger all of these look the same, or he could feel his way around our network.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Nobody answered properly; that may pass.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Somebody answered, but not with what was asked for.
    #[error("unacceptable: {0}")]
    Unacceptable(&'static str),
}

/// What may come back.
struct Wanted {
    accept: &'static str,
    is_type: fn(&str) -> bool,
    max_body: usize,
}

const JSON: Wanted = Wanted {
    accept: "application/json",
    is_type: |essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    },
    max_body: MAX_BODY,
};

const IMAGE: Wanted = Wanted {
    accept: "image/png, image/jpeg, image/webp, image/gif",
    is_type: |essence| essence.starts_with("image/") || essence == "application/octet-stream",
    max_body: MAX_IMAGE,
};

type Outcome = Result<Arc<Fetched>, FetchError>;

pub struct Fetcher {
    network: Network,
    tls: Option<TlsConnector>,
    /// Who asks for a URL that is being fetched shares the outcome.
    flights: Shared<OnceCell<Outcome>>,
    hosts: Shared<Semaphore>,
    everywhere: Semaphore,
    strangers: Seats,
}

impl Fetcher {
    /// # Errors
    /// The system has no certificates that a server could be verified with.
    pub fn new(network: Network) -> Result<Self, rustls::Error> {
        let tls = if network.tls { Some(connection::tls()?) } else { None };
        Ok(Self {
            network,
            tls,
            flights: Shared::default(),
            hosts: Shared::default(),
            everywhere: Semaphore::new(AT_ONCE),
            strangers: Seats::new(STRANGERS_AT_ONCE, STRANGER_AT_ONCE, STRANGERS_IN_LINE),
        })
    }

    /// The JSON at this URL.
    pub async fn json(&self, url: &str) -> Outcome {
        self.fetch(url, &JSON, None).await
    }

    /// The same for somebody that we do not know.
    pub async fn json_for_stranger(&self, url: &str, source: Source) -> Outcome {
        self.fetch(url, &JSON, Some(source)).await
    }

    /// What somebody calls a picture, at this URL: its type is to be told by its bytes.
    pub async fn image(&self, url: &str) -> Outcome {
        self.fetch(url, &IMAGE, None).await
    }

    async fn fetch(&self, url: &str, wanted: &Wanted, stranger: Option<Source>) -> Outcome {
        let url = self.judge(url)?;
        // A stranger may have to wait in a line of its own, which nobody else joins.
        let whose = stranger.map_or_else(|| "known".to_owned(), |source| source.to_string());
        let flight = self.flights.get(&format!("{whose} {} {url}", wanted.accept), OnceCell::new);
        let in_time = async {
            let outcome = tokio::time::timeout(self.network.timeout, self.get(&url, wanted, stranger)).await;
            outcome.unwrap_or_else(|_| Err(FetchError::Unavailable("no answer in time".into())))
        };
        flight.get_or_init(|| in_time).await.clone()
    }

    /// What can be judged without a question to anybody. Literal addresses would go past the resolver.
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

    async fn get(&self, url: &Url, wanted: &Wanted, stranger: Option<Source>) -> Outcome {
        let closed = |_| FetchError::Unavailable("shutting down".into());
        let host = format!("{} {}", stranger.is_some(), url.host_str().unwrap_or_default());
        let host = self.hosts.get(&host, || Semaphore::new(AT_ONCE_PER_HOST));
        let _seat = match stranger {
            Some(source) => Some(
                self.strangers.take(source).await.map_err(|_| FetchError::Unavailable("too much at once".into()))?,
            ),
            None => None,
        };
        // First the host's turn, then everybody's: a slow host must not fill the queue of all.
        let _turn_at_host = host.acquire().await.map_err(closed)?;
        let (_turn, lookup) = match stranger {
            Some(_) => (None, &self.network.strangers_lookup),
            None => (Some(self.everywhere.acquire().await.map_err(closed)?), &self.network.lookup),
        };
        let (head, body) = connection::get(&self.network, lookup, self.tls.as_ref(), url, wanted).await?;
        Ok(Arc::new(Fetched { body: body.into(), max_age: max_age(&head.headers) }))
    }
}

fn check(Parts { status, headers, .. }: &Parts, wanted: &Wanted) -> Result<(), FetchError> {
    let unacceptable = |rule| Err(FetchError::Unacceptable(rule));
    if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
        return Err(FetchError::Unavailable(format!("status {status}")));
    }
    if *status != StatusCode::OK {
        return unacceptable("the status is not 200");
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MAX_HEADERS {
        return unacceptable("the headers are too large");
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !(wanted.is_type)(&essence) {
        return unacceptable("the content type is not what was asked for");
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unacceptable("the content is encoded, which was not asked for");
    }
    Ok(())
}

fn max_age(headers: &HeaderMap) -> u64 {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let said = values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let said: Vec<_> = said.collect();
    if said.iter().any(|directive| matches!(&**directive, "no-store" | "no-cache")) {
        return 0;
    }
    let age = said.iter().find_map(|directive| directive.strip_prefix("max-age="));
    age.and_then(|age| age.trim_matches('"').parse().ok()).unwrap_or(0)
}

/// Things that live by name for as long as somebody holds them.
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
