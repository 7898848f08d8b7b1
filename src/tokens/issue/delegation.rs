//! Delegation in an issued token: another party acts for the subject (RFC 8693 §4.1).
use crate::oauth::token_exchange::Actor;
use serde_json::{Map, Value};

pub struct Delegation {
    pub actor: Actor,
    /// Who else may act for the subject: a limit that every further exchange keeps (RFC 8693 §4.4).
    pub may_act: Option<Map<String, Value>>,
}
