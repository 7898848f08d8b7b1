//! The tree of settings itself, and values derived from several of them.
use super::{
    audit::AuditSettings,
    authorization::AuthorizationSettings,
    clients::{ClientAuthentication, ClientSettings, GrantSettings},
    connections::ConnectionSettings,
    debug::DebugSettings,
    device_authorization::DeviceSettings,
    dpop::DpopSettings,
    hidden,
    logos::LogoSettings,
    outgoing::{ClientMetadataDocuments, FetchSettings},
    registration::RegistrationSettings,
    resources::ResourceSettings,
    tokens::TokenSettings,
    trusted_issuers::TrustedIssuer,
    words::{self, list},
    workloads::Workload,
};
use crate::oauth::{algorithm::Algorithm, resource::Resources};
use anyhow::{bail, ensure};
use aws_lc_rs::hmac;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};
use url::Url;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The issuer identifier (RFC 8414 §2), byte for byte as clients see it. The only setting without a default.
    pub issuer: String,
    /// Whether all endpoints and pages lie below the issuer's path, for proxies that forward only that path.
    #[serde(default)]
    pub endpoints_below_issuer: bool,
    /// Address and port to listen on.
    #[serde(default = "default_listen", deserialize_with = "words::one")]
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default, deserialize_with = "list")]
    pub trusted_proxies: Vec<IpNet>,
    #[serde(default)]
    pub connections: ConnectionSettings,
    #[serde(default)]
    pub database: DatabaseSettings,
    #[serde(default)]
    pub keys: KeySettings,
    #[serde(default)]
    pub tokens: TokenSettings,
    #[serde(default)]
    pub authorization: AuthorizationSettings,
    #[serde(default)]
    pub registration: RegistrationSettings,
    #[serde(default)]
    pub client_metadata_documents: ClientMetadataDocuments,
    #[serde(default)]
    pub fetch: FetchSettings,
    #[serde(default)]
    pub device_authorization: DeviceSettings,
    #[serde(default)]
    pub introspection: SignedIntrospectionSettings,
    #[serde(default)]
    pub sessions: SessionSettings,
    #[serde(default)]
    pub dpop: DpopSettings,
    #[serde(default)]
    pub logos: LogoSettings,
    #[serde(default)]
    pub grants: GrantSettings,
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    #[serde(default)]
    pub audit: AuditSettings,
    #[serde(default)]
    pub debug: DebugSettings,
    /// Clients that the operator configures, by a short name of your choice.
    #[serde(default)]
    pub clients: BTreeMap<String, ClientSettings>,
    /// Whether a client that was removed from the settings is disabled at the next start.
    #[serde(default = "yes")]
    pub disable_removed_clients: bool,
    /// Issuers whose assertions are trusted, by a short name of your choice.
    #[serde(default)]
    pub trusted_issuers: BTreeMap<String, TrustedIssuer>,
    /// MCP servers this authorization server issues tokens for, by a short name of your choice.
    #[serde(default)]
    pub resources: BTreeMap<String, ResourceSettings>,
    /// The short name of the resource of requests that name none (RFC 8707 §2); the only one, when there is one.
    pub default_resource: Option<String>,
    /// Whether endpoints are also served below `/oauth/`, for scripts that do not use discovery.
    #[serde(default)]
    pub legacy_paths: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[serde(serialize_with = "hidden::one")]
    pub url: SecretString,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// The file of the master key (32 bytes, base64url), created on the first start with mode 0600.
    pub master_key_file: PathBuf,
    /// The master key itself, instead of a file.
    #[serde(serialize_with = "hidden::maybe")]
    pub master_key: Option<SecretString>,
    /// Signs access tokens unless their resource sets another algorithm: one of [`Algorithm::NAMES`].
    pub signing_alg: String,
    /// How long a key signs, in seconds; 0 is for ever.
    pub rotate_after: u32,
    /// How long a key is published before it signs, in seconds: longer than verifiers cache the keys.
    pub publish_before: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignedIntrospectionSettings {
    /// Whether resource servers that ask for signed introspection responses get them (RFC 9701).
    pub signed_responses: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// Seconds after signing in when a browser is signed out.
    pub lifetime: u32,
}

fn yes() -> bool {
    true
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8999))
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: "sqlite:keyward-data/keyward.db".into() }
    }
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            master_key_file: "keyward-data/master.key".into(),
            master_key: None,
            signing_alg: Algorithm::Es256.as_str().into(),
            rotate_after: 90 * 86_400,
            publish_before: 3_600,
        }
    }
}

impl Default for SignedIntrospectionSettings {
    fn default() -> Self {
        Self { signed_responses: true }
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { lifetime: 12 * 3_600 }
    }
}

impl Config {
    /// Secrets that must never be shown, except those that the settings only have as a digest.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let introspection = self.resources.values().filter_map(|resource| resource.introspection.as_ref());
        let own = [&self.keys.master_key, &self.debug.admin_token, &self.registration.initial_access_token];
        let all = own.into_iter().flatten().chain(introspection.map(|settings| &settings.secret));
        let all = all.chain(self.clients.values().flat_map(ClientSettings::secrets));
        let url = Url::parse(self.database.url.expose_secret()).ok();
        let password = url.as_ref().and_then(Url::password).map(str::to_owned);
        all.map(|secret| secret.expose_secret().to_owned()).chain(password).collect()
    }

    /// All settings, with a digest in the place of each secret.
    pub fn to_compare(&self, key: &hmac::Key) -> serde_json::Result<serde_json::Value> {
        hidden::with_digests(self, key)
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The base URL of endpoints and pages: the issuer's origin, or the issuer with its path.
    #[must_use]
    pub fn base(&self) -> &str {
        if self.endpoints_below_issuer { &self.issuer } else { self.origin() }
    }

    /// The path that all endpoints and pages have in common, empty or beginning with a slash.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base()[self.origin().len()..]
    }

    /// Scheme, host and port of the issuer.
    #[must_use]
    pub fn origin(&self) -> &str {
        let host = self.issuer.find("://").map_or(0, |at| at + 3);
        self.issuer[host..].find('/').map_or(&*self.issuer, |path| &self.issuer[..host + path])
    }

    /// The issuer's path, empty or beginning with a slash.
    #[must_use]
    pub fn issuer_path(&self) -> &str {
        &self.issuer[self.origin().len()..]
    }

    /// All workloads of trusted issuers.
    pub fn workloads(&self) -> impl Iterator<Item = (&String, &Workload)> {
        self.trusted_issuers.values().flat_map(|issuer| &issuer.workloads)
    }

    /// Whether an issuer is trusted to identify the user behind a client.
    #[must_use]
    pub fn takes_identity_assertions(&self) -> bool {
        self.trusted_issuers.values().any(|issuer| issuer.identity_assertions)
    }

    /// The protected resources, the default one first.
    pub fn resources(&self) -> anyhow::Result<Resources> {
        if let Some(name) = &self.default_resource {
            ensure!(self.resources.contains_key(name), "default_resource {name:?} is not among the resources");
        } else if self.resources.len() > 1 {
            bail!("with several resources, default_resource must name one of them");
        }
        let mut named: Vec<_> = self.resources.iter().collect();
        named.sort_by_key(|(name, _)| self.default_resource.as_ref() != Some(name));
        let resources = named.into_iter().map(|(_, settings)| settings.resource()).collect::<Result<_, _>>()?;
        Resources::new(resources).map_err(anyhow::Error::msg)
    }
}
