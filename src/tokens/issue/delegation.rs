//! Somebody acts for the subject, as the issued token will say (RFC 8693 §4.1).
use crate::oauth::token_exchange::Actor;
use serde_json::{Map, Value};

pub struct Delegation {
    pub actor: Actor,
    /// Who else may act for the subject: a limit that is never lost on the way (RFC 8693 §4.4).
    pub may_act: Option<Map<String, Value>>,
}
