//! Rules about people: the kind of surface that has them, and their usernames.

/// The rule for usernames in settings and at a login.
pub(crate) fn is_username(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (3..=50).contains(&text.len()) && text.bytes().all(plain)
}

/// The kind of surface whose callers are people with accounts.
pub(crate) const KIND: &str = "session";
