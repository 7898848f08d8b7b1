//! A server under test: the file that describes it, and the metadata that it publishes itself.
use crate::{
    keys::Keys,
    wire::{Answer, Line},
};
use anyhow::{Context, ensure};
use axum::http::{Request, StatusCode};
use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use url::Url;

/// What the file says. `bench/README.md` explains each member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub name: String,
    /// Name and version, for reports.
    pub version: Option<String>,
    pub issuer: String,
    pub pid: u32,
    /// Further processes that count.
    #[serde(default)]
    pub other_pids: Vec<u32>,
    /// Where connections go in turn, if not all to the issuer: those of nodes.
    #[serde(default)]
    pub addresses: Vec<SocketAddr>,
    /// Whether it believes `X-Forwarded-For` of us, so that each connection can be another address.
    #[serde(default)]
    pub forwarded_for: bool,
    /// Whether it has neither ID tokens nor a page that asks for consent.
    #[serde(default)]
    pub bare: bool,
    pub scope: String,
    pub service: Client,
    pub app: App,
    pub person: Person,
    pub resources: Resources,
}

/// A confidential client, or a resource server that may ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// A public client that people use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    pub id: String,
    pub redirect_uri: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub username: String,
    pub password: String,
    /// Whether the server really judges the password.
    #[serde(default)]
    pub judged: bool,
}

/// Resources by what their access tokens are. A server that lacks one is not measured with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    pub es256: Option<Resource>,
    pub eddsa: Option<Resource>,
    pub rs256: Option<Resource>,
    pub opaque: Option<Resource>,
    /// Whose tokens are asked about in place of JWTs, where the server answers for none.
    pub introspected: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub identifier: String,
    /// What its tokens are signed with; without it they are opaque.
    pub signing_alg: Option<String>,
    /// Who asks about its tokens.
    pub introspection: Option<Client>,
}

impl Client {
    /// RFC 6749 §2.3.1.
    pub fn basic(&self) -> String {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.id), encode(&self.secret));
        format!("Basic {}", Base64::encode_string(pair.as_bytes()))
    }
}

/// Paths of the endpoints, the same at each address.
pub struct Site {
    pub is: Description,
    addresses: Vec<SocketAddr>,
    lines: AtomicUsize,
    pub host: String,
    pub metadata: String,
    pub jwks: String,
    pub authorize: String,
    pub token: String,
    pub introspect: String,
    pub revoke: String,
    pub keys: Keys,
}

impl Site {
    pub async fn read(file: &Path) -> anyhow::Result<Arc<Self>> {
        let is: Description = serde_json::from_str(&fs::read_to_string(file)?)?;
        let issuer = Url::parse(&is.issuer)?;
        let (address, host) = place(&issuer)?;
        let mut line = Line::new(address, &host)?;
        let (path, metadata) = discover(&mut line, &issuer).await?;
        ensure!(metadata["issuer"] == is.issuer, "the metadata is of another issuer: {}", metadata["issuer"]);
        let endpoint = |member: &str| -> anyhow::Result<String> {
            let url = metadata[member].as_str().with_context(|| format!("the metadata has no {member}"))?;
            let url = Url::parse(url)?;
            ensure!(place(&url)?.1 == host, "{member} is at another host than the issuer: {url}");
            Ok(url[url::Position::BeforePath..].to_owned())
        };
        let jwks = endpoint("jwks_uri")?;
        let answer = line.get(&jwks).await?;
        let keys = Keys::read(answer.good(StatusCode::OK)?).context("jwks_uri")?;
        Ok(Arc::new(Self {
            addresses: if is.addresses.is_empty() { vec![address] } else { is.addresses.clone() },
            lines: AtomicUsize::new(0),
            metadata: path,
            jwks,
            authorize: endpoint("authorization_endpoint")?,
            token: endpoint("token_endpoint")?,
            introspect: endpoint("introspection_endpoint")?,
            revoke: endpoint("revocation_endpoint")?,
            keys,
            host,
            is,
        }))
    }

    pub fn line(&self) -> anyhow::Result<Line> {
        let number = self.lines.fetch_add(1, Ordering::Relaxed);
        Line::new(self.addresses[number % self.addresses.len()], &self.host)
    }
}

fn place(url: &Url) -> anyhow::Result<(SocketAddr, String)> {
    ensure!(url.scheme() == "http", "only http, for what is measured is the server and not TLS: {url}");
    let (host, port) = (url.host_str().context("no host")?, url.port().unwrap_or(80));
    let address = (host, port).to_socket_addrs()?.next().with_context(|| format!("{host} has no address"))?;
    ensure!(address.ip().is_loopback(), "{url} is not on this machine, whose processes are what is measured");
    Ok((address, format!("{host}:{port}")))
}

/// RFC 8414 §3.1, else OpenID Connect Discovery §4: where the metadata is, and what it says.
async fn discover(line: &mut Line, issuer: &Url) -> anyhow::Result<(String, Value)> {
    let below = issuer.path().trim_end_matches('/');
    let places = [
        format!("/.well-known/oauth-authorization-server{below}"),
        format!("{below}/.well-known/openid-configuration"),
    ];
    for path in places {
        let answer: Answer = line.send(Request::get(path.as_str()), "").await?;
        if answer.status == StatusCode::OK {
            return Ok((path, serde_json::from_slice(&answer.body)?));
        }
    }
    anyhow::bail!("no metadata at {issuer}")
}
