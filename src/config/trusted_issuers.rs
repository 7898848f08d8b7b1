//! Settings for trusted issuers, which vouch for people and for programs.
use super::{Faults, Workload, faults::shown, hidden, list, workloads::known_resources};
use crate::oauth::{algorithm::Algorithm, key_set::KeySet, resource::Resources};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Seconds: half of the day for which revocations are remembered.
const MAX_ASSERTION_SECONDS: u32 = 43_200;
/// Seconds: identity assertions are made for one use; platforms give their workloads assertions for an hour.
const IDENTITY_ASSERTION_SECONDS: u32 = 600;
const WORKLOAD_ASSERTION_SECONDS: u32 = 3_600;

/// An issuer that the operator trusts for the purposes switched on here.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // switches, each for itself
pub struct TrustedIssuer {
    /// Its issuer identifier: `iss`, byte for byte.
    pub issuer: String,
    /// Its public keys (RFC 7517 §5), as a table or as JSON text; ...
    #[serde(serialize_with = "hidden::maybe")]
    pub jwks: Option<Value>,
    /// ... or the URL where they are published.
    pub jwks_uri: Option<String>,
    /// The algorithms it signs with, out of [`Algorithm::NAMES`]; any of them by default.
    #[serde(default, deserialize_with = "list")]
    pub algorithms: Vec<String>,
    /// Its name on pages; its host by default.
    pub name: Option<String>,
    /// Whether its software statements are trusted at registration (RFC 7591 §2.3).
    #[serde(default)]
    pub software_statements: bool,
    /// Whether its identity assertions are trusted (Identity Assertion JWT Authorization Grant).
    #[serde(default)]
    pub identity_assertions: bool,
    /// The most seconds that an assertion may be valid for; 600 by default, and 3600 for workloads.
    pub assertion_lifetime: Option<u32>,
    /// Whether each assertion can be used once only. If not, its client may repeat it until it expires.
    #[serde(default)]
    pub single_use: bool,
    /// Identifiers of the resources that its assertions give access to; all by default.
    #[serde(default, deserialize_with = "list")]
    pub resources: Vec<String>,
    /// Identifier of the resource of identity assertions that name none; without it they are refused.
    pub default_resource: Option<String>,
    /// Whether public clients with metadata documents may use its assertions too.
    #[serde(default)]
    pub public_clients: bool,
    /// A new person gets the account that `aud_sub` names, ...
    #[serde(default)]
    pub link_by_aud_sub: bool,
    /// ... or else the account with the same e-mail address, if the address is of one of these domains, ...
    #[serde(default, deserialize_with = "list")]
    pub link_by_email: Vec<String>,
    /// ... or else a new account.
    #[serde(default)]
    pub create_users: bool,
    /// Its workloads, by a short name of your choice.
    #[serde(default)]
    pub workloads: BTreeMap<String, Workload>,
}

impl TrustedIssuer {
    /// `our_issuer` cannot be a trusted issuer: its tokens would prove nothing new.
    pub(super) fn check(&self, our_issuer: &str, resources: Option<&Resources>, faults: &mut Faults) {
        let issuer = shown(&self.issuer);
        faults.ensure(self.issuer != our_issuer, &["issuer"], format!("{issuer} is this server itself"));
        match Url::parse(&self.issuer) {
            Err(_) => faults.add(&["issuer"], format!("{issuer} is no URL")),
            Ok(url) => {
                let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
                let text = format!("{issuer} must be https; http is for loopback only");
                faults.ensure(url.scheme() == "https" || loopback, &["issuer"], text);
            }
        }
        self.check_keys(faults);
        for (at, name) in self.algorithms.iter().enumerate() {
            let text = format!("{name:?} is not one of {}", Algorithm::NAMES.join(", "));
            faults.ensure(Algorithm::NAMES.contains(&name.as_str()), &["algorithms", &at.to_string()], text);
        }
        faults.ensure(
            self.identity_assertions || self.software_statements || !self.workloads.is_empty(),
            &[],
            "it is trusted for nothing: set identity_assertions, workloads or software_statements",
        );
        let lifetime = self.identity_assertion_lifetime();
        let text = format!("{lifetime} is not 1 to {MAX_ASSERTION_SECONDS} seconds");
        faults.ensure((1..=MAX_ASSERTION_SECONDS).contains(&lifetime), &["assertion_lifetime"], text);
        for (name, workload) in &self.workloads {
            faults.below(&["workloads", name], |faults| workload.check(name, resources, faults));
        }
        known_resources("resources", &self.resources, resources, faults);
        known_resources("default_resource", self.default_resource.as_slice(), resources, faults);
        for (at, domain) in self.link_by_email.iter().enumerate() {
            let plain = domain.contains('.') && !domain.contains(['@', '*', '/']) && domain.is_ascii();
            let text = format!("link_by_email takes domains such as example.com, not {domain:?}");
            faults.ensure(plain, &["link_by_email", &at.to_string()], text);
        }
    }

    fn check_keys(&self, faults: &mut Faults) {
        faults.ensure(self.jwks.is_some() != self.jwks_uri.is_some(), &[], "it needs one of jwks and jwks_uri");
        if let Some(uri) = &self.jwks_uri {
            let secure = Url::parse(uri).is_ok_and(|uri| uri.scheme() == "https");
            let text = format!("{} must be an https URL; of other keys, write jwks", shown(uri));
            faults.ensure(secure, &["jwks_uri"], text);
        }
        match self.keys() {
            Err(_) => faults.add(&["jwks"], "this is neither a table nor a JSON object"),
            Ok(None) => {}
            Ok(Some(jwks)) => {
                let usable = KeySet::parse(&jwks).is_some_and(|keys| !keys.is_empty());
                let text = format!("this has no key for {} (of 2048 bits or more)", Algorithm::ONE_OF);
                faults.ensure(usable, &["jwks"], text);
            }
        }
    }

    /// `jwks` as a JSON value, also when the settings have it as a text.
    pub fn keys(&self) -> anyhow::Result<Option<Value>> {
        match &self.jwks {
            Some(Value::String(text)) => Ok(Some(serde_json::from_str(text)?)),
            keys => Ok(keys.clone()),
        }
    }

    #[must_use]
    pub fn identity_assertion_lifetime(&self) -> u32 {
        self.assertion_lifetime.unwrap_or(IDENTITY_ASSERTION_SECONDS)
    }

    #[must_use]
    pub fn workload_assertion_lifetime(&self) -> u32 {
        self.assertion_lifetime.unwrap_or(WORKLOAD_ASSERTION_SECONDS)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        let host = || self.issuer.split("://").nth(1).and_then(|rest| rest.split('/').next());
        self.name.as_deref().or_else(host).unwrap_or(&self.issuer)
    }

    #[must_use]
    pub fn signs_with(&self, algorithm: &str) -> bool {
        self.algorithms.is_empty() || self.algorithms.iter().any(|own| own == algorithm)
    }

    /// Whether it may vouch for e-mail addresses of this domain.
    #[must_use]
    pub fn knows_email(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.link_by_email.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }
}
