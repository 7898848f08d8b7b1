//! Headers that the upstream server gets in addition to the client's, usually a key.
use super::Secret;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de::Error};
use std::collections::BTreeMap;

/// Headers that belong to a connection (RFC 9110 §7.6.1) or route a request.
const OF_CONNECTIONS: [&str; 9] =
    ["connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via"];
/// Headers that describe the body, belong to proxies, or are set by the guard.
const OF_OTHERS: [(&str, &str); 5] = [
    ("content-", "describes the body, which the guard writes"),
    ("proxy-", "belongs to a connection"),
    ("mcp-", "is written from the message that was judged"),
    ("x-auth-", "says who is calling"),
    ("x-request-id", "names the request"),
];

/// By name. They replace headers with the same name from the client.
#[derive(Clone, Debug, Default)]
pub struct UpstreamHeaders(Vec<(HeaderName, Secret)>);

impl UpstreamHeaders {
    /// # Errors
    /// The rule that a name or a value breaks, without quoting the value.
    pub fn new(all: impl IntoIterator<Item = (String, Secret)>) -> Result<Self, String> {
        let mut headers = Vec::<(HeaderName, Secret)>::new();
        for (written, value) in all {
            let wrong = |why: &str| format!("the upstream header {written:?} {why}");
            let name: HeaderName = written.parse().map_err(|_| wrong("has no name that HTTP allows (RFC 9110 5.1)"))?;
            if OF_CONNECTIONS.contains(&name.as_str()) {
                return Err(wrong("belongs to a connection: it cannot be set, leave it out"));
            }
            if let Some((_, why)) = OF_OTHERS.iter().find(|(start, _)| name.as_str().starts_with(start)) {
                return Err(wrong(&format!("{why}: choose another name")));
            }
            if name.as_str().contains('_') {
                return Err(wrong("has a _ in its name, which some servers take for a -: write -"));
            }
            if headers.iter().any(|(known, _)| *known == name) {
                return Err(wrong("is there twice: header names have no case"));
            }
            if value.expose().is_empty() || HeaderValue::from_str(value.expose()).is_err() {
                return Err(wrong("has a value that is empty, or of more than one line of visible characters"));
            }
            headers.push((name, value));
        }
        Ok(Self(headers))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Marked as sensitive, so that values are never logged.
    pub(crate) fn map(&self) -> HeaderMap {
        let header = |(name, value): &(HeaderName, Secret)| {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            Some((name.clone(), value))
        };
        self.0.iter().filter_map(header).collect()
    }
}

impl<'de> Deserialize<'de> for UpstreamHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(BTreeMap::<String, Secret>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
