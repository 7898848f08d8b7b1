//! A fake internet: one loopback server that every host name resolves to.
use super::{app::TestApp, db::fresh_db};
use keyward::fetch::{Fetcher, Network};
use serde_json::Value;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

pub struct Internet {
    pub server: MockServer,
    pub lookups: Arc<AtomicUsize>,
}

impl Internet {
    pub async fn new() -> Self {
        Self { server: MockServer::start().await, lookups: Arc::default() }
    }

    /// Where every name leads to the server, on an address that may be connected to.
    pub fn network(&self) -> Network {
        let address = *self.server.address();
        Network { allows: |address| address.is_loopback(), ..self.leading_to(move |_| vec![address]) }
    }

    /// Where the `n`th lookup, from 0, finds these; with the rule for addresses that real servers have.
    pub fn leading_to(&self, found: impl Fn(usize) -> Vec<SocketAddr> + Send + Sync + 'static) -> Network {
        let lookups = self.lookups.clone();
        let lookup: keyward::fetch::Lookup = Arc::new(move |_| {
            let found = found(lookups.fetch_add(1, Ordering::SeqCst));
            Box::pin(async move { Ok(found) }) as keyward::fetch::Addresses
        });
        Network { strangers_lookup: lookup.clone(), lookup, tls: false, ..Network::default() }
    }

    /// At the server's port.
    pub fn at(&self, address: &str) -> SocketAddr {
        SocketAddr::new(address.parse::<IpAddr>().unwrap(), self.server.address().port())
    }

    /// From now on this URL answers that, and nothing else does.
    pub async fn serve(&self, url: &str, answer: ResponseTemplate) {
        self.server.reset().await;
        self.serve_too(url, answer).await;
    }

    /// From now on this URL answers that, too.
    pub async fn serve_too(&self, url: &str, answer: ResponseTemplate) {
        self.mount(url, &["application/json"], answer).await;
    }

    /// The same, for whoever asks for a picture.
    pub async fn serve_image(&self, url: &str, answer: ResponseTemplate) {
        self.mount(url, &["image/png", "image/jpeg", "image/webp", "image/gif"], answer).await;
    }

    async fn mount(&self, url: &str, accept: &[&str], answer: ResponseTemplate) {
        let url = url::Url::parse(url).unwrap();
        Mock::given(matchers::method("GET"))
            .and(matchers::path(url.path()))
            .and(matchers::header("host", url.host_str().unwrap()))
            .and(matchers::headers("accept", accept.to_vec()))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// Serves a document at the URL that is its `client_id`.
    pub async fn publish(&self, document: &Value) {
        self.serve(document["client_id"].as_str().unwrap(), json(document)).await;
    }

    /// How many requests came since the last change.
    pub async fn requests(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

/// For tests that move the clock by days, which the sessions of browsers otherwise do not last.
pub const LASTING_SESSIONS: &str = "sessions.lifetime = 99999999";

impl TestApp {
    /// A server that fetches from this network alone.
    pub async fn reaching(network: Network, more: &str) -> Self {
        Self::prepared(fresh_db().await, more, |app| app.fetch.fetcher = Fetcher::new(network).unwrap()).await
    }
}

pub fn json(document: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(document.to_string(), "application/json")
}
