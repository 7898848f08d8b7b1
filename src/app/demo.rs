//! Data that only the demo publishes.
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Demo {
    /// User names and passwords of the demo's people.
    pub people: &'static [(&'static str, &'static str)],
    /// Metadata documents that the demo serves, by file name.
    pub documents: BTreeMap<&'static str, Value>,
}
