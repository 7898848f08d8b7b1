//! What a resource server is made of, as `surfaces.toml` says it.
mod in_front;
mod limits;
mod secret;
mod upstream_headers;
mod users;

pub use in_front::InFront;
pub use keyward_guard::{BodyLimit, PageOrigin, ResourceAlias};
pub use limits::{Heartbeat, SessionLimits};
pub use secret::{KeySettings, Secret};
pub use upstream_headers::UpstreamHeaders;
pub use users::UserSettings;

use crate::arguments::ArgumentRule;
use anyhow::{Context, anyhow, ensure};
use ipnet::IpNet;
use keyward_guard::{SHORTEST_KEY, clock::Clock, jwks::is_loopback, scopes::well_formed};
use serde::Deserialize;
use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32, path::PathBuf};
use url::Url;

/// The set of surfaces served when there is no file.
const BUILT_IN: &str = include_str!("surfaces.toml");

/// Characters of a password that is not the demo's.
const SHORTEST_PASSWORD: usize = 8;

/// Kinds of surface whose credentials are access tokens.
const OAUTH: [&str; 3] = ["oauth", "client-credentials", "device"];

/// A resource server. Every member may be left out of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where surfaces answer that have no address of their own.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Public origins that lead there (`https://mcp.example`), the default one first; else `http://` and `listen`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The authorization server's issuer identifier.
    #[serde(default = "default_issuer")]
    pub issuer: String,
    /// Networks of the proxies in front of this server, whose `X-Forwarded-For` is believed (`10.0.0.0/8`).
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// Where tools keep what they are given, as a SQLite file; else in memory.
    #[serde(default)]
    pub store: Option<PathBuf>,
    /// Published secrets are good enough; only loopback addresses are listened on.
    #[serde(default)]
    pub demo: bool,
    /// Outside the demo, what minting and debugging need.
    #[serde(default)]
    pub admin_token: Option<Secret>,
    /// Logs what clients send, with credentials masked.
    #[serde(default)]
    pub log_payloads: bool,
    /// Web pages that may call the surfaces, beside those of `origins` and of this machine. Nothing answers to their
    /// host names.
    #[serde(default)]
    pub allowed_origins: Vec<PageOrigin>,
    #[serde(default)]
    pub max_body: BodyLimit,
    #[serde(default)]
    pub heartbeat: Heartbeat,
    /// Seconds that answers under way may still take once the server was asked to stop.
    #[serde(default = "default_grace")]
    pub grace: u16,
    #[serde(default)]
    pub sessions: SessionLimits,
    /// By which sessions given to clients are known again, after a restart and by other guards in front of the same
    /// server; else one of the store, and without a store one of this process.
    #[serde(default)]
    pub session_key: Option<Secret>,
    /// Answers for the metadata of the authorization server as well, where clients of 2025-03-26 look for it.
    #[serde(default)]
    pub authorization_server_metadata: bool,
    #[serde(default, rename = "surface")]
    pub surfaces: Vec<SurfaceSettings>,
    /// The program that answers SQL queries of the tool set `database`, as one that calls [`crate::answer_query`] does:
    /// each gets a process of its own. Without it none are answered.
    #[serde(skip)]
    pub queries: Option<PathBuf>,
    /// Tests move it.
    #[serde(skip)]
    pub clock: Clock,
}

