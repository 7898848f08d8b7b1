//! One tree of settings: defaults, then a TOML file, then the environment (`KEYWARD__SECTION__NAME`).
mod audit;
mod authorization;
mod clients;
mod connections;
mod debug;
mod device_authorization;
mod document_patterns;
mod dpop;
mod hidden;
mod logos;
mod outgoing;
mod registration;
mod resources;
mod token_exchange;
mod tokens;
mod trusted_issuers;
mod workloads;

pub use audit::Audit;
pub use authorization::Authorization;
pub use clients::{ClientAuthentication, ClientSettings, GrantSettings};
pub use connections::Connections;
pub use debug::Debug;
pub use device_authorization::DeviceAuthorization;
pub use dpop::Dpop;
pub use logos::Logos;
pub use outgoing::{ClientMetadataDocuments, DocumentPolicy, Fetch, Publisher};
pub use registration::{Registration, RegistrationPolicy};
pub use resources::{IntrospectionSettings, ResourceSettings, ScopeSettings, ScopeTable};
pub use token_exchange::ExchangeSettings;
pub use tokens::Tokens;
pub use trusted_issuers::TrustedIssuer;
pub use workloads::Workload;

use crate::oauth::resource::Resources;
use anyhow::{Context, bail, ensure};
use aws_lc_rs::hmac;
use config::{Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};
use url::Url;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The issuer identifier (RFC 8414 §2), byte for byte as clients will see it. The only setting without a default.
    pub issuer: String,
    /// Whether all endpoints and pages lie below the issuer's path, for proxies that hand over that path only.
    #[serde(default)]
    pub endpoints_below_issuer: bool,
    /// Address and port to answer at.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default, deserialize_with = "list")]
    pub trusted_proxies: Vec<IpNet>,
    #[serde(default)]
    pub connections: Connections,
    #[serde(default)]
    pub database: Database,
    #[serde(default)]
    pub keys: KeySettings,
    #[serde(default)]
    pub tokens: Tokens,
    #[serde(default)]
    pub authorization: Authorization,
    #[serde(default)]
    pub registration: Registration,
    #[serde(default)]
    pub client_metadata_documents: ClientMetadataDocuments,
    #[serde(default)]
    pub fetch: Fetch,
    #[serde(default)]
    pub device_authorization: DeviceAuthorization,
    #[serde(default)]
    pub introspection: Introspection,
    #[serde(default)]
    pub sessions: Sessions,
    #[serde(default)]
    pub dpop: Dpop,
    #[serde(default)]
    pub logos: Logos,
    #[serde(default)]
    pub grants: GrantSettings,
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    #[serde(default)]
    pub audit: Audit,
    #[serde(default)]
    pub debug: Debug,
    /// Clients that the operator wrote down, by a short name of your choice.
    #[serde(default)]
    pub clients: BTreeMap<String, ClientSettings>,
    /// Whether a client that is no longer among them is disabled at the next start.
    #[serde(default = "yes")]
    pub disable_removed_clients: bool,
    /// Issuers whose signed word counts here, by a short name of your choice.
    #[serde(default)]
    pub trusted_issuers: BTreeMap<String, TrustedIssuer>,
    /// MCP servers this authorization server issues tokens for, by a short name of your choice.
    #[serde(default)]
    pub resources: BTreeMap<String, ResourceSettings>,
    /// The short name of the resource of requests that name none (RFC 8707 §2); the only one, when there is one.
    pub default_resource: Option<String>,
    /// Answers below `/oauth/` too, where scripts that do not discover look for endpoints.
    #[serde(default)]
    pub legacy_paths: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[serde(serialize_with = "hidden::one")]
    pub url: SecretString,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// Where the master key lies (32 bytes, base64url); made on the first start, mode 0600.
    pub master_key_file: PathBuf,
    /// The master key itself, instead of a file.
    #[serde(serialize_with = "hidden::maybe")]
    pub master_key: Option<SecretString>,
    /// `ES256`, `EdDSA` or `RS256`: what access tokens are signed with unless their resource says otherwise.
    pub signing_alg: String,
    /// How long a key signs, in seconds; 0 is for ever.
    pub rotate_after: u32,
    /// How long a key is published before it signs, in seconds: longer than verifiers keep our keys.
    pub publish_before: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Introspection {
    /// Whether resource servers that ask for a signed answer get one (RFC 9701).
    pub signed_responses: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// Seconds after signing in when a browser is signed out.
    pub lifetime: u32,
}

