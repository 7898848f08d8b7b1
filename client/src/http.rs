//! The only way to the network: it judges addresses, chooses the route, bounds answers, and writes the trace of
//! `--verbose`.
use crate::{
    address::Address,
    bounds::{self, Deadline},
    challenge::{self, Challenge},
    dpop::Nonces,
    error::{Failure, Result},
    mask, output,
    reach::{Reach, Route},
};
use reqwest::{
    Certificate, Client, Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use url::form_urlencoded;

#[derive(Clone, Debug)]
pub struct Settings {
    pub cacert: Option<PathBuf>,
    pub insecure_http: bool,
    pub verbose: bool,
}

/// Requests to servers that one server names. `root` is that server, which the person named.
#[derive(Clone)]
pub struct Http {
    shared: Arc<SharedState>,
    root: Option<Address>,
}

struct SharedState {
    direct: Client,
    proxied: Client,
    reach: Reach,
    settings: Settings,
    nonces: Nonces,
    deadline: Deadline,
    /// Bytes of all answers so far.
    received: AtomicUsize,
}

/// An answer read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: Address,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a header is present, also one that is not ASCII.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub fn challenges(&self) -> Vec<Challenge> {
        challenges(&self.headers)
    }

    /// The rules that its challenges break (RFC 9110 §11.6.1).
    pub fn malformed_challenges(&self) -> Vec<String> {
        let lines = self.headers.get_all("www-authenticate").iter();
        lines.filter_map(|line| challenge::malformed(line.as_bytes())).collect()
    }

    pub fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind.ends_with("+json")
    }

    pub fn is_events(&self) -> bool {
        is_events(&self.headers)
    }
}

fn is_events(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("text/event-stream")
}

pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    challenge::parse(headers.get_all("www-authenticate").iter().filter_map(|line| line.to_str().ok()))
}

pub type Headers = Vec<(String, String)>;

/// An answer whose body is still to come.
pub struct Reply {
    url: Address,
    response: Response,
    shared: Arc<SharedState>,
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub fn is_events(&self) -> bool {
        is_events(self.headers())
    }