/// One way to be protected, and the tools behind it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurfaceSettings {
    pub id: String,
    /// The kind of credential.
    pub kind: String,
    /// A human name, shown in challenges and metadata; else the titles of the tool sets.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The path of Streamable HTTP; else `/mcp/` and the id.
    #[serde(default)]
    pub path: Option<String>,
    /// More paths of the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// An address of its own, where it answers at `/mcp`, `/sse` and `/messages/`.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Public origins that lead to that address.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Names of tool sets.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The URL of an MCP server whose tools these are, instead of tool sets; the surface is a guard in front of it.
    #[serde(default)]
    pub upstream: Option<String>,
    /// With it: headers that the server gets with each request.
    #[serde(default)]
    pub upstream_headers: UpstreamHeaders,
    /// With it, space-separated: what calling each of its tools needs; else `challenge_scope`.
    #[serde(default)]
    pub tool_scopes: BTreeMap<String, String>,
    /// Of OAuth surfaces, space-separated: what the first challenge names, and what the metadata names.
    #[serde(default)]
    pub challenge_scope: Option<String>,
    #[serde(default)]
    pub scopes_supported: Option<String>,
    /// Of OAuth surfaces, to ask the authorization server about tokens (RFC 7662); without, JWTs are verified here.
    #[serde(default)]
    pub introspection: Option<Credentials>,
    /// Of OAuth surfaces: other URLs of it, which tokens may be for and clients may come to. The metadata names the
    /// first origin and path.
    #[serde(default)]
    pub resource_aliases: Vec<ResourceAlias>,
    /// Of `bearer-token` and `api-key`.
    #[serde(default, deserialize_with = "secret::keys")]
    pub keys: Vec<KeySettings>,
    /// Of `basic` and `session`.
    #[serde(default)]
    pub users: Vec<UserSettings>,
    /// Of `basic`: takes the same under the scheme `Bearer`.
    #[serde(default)]
    pub basic_as_bearer: bool,
    /// Of `security-keys`: headers, and the keys good in each.
    #[serde(default, deserialize_with = "secret::keys_by_name")]
    pub headers: BTreeMap<String, Vec<KeySettings>>,
    /// Takes `mcp.read`, `mcp.write`, `read`, `write` and `admin` for the `mcp:` scopes of these names.
    #[serde(default)]
    pub scope_aliases: bool,
    /// How often whoever was let in may ask, each for themselves; else as often as they like.
    #[serde(default)]
    pub requests_per_minute: Option<NonZeroU32>,
    /// Rules on what tools are called with, beyond those that go with the tools.
    #[serde(default, rename = "rule")]
    pub rules: Vec<ArgumentRule>,
}

/// What a resource server authenticates with when it introspects (RFC 7662 §2.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub id: String,
    pub secret: Secret,
}

impl Settings {
    /// # Errors
    /// The text is no TOML, or says something that is not known here, or that cannot work.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let settings: Self = read(text)?;
        settings.check()?;
        Ok(settings)
    }

    /// The built-in set, at its default address.
    pub fn built_in() -> anyhow::Result<Self> {
        Self::parse(BUILT_IN)
    }

    /// The built-in set, for a server that clients reach at `origin` (`http://127.0.0.1:8990`).
    pub fn demo(origin: &str, issuer: &str) -> anyhow::Result<Self> {
        let settings = Self::built_in()?;
        Ok(Self { origins: vec![origin.to_owned()], issuer: issuer.to_owned(), ..settings })
    }

    /// The secrets of the built-in set, which everybody knows.
    pub fn published() -> anyhow::Result<Vec<String>> {
        Ok(read(BUILT_IN)?.secrets().map(|(published, _)| published.expose().to_owned()).collect())
    }

    /// All surfaces ask the authorization server about tokens (RFC 7662), authenticated with these.
    pub fn introspect(mut self, own: &Credentials) -> anyhow::Result<Self> {
        self.surfaces.iter_mut().for_each(|surface| surface.introspection = Some(own.clone()));
        self.check()?;
        Ok(self)
    }

    /// Those of the common address, the default one first.
    pub(crate) fn origins(&self) -> Vec<String> {
        or_address(&self.origins, self.listen)
    }

    /// # Errors
    /// Something in it cannot work, or is too weak.
    pub fn check(&self) -> anyhow::Result<()> {
        let mut ids: Vec<_> = self.surfaces.iter().map(|surface| &surface.id).collect();
        ids.sort();
        ids.dedup();
        ensure!(ids.len() == self.surfaces.len(), "two surfaces have the same id");
        self.sessions.check()?;
        self.surfaces.iter().try_for_each(SurfaceSettings::check)?;
        for surface in &self.surfaces {
            surface.users.iter().try_for_each(|user| user.check(&surface.kind, self.demo))?;
        }
        if self.demo {
            return Ok(());
        }
        let published = read(BUILT_IN)?;
        let published: Vec<_> = published.secrets().map(|(secret, _)| secret.digest()).collect();
        for (secret, shortest) in self.secrets() {
            let good = !published.contains(&secret.digest()) && secret.expose().chars().count() >= shortest;
            ensure!(good, "a secret is one of the demo's or shorter than {shortest} characters");
        }
        Ok(())
    }

    /// All of them, and how long each must be at least.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&Secret, usize)> {
        let of_surfaces = self.surfaces.iter().flat_map(SurfaceSettings::secrets);
        of_surfaces.chain(self.admin_token.iter().chain(&self.session_key).map(|secret| (secret, SHORTEST_KEY)))
    }

    /// Those of others, which are none of ours to judge.
    pub(crate) fn entrusted(&self) -> impl Iterator<Item = &Secret> {
        let headers = self.surfaces.iter().flat_map(|surface| surface.upstream_headers.values());
        let introspection = self.surfaces.iter().filter_map(|surface| surface.introspection.as_ref());
        headers.chain(introspection.map(|own| &own.secret))
    }

    /// What is published must not be reachable from elsewhere.
    pub(crate) fn ensure_loopback(&self, address: SocketAddr) -> anyhow::Result<()> {
        ensure!(
            !self.demo || address.ip().is_loopback(),
            "the demo's secrets are published, so it listens on loopback addresses only"
        );
        Ok(())
    }
}

