//! What only the demo shows.
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Demo {
    /// User names and passwords that it publishes.
    pub people: &'static [(&'static str, &'static str)],
    /// Metadata documents that it serves, by file name.
    pub documents: BTreeMap<&'static str, Value>,
}