    /// The next bytes of the body. Nothing else in the program reads from a server.
    #[allow(clippy::disallowed_methods)] // the one place that reads
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(chunk) = self.response.chunk().await? else { return Ok(None) };
        let before = self.shared.received.fetch_add(chunk.len(), Ordering::Relaxed);
        if before.saturating_add(chunk.len()) > bounds::RUN {
            return Err(self.too_much(bounds::RUN));
        }
        Ok(Some(chunk.to_vec()))
    }

    /// The whole answer; a failure where its body is larger than this.
    pub async fn read(mut self, at_most: usize) -> Result<Answer> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > at_most {
                return Err(self.too_much(at_most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(self.with_body(body))
    }

    pub fn too_much(&self, at_most: usize) -> Failure {
        Failure::new("too_much", format!("{} answers more than {} MiB", self.url.shown(), at_most >> 20))
    }

    /// The answer with another body than the server's, such as none.
    pub fn with_body(self, body: Vec<u8>) -> Answer {
        Answer { status: self.status(), headers: self.headers().clone(), url: self.url, body }
    }
}

impl Http {
    pub fn new(settings: Settings, deadline: Deadline, root: Option<Address>) -> Result<Self> {
        let reach = Reach::new();
        let certificates = settings.cacert.as_deref().map(certificates).transpose()?.unwrap_or_default();
        let direct = client(&certificates).no_proxy().dns_resolver(reach.names()).build()?;
        let proxied = client(&certificates).build()?;
        let received = AtomicUsize::new(0);
        let shared = SharedState { direct, proxied, reach, settings, deadline, nonces: Nonces::default(), received };
        Ok(Self { shared: Arc::new(shared), root })
    }

    /// Requests for another server that the person named too.
    pub fn under(&self, root: &Address) -> Self {
        Self { shared: self.shared.clone(), root: Some(root.clone()) }
    }

    pub fn deadline(&self) -> &Deadline {
        &self.shared.deadline
    }

    /// The last nonce of each server (RFC 9449 §8).
    pub fn nonces(&self) -> &Nonces {
        &self.shared.nonces
    }

    /// Whether, and by which route, an address may be connected to. It must be https, or http to this machine, unless
    /// `--insecure-http` allows more (OAuth 2.1 §1.5); and it must not be nearer than the server that named it.
    pub async fn allow(&self, url: &Address) -> Result<Route> {
        if url.scheme() == "http" && !self.shared.settings.insecure_http && !url.is_loopback() {
            let message = format!(
                "{} is plain http beyond this machine: begin it with https://, or allow it by --insecure-http",
                url.shown()
            );
            return Err(Failure::new("insecure_http", message));
        }
        self.shared.reach.route(url, self.root.as_ref()).await
    }

    pub async fn get(&self, url: &Address, headers: &[(&str, &str)]) -> Result<Answer> {
        let headers: Headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.send(Method::GET, url, &headers, None).await?.read(bounds::DOCUMENT).await
    }

    /// Fetches a public document. A few redirects are followed, and each is judged as the first address was.
    pub async fn document(&self, url: &Address) -> Result<Answer> {
        let mut url = url.clone();
        for _ in 0..=bounds::REDIRECTS {
            let answer = self.get(&url, &[("accept", "application/json")]).await?;
            match answer.header("location").filter(|_| (300..400).contains(&answer.status)) {
                Some(next) => url = url.join(next)?,
                None => return Ok(answer),
            }
        }
        Err(Failure::new("discovery", format!("{} redirects without end", url.shown())))
    }

    /// Posts a form to an endpoint of an authorization server.
    pub async fn form(&self, url: &Address, form: &[(String, String)], headers: &Headers) -> Result<Answer> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers = headers.clone();
        headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        self.trace(|| {
            let shown: Vec<_> = form.iter().map(|(name, value)| mask::parameter(name, value)).collect();
            format!("  with {}", shown.join(" "))
        });
        self.send(Method::POST, url, &headers, Some(body.into_bytes())).await?.read(bounds::DOCUMENT).await
    }

    pub async fn post_json(&self, url: &Address, body: &Value, headers: &Headers) -> Result<Reply> {
        let mut headers = headers.clone();
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        self.send(Method::POST, url, &headers, Some(body.to_string().into_bytes())).await
    }

    /// Sends one request. Redirects are not followed.
    pub async fn send(&self, method: Method, url: &Address, headers: &Headers, body: Option<Vec<u8>>) -> Result<Reply> {
        let client = match self.allow(url).await? {
            Route::Direct => &self.shared.direct,
            Route::Proxy => &self.shared.proxied,
        };
        self.trace(|| format!("> {method} {}", url.shown()));
        let mut request = client.request(method, url.as_str());
        for (name, value) in headers {
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::try_from(value.as_str());
            match (name, value) {
                (Ok(name), Ok(value)) => request = request.header(name, value),
                _ => return Err(Failure::usage("a header has characters that HTTP does not allow")),
            }
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        self.trace(|| format!("< {}", response.status()));
        for line in response.headers().get_all("www-authenticate") {
            self.trace(|| format!("< www-authenticate: {}", line.to_str().unwrap_or("(not ASCII)")));
        }
        self.shared.nonces.remember(url, response.headers());
        Ok(Reply { url: url.clone(), response, shared: self.shared.clone() })
    }

    pub fn trace(&self, line: impl FnOnce() -> String) {
        if self.shared.settings.verbose {
            output::note(&line());
        }
    }
}

#[allow(clippy::disallowed_methods)] // the one place that makes them
fn client(certificates: &[Certificate]) -> reqwest::ClientBuilder {
    let client = Client::builder()
        .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(bounds::CONNECT);
    if certificates.is_empty() { client } else { client.tls_certs_merge(certificates.iter().cloned()) }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let unreadable = |error: &dyn std::fmt::Display| Failure::usage(format!("--cacert {}: {error}", path.display()));
    let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let all = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(&error))?;
    if all.is_empty() {
        Err(unreadable(&"there is no certificate in it (PEM: -----BEGIN CERTIFICATE-----)"))
    } else {
        Ok(all)
    }
}
