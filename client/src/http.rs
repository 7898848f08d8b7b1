//! The one way out: timeouts, trust, the rule against plain http, and the trace that `--verbose` shows.
use crate::{
    challenge::{self, Challenge},
    dpop::Nonces,
    error::{Failure, Result},
    mask,
};
use reqwest::{
    Certificate, Client, Method, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use url::{Host, Url, form_urlencoded};

/// Metadata and token answers are small; more than this is not one.
const MAX_DOCUMENT: usize = 1 << 20;
const MAX_REDIRECTS: usize = 3;

#[derive(Clone, Debug)]
pub struct Settings {
    pub timeout: Duration,
    pub cacert: Option<PathBuf>,
    pub insecure_http: bool,
    pub verbose: bool,
}

pub struct Http {
    client: Client,
    settings: Settings,
    /// The last nonce of each server (RFC 9449 §8).
    pub nonces: Nonces,
}

/// An answer read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: Url,
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

    pub fn challenges(&self) -> Vec<Challenge> {
        challenges(&self.headers)
    }

    pub fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind.ends_with("+json")
    }
}

pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    challenge::parse(headers.get_all("www-authenticate").iter().filter_map(|line| line.to_str().ok()))
}

pub type Headers = Vec<(String, String)>;

impl Http {
    pub fn new(settings: Settings) -> Result<Self> {
        let mut client = Client::builder()
            .user_agent(concat!("mcp-auth/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.timeout)
            .read_timeout(settings.timeout);
        if let Some(path) = &settings.cacert {
            let unreadable =
                |error: &dyn std::fmt::Display| Failure::usage(format!("--cacert {}: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
            let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(&error))?;
            client = client.tls_certs_merge(authorities);
        }
        Ok(Self { client: client.build()?, settings, nonces: Nonces::default() })
    }

    /// https, or http to this machine, unless `--insecure-http` allows more (OAuth 2.1 §1.5).
    pub fn allow(&self, url: &Url) -> Result<()> {
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.settings.insecure_http || is_loopback(url) => Ok(()),
            "http" => Err(Failure::new(
                "insecure_http",
                format!("{} is plain http beyond this machine; --insecure-http allows that", mask::url(url)),
            )),
            other => Err(Failure::new("insecure_http", format!("{other} is no scheme to send credentials to"))),
        }
    }

    pub async fn get(&self, url: &Url, headers: &[(&str, &str)]) -> Result<Answer> {
        let headers: Headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = self.send(Method::GET, url, &headers, None).await?;
        read(url, response).await
    }

    /// A public document; follows a few redirects, each judged as the first address was.
    pub async fn document(&self, url: &Url) -> Result<Answer> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.get(&url, &[("accept", "application/json")]).await?;
            let next = answer.header("location").filter(|_| (300..400).contains(&answer.status));
            match next.and_then(|location| url.join(location).ok()) {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Failure::new("discovery", format!("{} redirects without end", mask::url(&url))))
    }

    /// A form to an endpoint of an authorization server.
    pub async fn form(&self, url: &Url, form: &[(String, String)], headers: &Headers) -> Result<Answer> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut headers = headers.clone();
        headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        if self.settings.verbose {
            let shown: Vec<_> = form.iter().map(|(name, value)| mask::parameter(name, value)).collect();
            eprintln!("  with {}", shown.join(" "));
        }
        let response = self.send(Method::POST, url, &headers, Some(body.into_bytes())).await?;
        read(url, response).await
    }

    pub async fn post_json(&self, url: &Url, body: &Value, headers: &Headers) -> Result<Response> {
        let mut headers = headers.clone();
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        self.send(Method::POST, url, &headers, Some(body.to_string().into_bytes())).await
    }

    pub async fn send(&self, method: Method, url: &Url, headers: &Headers, body: Option<Vec<u8>>) -> Result<Response> {
        self.allow(url)?;
        self.trace(|| format!("> {method} {}", mask::url(url)));
        let mut request = self.client.request(method, url.clone());
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
        self.nonces.remember(url, response.headers());
        Ok(response)
    }

    pub fn trace(&self, line: impl FnOnce() -> String) {
        if self.settings.verbose {
            eprintln!("{}", line());
        }
    }
}

pub async fn read(url: &Url, mut response: Response) -> Result<Answer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_DOCUMENT {
            return Err(Failure::new("network", format!("{} answers more than a megabyte", mask::url(url))));
        }
    }
    Ok(Answer { url: url.clone(), status, headers, body })
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
