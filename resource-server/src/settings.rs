//! The settings of a resource server, read from `surfaces.toml`.
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

/// Characters: the least outside the demo.
const SHORTEST_PASSWORD: usize = 8;

/// Kinds of surface whose credentials are access tokens.
const OAUTH: [&str; 3] = ["oauth", "client-credentials", "device"];

/// A resource server. Every member is optional.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address of all surfaces without an address of their own.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Public origins that lead there (`https://mcp.example`), the default one first; by default `http://` and
    /// `listen`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The authorization server's issuer identifier.
    #[serde(default = "default_issuer")]
    pub issuer: String,
    /// Networks of the proxies in front of this server, whose `X-Forwarded-For` is believed (`10.0.0.0/8`).
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// A SQLite file for the data of tools; without it the data is in memory.
    #[serde(default)]
    pub store: Option<PathBuf>,
    /// Whether published secrets are accepted; then the server listens on loopback addresses only.
    #[serde(default)]
    pub demo: bool,
    /// The secret for minting and debugging, outside the demo.
    #[serde(default)]
    pub admin_token: Option<Secret>,
    /// Whether to log what clients send, with credentials masked.
    #[serde(default)]
    pub log_payloads: bool,
    /// Origins of web pages that may call the surfaces, in addition to `origins` and this machine. They are not
    /// accepted as `Host`.
    #[serde(default)]
    pub allowed_origins: Vec<PageOrigin>,
    #[serde(default)]
    pub max_body: BodyLimit,
    #[serde(default)]
    pub heartbeat: Heartbeat,
    /// Seconds that running responses may still take after the server was asked to stop.
    #[serde(default = "default_grace")]
    pub grace: u16,
    #[serde(default)]
    pub sessions: SessionLimits,
    /// A secret that keeps clients' sessions valid after a restart, and at other guards of the same server; by default
    /// a secret of the store, or of this process.
    #[serde(default)]
    pub session_key: Option<Secret>,
    /// Whether to serve the authorization server's metadata too, where clients of 2025-03-26 look for it.
    #[serde(default)]
    pub authorization_server_metadata: bool,
    #[serde(default, rename = "surface")]
    pub surfaces: Vec<SurfaceSettings>,
    /// The program that answers SQL queries for the tool set `database`; it must call [`crate::answer_query`]. Each
    /// query gets its own process. Without a program, queries are not supported.
    #[serde(skip)]
    pub queries: Option<PathBuf>,
    /// The clock, which tests move.
    #[serde(skip)]
    pub clock: Clock,
}

/// A surface: one way to be protected, and the tools behind it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurfaceSettings {
    pub id: String,
    /// The kind of credential.
    pub kind: String,
    /// A human name for challenges and metadata; by default the titles of the tool sets.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The path of Streamable HTTP; by default `/mcp/` and the id.
    #[serde(default)]
    pub path: Option<String>,
    /// Further paths of the same surface.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// An address of its own, with the paths `/mcp`, `/sse` and `/messages/`.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Public origins that lead to that address.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Names of tool sets.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The URL of an MCP server, instead of tool sets: then the surface is a guard in front of that server.
    #[serde(default)]
    pub upstream: Option<String>,
    /// With `upstream`: headers that the server gets with each request.
    #[serde(default)]
    pub upstream_headers: UpstreamHeaders,
    /// With `upstream`: scopes for calling each of its tools, separated by spaces; `challenge_scope` by default.
    #[serde(default)]
    pub tool_scopes: BTreeMap<String, String>,
    /// For OAuth surfaces: the scopes of the first challenge and of the metadata, separated by spaces.
    #[serde(default)]
    pub challenge_scope: Option<String>,
    #[serde(default)]
    pub scopes_supported: Option<String>,
    /// For OAuth surfaces: credentials for introspection (RFC 7662); without them JWTs are verified locally.
    #[serde(default)]
    pub introspection: Option<Credentials>,
    /// For OAuth surfaces: further URLs of the surface, accepted as audience and from clients. The metadata names the
    /// first origin and path.
    #[serde(default)]
    pub resource_aliases: Vec<ResourceAlias>,
    /// For `bearer-token` and `api-key`: the accepted keys.
    #[serde(default, deserialize_with = "secret::keys")]
    pub keys: Vec<KeySettings>,
    /// For `basic` and `session`: the people.
    #[serde(default)]
    pub users: Vec<UserSettings>,
    /// For `basic`: accepts the same pair under the scheme `Bearer`.
    #[serde(default)]
    pub basic_as_bearer: bool,
    /// For `security-keys`: headers, and the keys valid in each.
    #[serde(default, deserialize_with = "secret::keys_by_name")]
    pub headers: BTreeMap<String, Vec<KeySettings>>,
    /// Accepts `mcp.read`, `mcp.write`, `read`, `write` and `admin` for the corresponding `mcp:` scopes.
    #[serde(default)]
    pub scope_aliases: bool,
    /// How often each caller may call; unlimited by default.
    #[serde(default)]
    pub requests_per_minute: Option<NonZeroU32>,
    /// Rules for tool arguments, in addition to those of the tools themselves.
    #[serde(default, rename = "rule")]
    pub rules: Vec<ArgumentRule>,
}

/// Credentials of a resource server for introspection (RFC 7662 §2.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub id: String,
    pub secret: Secret,
}

impl Settings {
    /// # Errors
    /// The text is not TOML, has unknown members, or values that cannot work.
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

    /// The published secrets of the built-in set.
    pub fn published() -> anyhow::Result<Vec<String>> {
        Ok(read(BUILT_IN)?.secrets().map(|(published, _)| published.expose().to_owned()).collect())
    }

    /// Makes all surfaces introspect tokens (RFC 7662) with these credentials.
    pub fn introspect(mut self, own: &Credentials) -> anyhow::Result<Self> {
        self.surfaces.iter_mut().for_each(|surface| surface.introspection = Some(own.clone()));
        self.check()?;
        Ok(self)
    }

    /// The origins of the common address, the default one first.
    pub(crate) fn origins(&self) -> Vec<String> {
        or_address(&self.origins, self.listen)
    }

    /// # Errors
    /// A value cannot work, or a secret is too weak.
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

    /// All secrets, each with its minimum length.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&Secret, usize)> {
        let of_surfaces = self.surfaces.iter().flat_map(SurfaceSettings::secrets);
        of_surfaces.chain(self.admin_token.iter().chain(&self.session_key).map(|secret| (secret, SHORTEST_KEY)))
    }

    /// Secrets for other servers, whose strength is not checked here.
    pub(crate) fn entrusted(&self) -> impl Iterator<Item = &Secret> {
        let headers = self.surfaces.iter().flat_map(|surface| surface.upstream_headers.values());
        let introspection = self.surfaces.iter().filter_map(|surface| surface.introspection.as_ref());
        headers.chain(introspection.map(|own| &own.secret))
    }

    /// Published secrets must not be reachable from other machines.
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

    /// The scopes of the challenge and of the metadata.
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

/// The library's error would quote the line, which may hold a secret.
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

/// In the normal form that browsers and clients use.
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