/// A list of the file, or words between spaces or commas, as a variable has them.
fn list<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de> + FromStr<Err: Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given<T> {
        List(Vec<T>),
        Words(String),
    }
    match Given::deserialize(deserializer)? {
        Given::List(list) => Ok(list),
        Given::Words(words) => {
            let words = words.split([' ', ',']).filter(|word| !word.is_empty());
            words.map(|word| word.parse().map_err(D::Error::custom)).collect()
        }
    }
}

fn yes() -> bool {
    true
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8999))
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:keyward-data/keyward.db".into() }
    }
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            master_key_file: "keyward-data/master.key".into(),
            master_key: None,
            signing_alg: "ES256".into(),
            rotate_after: 90 * 86_400,
            publish_before: 3_600,
        }
    }
}

impl Default for Introspection {
    fn default() -> Self {
        Self { signed_responses: true }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { lifetime: 12 * 3_600 }
    }
}

impl Config {
    /// `defaults` is TOML. Later sources win; an unknown key is an error that names it.
    pub fn load(defaults: &str, file: Option<&Path>, variables: HashMap<String, String>) -> anyhow::Result<Self> {
        let config = Self::read(defaults, file, variables)?;
        config.check_secrets()?;
        Ok(config)
    }

    /// The same, but that secrets may be as short as one likes to type: the demo's are published anyway.
    pub fn load_for_demo(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        Self::read(defaults, file, variables)
    }

