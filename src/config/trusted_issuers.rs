//! Settings for issuers whose signed word counts here: about people, about programs.
use super::{Faults, Workload, faults::shown, hidden, list, workloads::known_resources};
use crate::oauth::{algorithm::Algorithm, key_set::PublicKeys, resource::Resources};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// What is revoked is remembered for a day.
const LONGEST: u32 = 43_200;
/// Seconds: identity assertions are made for one use, platforms give their workloads one for an hour.
const OF_A_PERSON: u32 = 600;
const OF_A_WORKLOAD: u32 = 3_600;

/// An issuer that the operator trusts for what is switched on here.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // switches, each for itself
pub struct TrustedIssuer {
    /// What it calls itself in `iss`, byte for byte.
    pub issuer: String,
    /// Its public keys (RFC 7517 §5), as a table or as JSON text; ...
    #[serde(serialize_with = "hidden::maybe")]
    pub jwks: Option<Value>,
    /// ... or where they are published.
    pub jwks_uri: Option<String>,
    /// What it signs with, of `ES256`, `EdDSA` and `RS256`; else any of them.
    #[serde(default, deserialize_with = "list")]
    pub algorithms: Vec<String>,
    /// What people are told it is called; else its host.
    pub name: Option<String>,
    /// It may say what a client is that registers itself (RFC 7591 §2.3).
    #[serde(default)]
    pub software_statements: bool,
    /// It may say which person is behind a client (Identity Assertion JWT Authorization Grant).
    #[serde(default)]
    pub identity_assertions: bool,
    /// Seconds that an assertion may still have before it; else 600, and 3600 about workloads.
    pub assertion_lifetime: Option<u32>,
    /// Each assertion counts once. Else its client may present it again until it expires.
    #[serde(default)]
    pub single_use: bool,
    /// Identifiers of the resources it may open; else all.
    #[serde(default, deserialize_with = "list")]
    pub resources: Vec<String>,
    /// Identifier of the resource of identity assertions that name none; else they are refused.
    pub default_resource: Option<String>,
    /// Public clients described by documents may bring its assertions too.
    #[serde(default)]
    pub public_clients: bool,
    /// Somebody new is the account that `aud_sub` names, ...
    #[serde(default)]
    pub link_by_aud_sub: bool,
    /// ... or else the one with the same e-mail address, if it is of one of these domains, ...
    #[serde(default, deserialize_with = "list")]
    pub link_by_email: Vec<String>,
    /// ... or else gets an account.
    #[serde(default)]
    pub create_users: bool,
    /// Programs that it vouches for, by a short name of your choice.
    #[serde(default)]
    pub workloads: BTreeMap<String, Workload>,
}

impl TrustedIssuer {
    /// `our_issuer` is never trusted this way: it would be proof of nothing.
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
        let text = format!("{lifetime} is not 1 to {LONGEST} seconds");
        faults.ensure((1..=LONGEST).contains(&lifetime), &["assertion_lifetime"], text);
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
                let usable = PublicKeys::parse(&jwks).is_some_and(|keys| !keys.is_empty());
                let text = format!("this has no key for {} (of 2048 bits or more)", Algorithm::ONE_OF);
                faults.ensure(usable, &["jwks"], text);
            }
        }
    }

    /// `jwks`, whichever way it was written.
    pub fn keys(&self) -> anyhow::Result<Option<Value>> {
        match &self.jwks {
            Some(Value::String(text)) => Ok(Some(serde_json::from_str(text)?)),
            keys => Ok(keys.clone()),
        }
    }

    #[must_use]
    pub fn identity_assertion_lifetime(&self) -> u32 {
        self.assertion_lifetime.unwrap_or(OF_A_PERSON)
    }

    #[must_use]
    pub fn workload_assertion_lifetime(&self) -> u32 {
        self.assertion_lifetime.unwrap_or(OF_A_WORKLOAD)
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

    /// Whether it answers for addresses of this domain.
    #[must_use]
    pub fn knows_email(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.link_by_email.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }
}
