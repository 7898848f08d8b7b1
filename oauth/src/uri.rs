//! URIs (RFC 3986), parsed from the raw text, so that no other parser sees a different host.
use url::Url;

/// At least one character, only characters of RFC 3986 §2, and complete `%` escapes.
pub(super) fn is_uri_text(text: &str) -> bool {
    let foreign = |byte: u8| !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&byte);
    let escaped = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    !text.is_empty() && !text.bytes().any(foreign) && text.split('%').skip(1).all(escaped)
}

/// The scheme in lower case (RFC 3986 §3.1), if the text begins with one.
pub(super) fn scheme(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    let named = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (named && scheme.starts_with(|first: char| first.is_ascii_alphabetic())).then(|| scheme.to_ascii_lowercase())
}

/// Splits behind the `//` of `scheme://authority/path?query` into the authority and everything after it.
pub(super) fn authority(uri: &str) -> Option<(&str, &str)> {
    let (_, rest) = uri.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    Some(rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())))
}

pub(super) fn has_userinfo(uri: &str) -> bool {
    authority(uri).is_some_and(|(authority, _)| authority.contains('@'))
}

/// The host of an `https` URI, in lower case; `None` if browsers would go to another host than the written one (they
/// take `0x7f.1` for an address and decode `%65`).
pub(super) fn https_host(uri: &str) -> Option<String> {
    let (authority, _) = authority(uri).filter(|_| scheme(uri).as_deref() == Some("https"))?;
    let end = authority.find(']').map(|bracket| bracket + 1).or_else(|| authority.find(':'));
    let host = authority.get(..end.unwrap_or(authority.len()))?.to_ascii_lowercase();
    (Url::parse(uri).ok()?.host_str() == Some(&host)).then_some(host)
}

/// Whether a host is a name, not an address. A trailing dot is refused, because only some programs ignore it.
pub(super) fn is_name(host: &str) -> bool {
    let last_label = host.rsplit('.').next().unwrap_or("");
    !host.starts_with('[') && !last_label.bytes().all(|byte| byte.is_ascii_digit())
}

/// An `http` URI on the local machine (RFC 8252 §7.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loopback<'a> {
    pub host: &'a str,
    /// Path and query.
    pub rest: &'a str,
}

/// Strict grammar over the raw text: `http://`, one of three hosts, optionally `:` and a port, then `/`, `?` or the
/// end.
pub(super) fn loopback(uri: &str) -> Option<Loopback<'_>> {
    let text = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| text.starts_with(host))?;
    let (host, after) = text.split_at(host.len());
    let rest = match after.strip_prefix(':') {
        None => after,
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (port, rest) = after.split_at(digits);
            (digits <= 5 && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(rest)?
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(Loopback { host, rest })
}