    fn read(defaults: &str, file: Option<&Path>, variables: HashMap<String, String>) -> anyhow::Result<Self> {
        let mut sources = config::Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
        if let Some(file) = file {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("KEYWARD").prefix_separator("__").separator("__");
        let loaded = sources.add_source(environment.source(Some(variables))).build()?;
        ensure!(
            loaded.get_string("issuer").is_ok(),
            "issuer is not set: the URL of this server as clients see it, in the file or as KEYWARD__ISSUER"
        );
        let config: Self = loaded.try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    /// Those that strangers could guess.
    fn check_secrets(&self) -> anyhow::Result<()> {
        self.debug.check()?;
        self.registration.check()?;
        self.clients.iter().try_for_each(|(name, client)| client.check_secrets(name))?;
        self.resources.iter().try_for_each(|(name, resource)| resource.check_secret(name))
    }

    fn check(&self) -> anyhow::Result<()> {
        let issuer = Url::parse(&self.issuer).with_context(|| format!("issuer {:?} is no URL", self.issuer))?;
        let plain = issuer.query().is_none() && issuer.fragment().is_none() && issuer.username().is_empty();
        ensure!(plain, "issuer must have no query, no fragment and no user (RFC 8414 §2)");
        ensure!(!self.issuer.ends_with('/'), "issuer must not end in a slash: clients compare it byte for byte");
        ensure!(
            self.is_https() || matches!(issuer.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")),
            "issuer must be https; http is for loopback only"
        );
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        ensure!(
            self.issuer_path().bytes().all(plain),
            "issuer may have letters, digits and - . _ ~ % in its path, and no other signs"
        );
        self.tokens.check()?;
        let own = self.resources.values().filter_map(|resource| resource.access_token_lifetime);
        ensure!(
            own.chain([self.tokens.access_token_lifetime]).all(|lifetime| lifetime <= self.tokens.refresh_idle),
            "no access_token_lifetime may be longer than tokens.refresh_idle: a grant that is idle ends"
        );
        let introspection = self.resources.values().filter_map(|resource| resource.introspection.as_ref());
        let answers = introspection.filter_map(|settings| settings.signed_response_alg.as_ref());
        let algorithms = self.resources.values().filter_map(|resource| resource.signing_alg.as_ref());
        for algorithm in algorithms.chain(answers).chain([&self.keys.signing_alg]) {
            ensure!(
                crate::keys::ALGORITHMS.contains(&algorithm.as_str()),
                "{algorithm:?} is no signing algorithm of ours: ES256, EdDSA or RS256"
            );
        }
        self.audit.check()?;
        self.authorization.check()?;
        // Twice as long as caches may keep the keys.
        ensure!(self.keys.publish_before >= 600, "keys.publish_before must be at least 600 seconds");
        ensure!(
            self.keys.rotate_after == 0 || self.keys.rotate_after > self.keys.publish_before,
            "keys.rotate_after must be longer than keys.publish_before, or 0"
        );
        self.client_metadata_documents.check()?;
        self.clients.iter().try_for_each(|(name, client)| client.check(name))?;
        let format = self.tokens.access_token_format;
        self.resources.iter().try_for_each(|(name, resource)| resource.check(name, format))?;
        self.check_trusted_issuers(&self.resources()?)
    }

    /// What must never be shown. Not those that only have a digest here.
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

    /// Where endpoints and pages lie: at the root of the issuer's origin, or all below its path.
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

/// What is shorter than this can be guessed.
const MIN_SECRET: usize = 16;

fn long(name: &str, secret: &SecretString) -> anyhow::Result<()> {
    let is_long = secret.expose_secret().chars().count() >= MIN_SECRET;
    ensure!(is_long, "{name} needs at least {MIN_SECRET} characters; `openssl rand -hex 32` makes one");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load("", None, variables)
    }

    #[test]
    fn the_issuer_alone_is_enough_and_the_environment_reaches_every_section() {
        let config = load(&[
            ("KEYWARD__ISSUER", "https://auth.example"),
            ("KEYWARD__TOKENS__REPLAY_WINDOW", "0"),
            ("KEYWARD__RESOURCES__MAIN__IDENTIFIER", "https://mcp.example/mcp"),
            ("KEYWARD__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
            ("KEYWARD__REGISTRATION__PRIVATE_USE_SCHEMES", ""),
            ("KEYWARD__REGISTRATION__INITIAL_ACCESS_TOKEN", "0123456789012345"),
            ("KEYWARD__TOKENS__ROTATE_CONFIDENTIAL", "true"),
            ("KEYWARD__CLIENT_METADATA_DOCUMENTS__DENY", "evil.example, *.evil.example"),
            ("KEYWARD__FETCH__PORTS", "443,8443"),
        ])
        .unwrap();
        assert_eq!(config.trusted_proxies.len(), 2);
        assert!(!config.client_metadata_documents.lets_client_in("https://a.evil.example/client.json"));
        assert_eq!(config.fetch.ports, [443, 8443]);
        assert!(config.registration.private_use_schemes.is_empty() && config.tokens.rotate_confidential);
        assert_eq!(config.registration.initial_access_token.as_ref().unwrap().expose_secret(), "0123456789012345");
        assert_eq!(config.tokens.replay_window, 0);
        assert_eq!(config.resources().unwrap().default().unwrap().identifier, "https://mcp.example/mcp");
    }

    #[test]
    fn a_misspelt_setting_is_an_error_that_names_it() {
        let error = load(&[("KEYWARD__ISSUER", "https://auth.example"), ("KEYWARD__TOKENS__REPLAY", "1")]).unwrap_err();
        assert!(format!("{error:#}").contains("replay"), "{error:#}");
    }

    #[test]
    fn a_window_in_which_a_stolen_token_passes_for_a_lost_answer_has_a_ceiling() {
        for (name, value, good) in [
            ("REPLAY_WINDOW", "3600", true),
            ("REPLAY_WINDOW", "3601", false),
            ("REPLAY_GENERATIONS", "1", true),
            ("REPLAY_GENERATIONS", "10", true),
            ("REPLAY_GENERATIONS", "0", false),
            ("REPLAY_GENERATIONS", "11", false),
        ] {
            let name = format!("KEYWARD__TOKENS__{name}");
            let loaded = load(&[("KEYWARD__ISSUER", "https://auth.example"), (&name, value)]);
            assert_eq!(loaded.is_ok(), good, "{name} {value}");
            if let Err(error) = loaded {
                assert!(format!("{error:#}").contains("tokens.replay_"), "{error:#}");
            }
        }
    }

    #[test]
    fn an_issuer_that_clients_could_not_compare_is_refused() {
        for issuer in ["https://auth.example/", "https://auth.example?x", "http://auth.example", "auth.example"] {
            assert!(load(&[("KEYWARD__ISSUER", issuer)]).is_err(), "{issuer}");
        }
        let config = load(&[("KEYWARD__ISSUER", "https://auth.example/t1")]).unwrap();
        assert_eq!((config.origin(), config.issuer_path()), ("https://auth.example", "/t1"));
    }
}
