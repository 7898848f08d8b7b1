//! Addresses as they may be used: http or https, with a host, and without a name or a password.
//!
//! Every address is parsed here, whether a person, a server or a file names it. Only an [`Address`] is ever connected
//! to, shown or opened.
use crate::{
    error::{Failure, Result},
    mask,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{ops::Deref, str::FromStr};
use url::{Host, Url};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Address(Url);

impl Address {
    /// The form in which profiles hold the address: without the slash that URL libraries add to a bare host.
    pub fn remembered(&self) -> String {
        let text = self.as_str();
        let bare = self.path() == "/" && self.query().is_none();
        if bare { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
    }

    /// The address for people to read, with its secrets masked.
    pub fn shown(&self) -> String {
        mask::url(&self.0)
    }

    /// An address relative to this one.
    #[allow(clippy::disallowed_methods)] // the one place that reads addresses
    pub fn join(&self, text: &str) -> Result<Self> {
        self.0.join(text).map_err(|_| Fault::NoUrl).and_then(Self::checked).map_err(Failure::from)
    }

    pub fn with(&self, parameters: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Self {
        self.changed(|url| {
            url.query_pairs_mut().extend_pairs(parameters);
        })
    }

    pub fn changed(&self, change: impl FnOnce(&mut Url)) -> Self {
        let mut url = self.0.clone();
        change(&mut url);
        Self(url)
    }

    /// The address of the origin alone.
    pub fn root(&self) -> Self {
        self.changed(|url| {
            url.set_path("");
            url.set_query(None);
            url.set_fragment(None);
        })
    }

    /// Whether the text of the address means this machine and nothing else (RFC 6761 §6.3 for the names).
    pub fn is_loopback(&self) -> bool {
        match self.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        }
    }

    #[allow(clippy::disallowed_methods)] // the one place that reads addresses
    pub fn parse(text: &str) -> Result<Self> {
        // Browsers forgive spaces and control characters, and do not agree on what remains.
        let clean = text.trim() == text && !text.contains(char::is_control);
        let url = Url::parse(text).ok().filter(|_| clean).ok_or(Fault::NoUrl);
        url.and_then(Self::checked).map_err(Failure::from)
    }

    fn checked(url: Url) -> std::result::Result<Self, Fault> {
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(Fault::NoWebAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::Credentials);
        }
        Ok(Self(url))
    }
}

/// What is wrong with an address. Its text is not repeated, because it may hold a secret.
enum Fault {
    NoUrl,
    NoWebAddress,
    Credentials,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new(
            "address",
            match fault {
                Fault::NoUrl => "this is no address",
                Fault::NoWebAddress => "only addresses that begin with http:// or https:// are used",
                Fault::Credentials => {
                    "an address with a name or a password in it (user:password@) is not used; \
                     give them by --username and --password-stdin"
                }
            },
        )
    }
}

impl Deref for Address {
    type Target = Url;

    fn deref(&self) -> &Url {
        &self.0
    }
}

/// From the command line.
impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Self::parse(text).map_err(|failure| match with_scheme(text) {
            Some(address) => format!("its scheme is missing: {}", address.shown()),
            None if failure.message == Failure::from(Fault::NoUrl).message => {
                "an address such as https://mcp.example.com/mcp is needed".to_owned()
            }
            None => failure.message,
        })
    }
}

/// The address that a person meant who left the scheme out: `mcp.example.com/mcp`, `localhost:8990`. A text without a
/// dot, a port and a path may be any word, and a text with other characters may hold a password: neither is repeated.
fn with_scheme(text: &str) -> Option<Address> {
    let plain = |character: char| character.is_alphanumeric() || "-._~:/[]%?&=".contains(character);
    if text.contains("://") || text.starts_with('/') || !text.chars().all(plain) {
        return None;
    }
    let address = Address::parse(&format!("https://{text}")).ok()?;
    let name = address.domain().map(|name| name.contains('.') || address.is_loopback());
    // A scheme of another kind, such as mailto:, has no port behind its colon.
    let known = name.unwrap_or(true)
        && (address.port().is_some() || !text.split(['/', '?']).next()?.contains(':') || text.starts_with('['));
    if !known {
        return None;
    }
    if address.is_loopback() { Address::parse(&format!("http://{text}")).ok() } else { Some(address) }
}

/// Reads an address that a server names. One that may not be used counts as absent.
pub fn usable<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Address>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| Address::parse(&text).ok()))
}

#[cfg(test)]
mod tests;
