//! Resource identifiers (RFC 8707 §2): which are well-formed, and which of them are equal.
use super::uri;

/// RFC 8707 §2: an absolute URI without fragment.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    uri::is_uri_text(text) && !text.contains('#') && uri::scheme(text).is_some() && url::Url::parse(text).is_ok()
}

/// The form for comparison: case of scheme and host makes no difference, nor does one slash behind a bare origin (RFC
/// 3986 §6.2.2.1 and §6.2.3; URL libraries add that slash).
#[must_use]
pub fn normalized(identifier: &str) -> Option<String> {
    let (authority, rest) = uri::authority(identifier)?;
    let rest = if rest == "/" { "" } else { rest };
    Some(format!("{}://{}{rest}", uri::scheme(identifier)?, authority.to_ascii_lowercase()))
}
