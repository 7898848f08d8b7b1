//! Operators: who acts on this server, and from where.
use crate::oauth::visible::cut;
use std::net::IpAddr;

/// Characters of a name.
const MAX_NAME_CHARACTERS: usize = 100;

/// An authenticated operator; each face creates one for whomever it let in.
#[derive(Clone, Debug)]
pub struct Operator(String);

impl Operator {
    /// The user who runs a command on this machine: the account name and the machine's name.
    #[must_use]
    pub fn at_command_line() -> Self {
        let or_unknown = |name: Result<String, whoami::Error>| name.unwrap_or_else(|_| "unknown".to_owned());
        let (name, host) = (or_unknown(whoami::username()), or_unknown(whoami::hostname()));
        Self(cut(&format!("cli:{name}@{host}"), MAX_NAME_CHARACTERS))
    }

    /// Whoever was admitted from this address: by the operator's token, or in the demo by being on this machine.
    #[must_use]
    pub fn over_http(address: IpAddr) -> Self {
        Self(format!("http:{address}"))
    }

    /// The name in the audit trail, member `by`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}