impl SurfaceSettings {
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&Secret, usize)> {
        let keys = self.keys.iter().chain(self.headers.values().flatten()).map(|key| &key.secret);
        let keys = keys.chain(self.introspection.iter().map(|own| &own.secret)).map(|secret| (secret, SHORTEST_KEY));
        let passwords = self.users.iter().filter_map(|user| user.password.as_ref());
        keys.chain(passwords.map(|password| (password, SHORTEST_PASSWORD)))
    }

    pub(crate) fn path(&self) -> String {
        let of_id = || if self.listen.is_some() { "/mcp".to_owned() } else { format!("/mcp/{}", self.id) };
        self.path.clone().unwrap_or_else(of_id)
    }

    /// Challenge and metadata.
    pub(crate) fn scopes(&self) -> (String, String) {
        let or = |scope: &Option<String>, default: &str| scope.clone().unwrap_or_else(|| default.to_owned());
        (or(&self.challenge_scope, "mcp:read"), or(&self.scopes_supported, "mcp:read mcp:write"))
    }

    pub(crate) fn origins(&self, listen: SocketAddr) -> Vec<String> {
        or_address(&self.origins, listen)
    }

    fn check(&self) -> anyhow::Result<()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ensure!(!self.id.is_empty() && self.id.bytes().all(plain), "a surface's id has letters, digits, - and _ only");
        for path in self.path.iter().chain(&self.aliases) {
            let spelled = |byte: u8| plain(byte) || b"/.~".contains(&byte);
            let ends = path == "/" || !path.ends_with('/');
            let good = path.starts_with('/') && ends && path.bytes().all(spelled);
            ensure!(good, "the path {path:?} of the surface {:?} must begin with / and not end with it", self.id);
        }
        ensure!(self.listen.is_some() || self.origins.is_empty(), "{:?} has origins and no address", self.id);
        ensure!(
            self.upstream.is_some() || self.tool_scopes.is_empty(),
            "{:?} has tool_scopes and no upstream",
            self.id
        );
        ensure!(
            self.upstream.is_some() || self.upstream_headers.is_empty(),
            "{:?} has upstream_headers and no upstream",
            self.id
        );
        ensure!(
            self.resource_aliases.is_empty() || OAUTH.contains(&self.kind.as_str()),
            "{:?} has resource_aliases and is no OAuth surface: use aliases for other paths",
            self.id
        );
        let good = self.tool_scopes.values().all(|scopes| well_formed(scopes));
        ensure!(good, "a scope has a character RFC 6749 section 3.3 forbids");
        Ok(())
    }
}

/// The library's own text would show the line, and with it secrets.
fn read(text: &str) -> anyhow::Result<Settings> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        anyhow!("line {line}: {}", error.message())
    })
}

fn or_address(origins: &[String], listen: SocketAddr) -> Vec<String> {
    if origins.is_empty() { vec![format!("http://{listen}")] } else { origins.to_vec() }
}

/// Spelled as browsers and clients spell it.
pub(crate) fn origin(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("the origin {text:?} is no URL"))?;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    ensure!(secure, "the origin {text:?} must be https (http only on a loopback address)");
    ensure!(url.origin().ascii_serialization() == text, "the origin {text:?} must be scheme, host and port only");
    Ok(url)
}

fn default_grace() -> u16 {
    30
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8990))
}

fn default_issuer() -> String {
    "http://127.0.0.1:8999".to_owned()
}

fn yes() -> bool {
    true
}
