//! Other places than the server's own that it has to do with: pages that ask it, and spellings of its URL.
use crate::jwks::is_loopback;
use serde::{Deserialize, Deserializer, de::Error};
use std::str::FromStr;
use url::Url;

/// The origin of web pages that may call the server, spelled as browsers do in `Origin` (RFC 6454 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin(String);

/// Another URL of the resource that clients are given, or that tokens are issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAlias(Url, String);

impl PageOrigin {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why| format!("the allowed origin {text:?} {why}");
        if ["*", "null"].contains(&text) {
            return Err(wrong("would be everybody's: name each origin, such as \"https://app.example\""));
        }
        let spelled = || wrong("must be scheme, host and port only, in lower case, such as \"https://app.example\"");
        let url = Url::parse(text).map_err(|_| spelled())?;
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(wrong(
                "must be https (http only on a loopback address): anybody on the way could be that page",
            ));
        }
        // Programs have schemes of their own (`chrome-extension://ID`, `tauri://localhost`), of which a URL has no origin.
        let own = || format!("{}://{}", url.scheme(), url.authority());
        let origin = if url.origin().is_tuple() { url.origin().ascii_serialization() } else { own() };
        let good = url.has_host() && origin == text && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
        good.then_some(Self(origin)).ok_or_else(spelled)
    }
}

impl ResourceAlias {
    /// As it is compared with the audience of tokens.
    pub fn as_str(&self) -> &str {
        &self.1
    }

    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for ResourceAlias {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why| format!("the resource alias {text:?} {why}");
        let url = Url::parse(text).map_err(|_| wrong("is not a URL, such as \"https://mcp.example/mcp\""))?;
        if !(url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url))) {
            return Err(wrong("must be https (http only on a loopback address), as the resource itself"));
        }
        if url.query().is_some() || url.fragment().is_some() || url.authority().contains('@') {
            return Err(wrong("must have no query, fragment or user name: clients add none to the URL they are given"));
        }
        let spelled = |byte: u8| byte.is_ascii_alphanumeric() || b"/.~-_".contains(&byte);
        if url.path().len() < 2 || !url.path().bytes().all(spelled) {
            return Err(wrong("must have a path of letters, digits and /.~-_ only, such as /mcp"));
        }
        Ok(Self(url, text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for PageOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ResourceAlias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
