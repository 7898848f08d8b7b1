//! Redirect URIs: which may be registered, which request matches, and how response parameters are added (OAuth 2.1
//! §2.3, RFC 8252).
#[cfg(test)]
mod tests;

use super::{params::form_urlencode, uri};
use crate::error::ProtocolError;
use url::{Url, form_urlencoded};

/// Bytes of one redirect URI.
const MAX_BYTES: usize = 2048;

/// Schemes that run code, read files or belong to the browser: refused even if the settings name them.
const REFUSED_SCHEMES: &str = "javascript data vbscript file filesystem blob about view-source jar mhtml ws wss ftp \
    ftps gopher mailto tel sms intent android-app chrome chrome-extension chrome-native chrome-search chrome-untrusted \
    devtools edge brave opera vivaldi resource moz-extension safari-extension safari-web-extension \
    ms-browser-extension search-ms";

/// Why a URI must not be registered.
enum Unregistrable {
    /// A private-use scheme that has no dot and is not among the known ones.
    UnknownScheme,
    Other(ProtocolError),
}

impl From<Unregistrable> for ProtocolError {
    fn from(reason: Unregistrable) -> Self {
        match reason {
            Unregistrable::UnknownScheme => Self::invalid_redirect_uri(
                "a private-use scheme must be a reversed domain name, such as com.example.app, or one that this \
                 server knows",
            ),
            Unregistrable::Other(error) => error,
        }
    }
}

/// Parameters of an authorization response; RFC 6749 §3.1 allows each of them only once.
const RESPONSE_PARAMETERS: [&str; 9] =
    ["code", "state", "iss", "error", "error_description", "error_uri", "response", "id_token", "access_token"];

/// Whether a client may register this URI (RFC 7591 §5, RFC 8252 §7); if not, `invalid_redirect_uri` names the broken
/// rule. `known_schemes` are private-use schemes without a dot that the operator accepts.
pub fn check_registrable(uri: &str, known_schemes: &[String]) -> Result<(), ProtocolError> {
    check(uri, known_schemes).map_err(ProtocolError::from)
}

fn check(uri: &str, known_schemes: &[String]) -> Result<(), Unregistrable> {
    let refuse = |rule: &'static str| Err(Unregistrable::Other(ProtocolError::invalid_redirect_uri(rule)));
    if uri.len() > MAX_BYTES {
        return refuse("a redirect URI has more than 2048 bytes");
    }
    if !uri::is_uri_text(uri) {
        return refuse("a redirect URI is empty or has a character that URIs must escape");
    }
    if uri.contains('#') {
        return refuse("a redirect URI must not have a fragment, not even an empty one");
    }
    let Some(scheme) = uri::scheme(uri) else {
        return refuse("a redirect URI must be absolute, with a scheme in front");
    };
    check_scheme(uri, &scheme, known_schemes)?;
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    if names.any(|name| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
        return refuse(
            "the query of a redirect URI must not have a parameter that responses use, such as code or state",
        );
    }
    Ok(())
}

/// A redirect URI that is left out of a registration, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutUri {
    pub uri: String,
    pub rule: String,
}

/// Whether only the scheme is unknown: then the URI is left out, as a program for that scheme may exist. Any other
/// violation is a mistake to fix or an attack, so the registration is refused.
#[must_use]
pub fn left_out(uri: &str, known_schemes: &[String]) -> Option<LeftOutUri> {
    let reason = check(uri, known_schemes).err().filter(|reason| matches!(reason, Unregistrable::UnknownScheme))?;
    Some(LeftOutUri { uri: uri.to_owned(), rule: ProtocolError::from(reason).description.into_owned() })
}

fn check_scheme(uri: &str, scheme: &str, known_schemes: &[String]) -> Result<(), Unregistrable> {
    let refuse = |rule: &'static str| Err(Unregistrable::Other(ProtocolError::invalid_redirect_uri(rule)));
    if let Some(refused) = REFUSED_SCHEMES.split(' ').find(|refused| *refused == scheme) {
        let rule = format!("a redirect URI must not use the scheme {refused}");
        return Err(Unregistrable::Other(ProtocolError::invalid_redirect_uri(rule)));
    }
    if uri::has_userinfo(uri) {
        return refuse("a redirect URI must not have userinfo in front of its host");
    }
    match scheme {
        "https" if uri::https_host(uri).is_none() => {
            refuse("an https redirect URI needs a host, written as browsers write it")
        }
        "http" if uri::loopback(uri).is_none() => {
            refuse("an http redirect URI must be on 127.0.0.1, [::1] or localhost, with a port from 1 to 65535 if any")
        }
        "https" | "http" => Ok(()),
        _ if Url::parse(uri).is_err() => refuse("a redirect URI must be a URL that browsers can read"),
        _ if is_reversed_domain(scheme) || known_schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            Ok(())
        }
        _ => Err(Unregistrable::UnknownScheme),
    }
}

/// RFC 8252 §7.1, RFC 1123 §2.1: at least two labels, none of them empty.
fn is_reversed_domain(scheme: &str) -> bool {
    scheme.contains('.') && scheme.split('.').all(|label| !label.is_empty())
}

/// Compares code points (RFC 3986 §6.2.1), except that the port on loopback may differ (RFC 8252 §7.3; also for
/// `localhost`, which most MCP clients register). Different loopback hosts do not match.
#[must_use]
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested || uri::loopback(registered).is_some_and(|uri| Some(uri) == uri::loopback(requested))
}

/// The kind of a registered redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// A host on the web, in lower case and without its port.
    Https { host: String },
    /// Any program that listens on the user's machine (RFC 8252 §7.3).
    Loopback { host: String },
    /// Any program that the system opens for the scheme (RFC 8252 §7.1).
    PrivateUse { scheme: String },
}

/// The URI must have passed `check_registrable`.
#[must_use]
pub fn kind(uri: &str) -> RedirectKind {
    if let Some(loopback) = uri::loopback(uri) {
        RedirectKind::Loopback { host: loopback.host.to_owned() }
    } else if let Some(host) = uri::https_host(uri) {
        RedirectKind::Https { host }
    } else {
        RedirectKind::PrivateUse { scheme: uri::scheme(uri).unwrap_or_default() }
    }
}

/// The label for a page: the host, with its port unless it is the default one, or the scheme.
#[must_use]
pub fn label(uri: &str) -> String {
    match (kind(uri), uri::authority(uri)) {
        (RedirectKind::PrivateUse { scheme }, _) => format!("{scheme}:"),
        (RedirectKind::Https { host } | RedirectKind::Loopback { host }, None) => host,
        (RedirectKind::Https { .. }, Some((authority, _))) => {
            authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase()
        }
        (RedirectKind::Loopback { .. }, Some((authority, _))) => authority.to_owned(),
    }
}

/// Equal for two URIs that lead to the same place: on the web another port may be another party's, so it counts; on
/// loopback it does not (RFC 8252 §7.3).
#[must_use]
pub fn place(uri: &str) -> String {
    match kind(uri) {
        RedirectKind::Loopback { .. } => "loopback".to_owned(),
        _ => label(uri),
    }
}

/// Adds response parameters to the URI; its existing query stays (RFC 6749 §4.1.2).
#[must_use]
pub fn append(uri: &str, params: &[(&str, &str)]) -> String {
    let mut location = uri.to_owned();
    let mut separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    for (name, value) in params {
        location.extend([separator, &form_urlencode(name), "=", &form_urlencode(value)]);
        separator = "&";
    }
    location
}
