//! Settings for the scopes of a resource.
use super::{Faults, faults::shown, list};
use crate::{
    model::Role,
    resources::{ScopeRule, is_scope_token},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::fmt;

/// A description, or a table that holds one.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ScopeSettings {
    Words(String),
    Table(ScopeTable),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeTable {
    pub description: String,
    /// Only people with one of these roles can grant the scope; by default everybody can.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Narrower scopes that this scope includes.
    #[serde(default, deserialize_with = "list")]
    pub implies: Vec<String>,
    /// Aliases of the scope.
    #[serde(default, deserialize_with = "list")]
    pub aliases: Vec<String>,
}

/// Written by hand, because errors for an untagged enum would name Rust types.
impl<'de> Deserialize<'de> for ScopeSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("ScopeTable", &["description", "roles", "implies", "aliases"], WordsOrTable)
    }
}

struct WordsOrTable;

impl<'de> Visitor<'de> for WordsOrTable {
    type Value = ScopeSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the scope lets a client do, in words, nor a table with its description")
    }

    fn visit_str<E: Error>(self, words: &str) -> Result<ScopeSettings, E> {
        Ok(ScopeSettings::Words(words.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<ScopeSettings, A::Error> {
        ScopeTable::deserialize(MapAccessDeserializer::new(table)).map(ScopeSettings::Table)
    }
}

impl ScopeSettings {
    /// The name and all aliases.
    pub(super) fn names<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let aliases = match self {
            Self::Words(_) => &[][..],
            Self::Table(table) => &table.aliases,
        };
        std::iter::once(name).chain(aliases.iter().map(String::as_str))
    }

    /// `all` are the names of all scopes of the resource. A name has one meaning, and an included scope must be one of
    /// them.
    pub(super) fn check(&self, name: &str, all: &[&str], faults: &mut Faults) {
        for own in self.names(name) {
            let text = format!("{} is not a scope: no spaces, quotes or backslashes (RFC 6749 §3.3)", shown(own));
            faults.ensure(is_scope_token(own), &[], text);
            let twice = all.iter().filter(|other| **other == own).count() > 1;
            let text = format!("the scope {own} is there twice: a name is a scope, or another name of one");
            faults.ensure(!twice, &[], text);
        }
        let (description, below) = match self {
            Self::Words(description) => (description, &[][..]),
            Self::Table(table) => (&table.description, &["description"][..]),
        };
        let text = "it is empty; people read there what the scope lets a client do, such as Read your notes";
        faults.ensure(!description.trim().is_empty(), below, text);
        if let Self::Table(table) = self {
            for (at, stray) in
                table.implies.iter().enumerate().filter(|(_, narrower)| !all.contains(&narrower.as_str()))
            {
                let text =
                    format!("the scope {name} implies {stray}, which is not among the scopes: {}", all.join(", "));
                faults.add(&["implies", &at.to_string()], text);
            }
        }
    }

    /// One rule for the scope and one for each alias: whoever holds one of them holds all.
    pub(super) fn rules(&self, name: &str) -> Vec<ScopeRule> {
        let one = |name: &str, description: &str, roles: &[Role], implies: Vec<String>, listed| ScopeRule {
            name: name.to_owned(),
            description: description.to_owned(),
            roles: roles.to_vec(),
            implies,
            listed,
        };
        match self {
            Self::Words(description) => vec![one(name, description, &[], vec![], true)],
            Self::Table(ScopeTable { description, roles, implies, aliases }) => {
                let itself = one(name, description, roles, [&implies[..], aliases].concat(), true);
                let others = aliases.iter().map(|alias| one(alias, description, roles, vec![name.to_owned()], false));
                std::iter::once(itself).chain(others).collect()
            }
        }
    }
}
