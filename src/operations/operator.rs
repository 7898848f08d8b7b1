//! Who acts on this server, and from where.
use crate::oauth::visible::cut;

/// Characters of a name.
const LONGEST_NAME: usize = 100;

/// Somebody who may do what operators do; each face makes one of whom it let in.
#[derive(Clone, Debug)]
pub struct Operator(String);

impl Operator {
    /// Whoever runs a command on this machine, by the name of their account and the name of the machine.
    #[must_use]
    pub fn at_command_line() -> Self {
        let or_unknown = |name: Result<String, whoami::Error>| name.unwrap_or_else(|_| "unknown".to_owned());
        let (name, host) = (or_unknown(whoami::username()), or_unknown(whoami::hostname()));
        Self(cut(&format!("cli:{name}@{host}"), LONGEST_NAME))
    }

    /// As the audit trail has it, in `by`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}
