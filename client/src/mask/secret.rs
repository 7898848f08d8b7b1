//! Which names say that a value is a credential, and what is shown in place of that value.
use crate::encode::{hex, sha256};

/// A digest in place of a credential: `sha256:<12 hex> (len=N)`.
pub fn mask(value: &str) -> String {
    format!("sha256:{} (len={})", &hex(&sha256(value))[..12], value.chars().count())
}

/// Whether a member, parameter or header of this name holds a credential.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let whole = ["code", "token", "headers", "sealed", "dpop_key", "jwt", "passphrase", "passwd", "credential"];
    let ends = [
        "_token",
        "secret",
        "password",
        "code_verifier",
        "assertion",
        "_code",
        "private_key",
        "_jwt",
        "api_key",
        "apikey",
        "authorization",
        "cookie",
    ];
    whole.contains(&&*name) || ends.iter().any(|end| name.ends_with(end))
}
