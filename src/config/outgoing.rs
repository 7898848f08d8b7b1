//! Settings for what this server fetches from others: whose metadata documents, and how.
use super::list;
use crate::{error::OAuthError, oauth::client_id};
use anyhow::ensure;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

/// Clients whose identifier is the URL of their metadata document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadataDocuments {
    /// `open`, or `off`: not advertised, and such clients are unknown here.
    pub policy: DocumentPolicy,
    /// If not empty, only documents of these hosts. `*.example.com` means every host below `example.com`.
    #[serde(deserialize_with = "list")]
    pub allow: Vec<String>,
    /// Never documents of these hosts, written alike.
    #[serde(deserialize_with = "list")]
    pub deny: Vec<String>,
    /// Clients that these hosts describe may name the token endpoint as audience of their assertions, as before
    /// RFC 7523bis.
    #[serde(deserialize_with = "list")]
    pub token_endpoint_audience: Vec<String>,
    /// The folder that the demo serves documents of its own in: no setting.
    #[serde(skip)]
    pub own_folder: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentPolicy {
    Open,
    Off,
}

/// Requests to addresses that strangers choose. There is no setting that opens private networks to them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fetch {
    /// Ports that URLs may name.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<u16>,
    /// Networks that nothing is fetched from although they are public: NAT64 prefixes, own ranges.
    #[serde(deserialize_with = "list")]
    pub deny_networks: Vec<IpNet>,
}

impl Default for ClientMetadataDocuments {
    fn default() -> Self {
        Self {
            policy: DocumentPolicy::Open,
            allow: vec![],
            deny: vec![],
            token_endpoint_audience: vec!["chatgpt.com".into()],
            own_folder: None,
        }
    }
}

impl Default for Fetch {
    fn default() -> Self {
        Self { ports: vec![443], deny_networks: vec![] }
    }
}

impl ClientMetadataDocuments {
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.policy != DocumentPolicy::Off
    }

    /// Whether the identifier claims to be the URL of its client's metadata document.
    #[must_use]
    pub fn is_url(&self, id: &str) -> bool {
        client_id::is_url(id) || self.is_own(id)
    }

    /// Who describes the client with this identifier: a host in lower case, or ourselves.
    pub fn host(&self, id: &str) -> Result<String, OAuthError> {
        match self.own_folder.as_deref().filter(|_| self.is_own(id)).and_then(|own| Url::parse(own).ok()) {
            Some(own) => Ok(own.authority().to_owned()),
            None => client_id::host(id),
        }
    }

    fn is_own(&self, id: &str) -> bool {
        self.own_folder.as_deref().is_some_and(|own| client_id::lies_in(own, id))
    }

    /// Whether the client with this identifier may be described by its host.
    #[must_use]
    pub fn lets_client_in(&self, id: &str) -> bool {
        if self.is_own(id) { self.is_on() } else { client_id::host(id).is_ok_and(|host| self.lets_in(&host)) }
    }

    /// Whether clients may be described by this host, given in lower case.
    #[must_use]
    pub fn lets_in(&self, host: &str) -> bool {
        self.is_on() && !listed(&self.deny, host) && (self.allow.is_empty() || listed(&self.allow, host))
    }

    /// Whether clients that this host describes, given in lower case, may address assertions to the token endpoint.
    #[must_use]
    pub fn may_address_token_endpoint(&self, host: &str) -> bool {
        listed(&self.token_endpoint_audience, host)
    }

    /// A pattern that could never match would let in whom it should keep out.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for pattern in self.allow.iter().chain(&self.deny).chain(&self.token_endpoint_audience) {
            let host = pattern.strip_prefix("*.").unwrap_or(pattern);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            ensure!(
                !host.is_empty() && !host.starts_with('.') && !host.ends_with('.') && host.bytes().all(plain),
                "client_metadata_documents: {pattern:?} is no host name; write example.com or *.example.com"
            );
        }
        Ok(())
    }
}

fn listed(patterns: &[String], host: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, host))
}

fn matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some(below) => host.ends_with(below),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(allow: &[&str], deny: &[&str]) -> ClientMetadataDocuments {
        let owned = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        ClientMetadataDocuments { allow: owned(allow), deny: owned(deny), ..Default::default() }
    }

    #[test]
    fn every_host_is_let_in_unless_denied_and_only_the_allowed_where_some_are() {
        assert!(documents(&[], &[]).lets_in("app.example"));
        let denied = documents(&[], &["Evil.example", "*.evil.example"]);
        for (host, expected) in [
            ("evil.example", false),
            ("a.b.evil.example", false),
            ("notevil.example", true),
            ("evil.example.org", true),
        ] {
            assert_eq!(denied.lets_in(host), expected, "{host}");
        }
        let allowed = documents(&["*.good.example"], &["bad.good.example"]);
        for (host, expected) in
            [("a.good.example", true), ("good.example", false), ("bad.good.example", false), ("app.example", false)]
        {
            assert_eq!(allowed.lets_in(host), expected, "{host}");
        }
        let off = ClientMetadataDocuments { policy: DocumentPolicy::Off, ..documents(&["app.example"], &[]) };
        assert!(!off.lets_in("app.example"));
    }

    #[test]
    fn a_pattern_that_could_never_match_is_an_error() {
        for pattern in ["", "*", "*.", "https://evil.example", "evil.example/", "evil.example.", "a.*.b", "ä.example"]
        {
            assert!(documents(&[], &[pattern]).check().is_err(), "{pattern}");
        }
        assert!(documents(&["*.example", "localhost"], &["xn--a.example"]).check().is_ok());
    }
}
