//! Settings for outgoing requests: which metadata documents are fetched, and how.
use super::{
    Faults,
    document_patterns::{self, Place},
    list,
};
use crate::{
    error::OAuthError,
    oauth::{client_id, shared_hosts},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

/// Settings for clients whose identifier is the URL of their metadata document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadataDocuments {
    /// `open`, or `off`: metadata does not advertise such clients, and they are unknown here.
    pub policy: DocumentPolicy,
    /// If not empty, only documents of these hosts are admitted. `*.example.com` means every host below `example.com`;
    /// a path (`example.com/clients/*`) restricts the host to documents there.
    #[serde(deserialize_with = "list")]
    pub allow: Vec<String>,
    /// Documents of these hosts or paths are never admitted; same patterns.
    #[serde(deserialize_with = "list")]
    pub deny: Vec<String>,
    /// Further hosts where anybody may publish, beside the built-in list: their documents are shown with their path.
    #[serde(deserialize_with = "list")]
    pub shared_hosts: Vec<String>,
    /// Below this number of people who allowed an app of a host, a user is told that the host is new here. 0 tells
    /// nobody.
    pub new_until: u32,
    /// Hosts whose clients may name the token endpoint as audience of their assertions, as before RFC 7523bis.
    #[serde(deserialize_with = "list")]
    pub token_endpoint_audience: Vec<String>,
    /// The folder of the demo's own documents. This is not a setting.
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
pub struct FetchSettings {
    /// Ports that URLs may name.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<u16>,
    /// Public networks that nothing is fetched from: NAT64 prefixes, or the operator's own ranges.
    #[serde(deserialize_with = "list")]
    pub deny_networks: Vec<IpNet>,
}

impl Default for ClientMetadataDocuments {
    fn default() -> Self {
        Self {
            policy: DocumentPolicy::Open,
            allow: vec![],
            deny: vec![],
            shared_hosts: vec![],
            new_until: 3,
            token_endpoint_audience: vec!["chatgpt.com".into()],
            own_folder: None,
        }
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self { ports: vec![443], deny_networks: vec![] }
    }
}

impl ClientMetadataDocuments {
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.policy != DocumentPolicy::Off
    }

    /// Whether the identifier has the form of a metadata document's URL.
    #[must_use]
    pub fn is_url(&self, id: &str) -> bool {
        client_id::is_url(id) || self.is_own(id)
    }

    /// The host of this document URL, in lower case; for a document of the demo, this server's own host and port.
    pub fn host(&self, id: &str) -> Result<String, OAuthError> {
        match self.own_folder.as_deref().filter(|_| self.is_own(id)).and_then(|own| Url::parse(own).ok()) {
            Some(own) => Ok(own.authority().to_owned()),
            None => Ok(client_id::host(id)?),
        }
    }

    fn is_own(&self, id: &str) -> bool {
        self.own_folder.as_deref().is_some_and(|own| client_id::lies_in(own, id))
    }

    /// The publisher that a user has to trust if they trust this client.
    pub fn publisher(&self, id: &str) -> Result<Publisher, OAuthError> {
        let host = self.host(id)?;
        let is_shared = !self.is_own(id) && (shared_hosts::is_shared(&host) || listed(&self.shared_hosts, &host));
        let target = is_shared.then(|| target(id).to_owned());
        let is_ours = self.is_own(id) || self.is_named(id, &host);
        Ok(Publisher { host, target, is_ours })
    }

    /// Whether the settings admit this client's document, by its host and path.
    #[must_use]
    pub fn lets_client_in(&self, id: &str) -> bool {
        if self.is_own(id) {
            return self.is_on();
        }
        let Ok(host) = client_id::host(id) else { return false };
        let place = Place { host: &host, target: target(id) };
        let kept_out = self.deny.iter().any(|pattern| document_patterns::keeps_out(pattern, place));
        self.is_on() && !kept_out && (self.allow.is_empty() || self.is_named(id, &host))
    }

    fn is_named(&self, id: &str, host: &str) -> bool {
        let place = Place { host, target: target(id) };
        self.allow.iter().any(|pattern| document_patterns::admits(pattern, place))
    }

    /// Whether clients of this host (in lower case) may address assertions to the token endpoint.
    #[must_use]
    pub fn may_address_token_endpoint(&self, host: &str) -> bool {
        listed(&self.token_endpoint_audience, host)
    }

    /// A pattern that can never match is refused, because it would keep nothing out.
    pub(super) fn check(&self, faults: &mut Faults) {
        type Rule = fn(&str) -> Result<(), &'static str>;
        let (anywhere, hosts): (Rule, Rule) = (document_patterns::check, document_patterns::check_host);
        for (name, patterns, check) in [
            ("allow", &self.allow, anywhere),
            ("deny", &self.deny, anywhere),
            ("shared_hosts", &self.shared_hosts, hosts),
            ("token_endpoint_audience", &self.token_endpoint_audience, hosts),
        ] {
            for (at, pattern) in patterns.iter().enumerate() {
                if let Err(rule) = check(pattern) {
                    let path = ["client_metadata_documents", name, &at.to_string()];
                    faults.add(&path, format!("{pattern:?} {rule}"));
                }
            }
        }
    }
}

