//! Members of a registration request by type; `null`, an empty string and an empty array are absent.
use crate::error::ProtocolError;
use serde_json::{Map, Value};

pub(super) struct Members(pub Map<String, Value>);

impl Members {
    pub fn get(&self, name: &'static str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn string(&self, name: &'static str) -> Result<Option<&str>, ProtocolError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(refused(name, "must be a string")),
        }
    }

    /// `false` if absent.
    pub fn boolean(&self, name: &'static str) -> Result<bool, ProtocolError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| refused(name, "must be true or false")),
        }
    }

    pub fn strings(&self, name: &'static str) -> Result<Option<Vec<&str>>, ProtocolError> {
        let wrong = || refused(name, "must be an array of strings");
        let Some(value) = self.get(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(wrong)?;
        let strings = items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(strings).filter(|strings| !strings.is_empty()))
    }
}

/// RFC 7591 §3.2.2, naming the member and the rule.
pub(super) fn refused(name: &'static str, rule: &str) -> ProtocolError {
    ProtocolError::invalid_client_metadata(format!("{name} {rule}"))
}