/// The publisher of a client's document.
pub struct Publisher {
    /// In lower case.
    pub host: String,
    /// Path and query of the document, where many people publish at the host.
    pub target: Option<String>,
    /// Whether the operator named the publisher in `allow`, or this server serves the document itself.
    pub is_ours: bool,
}

impl Publisher {
    /// Equal for all documents of one publisher.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{}", self.host, self.target.as_deref().unwrap_or_default())
    }
}

/// Path and query of an identifier that is a URL.
fn target(id: &str) -> &str {
    let rest = id.split_once("://").map_or(id, |(_, rest)| rest);
    rest.find('/').map_or("", |path| &rest[path..])
}

fn listed(patterns: &[String], host: &str) -> bool {
    patterns.iter().any(|pattern| document_patterns::host_matches(pattern, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(allow: &[&str], deny: &[&str]) -> ClientMetadataDocuments {
        let owned = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        ClientMetadataDocuments { allow: owned(allow), deny: owned(deny), ..Default::default() }
    }

    fn lets_in(documents: &ClientMetadataDocuments, place: &str) -> bool {
        let place = if place.contains('/') { place.to_owned() } else { format!("{place}/client.json") };
        documents.lets_client_in(&format!("https://{place}"))
    }

    #[test]
    fn every_host_is_let_in_unless_denied_and_only_the_allowed_where_some_are() {
        assert!(lets_in(&documents(&[], &[]), "app.example"));
        let denied = documents(&[], &["Evil.example", "*.evil.example"]);
        for (host, expected) in [
            ("evil.example", false),
            ("a.b.evil.example", false),
            ("notevil.example", true),
            ("evil.example.org", true),
        ] {
            assert_eq!(lets_in(&denied, host), expected, "{host}");
        }
        let allowed = documents(&["*.good.example"], &["bad.good.example"]);
        for (host, expected) in
            [("a.good.example", true), ("good.example", false), ("bad.good.example", false), ("app.example", false)]
        {
            assert_eq!(lets_in(&allowed, host), expected, "{host}");
        }
        let off = ClientMetadataDocuments { policy: DocumentPolicy::Off, ..documents(&["app.example"], &[]) };
        assert!(!lets_in(&off, "app.example"));
    }

    fn told(documents: &ClientMetadataDocuments) -> Vec<String> {
        let mut faults = Faults::default();
        documents.check(&mut faults);
        faults.texts()
    }

    #[test]
    fn a_path_narrows_what_is_let_in_or_kept_out_and_denying_is_stronger() {
        let some = documents(&["*.github.io/agent/*", "app.example"], &["app.example/beta/*", "bad.github.io"]);
        for (place, expected) in [
            ("nous.github.io/agent/client.json", true),
            ("nous.github.io/other/client.json", false),
            ("bad.github.io/agent/client.json", false),
            ("app.example/client.json", true),
            ("app.example/beta/client.json", false),
            ("app.example/%62eta/client.json", false),
            ("app.example:8443/client.json", true),
        ] {
            assert_eq!(lets_in(&some, place), expected, "{place}");
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_is_an_error_that_names_the_setting() {
        for pattern in ["", "https://evil.example", "evil.example/", "evil.example/*.json"] {
            let told = told(&documents(&[], &[pattern]));
            let [error] = told.as_slice() else { panic!("{told:?}") };
            assert!(error.starts_with("client_metadata_documents.deny.0: ") && error.contains("write "), "{error}");
        }
        let hosts_only = ClientMetadataDocuments { shared_hosts: vec!["a.example/x".into()], ..documents(&[], &[]) };
        assert!(told(&hosts_only)[0].contains("shared_hosts"));
        assert_eq!(told(&documents(&["*.example/a/*", "localhost"], &["xn--a.example"])), Vec::<String>::new());
    }

    #[test]
    fn the_publisher_is_a_host_or_on_a_shared_one_the_document() {
        let mut some = documents(&["known.example/app/*"], &[]);
        some.shared_hosts = vec!["*.files.example".into()];
        for (id, key, is_ours) in [
            ("https://app.example:8443/a/b.json", "app.example", false),
            ("https://nous.github.io/agent/client.json?v=1", "nous.github.io/agent/client.json?v=1", false),
            ("https://a.files.example/x", "a.files.example/x", false),
            ("https://known.example/app/x", "known.example", true),
            ("https://known.example/x", "known.example", false),
        ] {
            let publisher = some.publisher(id).unwrap();
            assert_eq!((&*publisher.key(), publisher.is_ours), (key, is_ours), "{id}");
        }
    }
}
