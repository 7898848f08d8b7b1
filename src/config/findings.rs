//! Turns errors in the settings into messages: the place, the error, and the allowed values.
use super::{
    faults::{Fault, Faults, Kind, Origin, Place},
    names,
    read::TABLE,
    schema::{self, Shape},
    source::Source,
};
use serde::Serialize;
use std::fmt;

/// Settings whose values, and all values below them, are never shown.
const HIDDEN: [&str; 7] =
    ["admin_token", "initial_access_token", "jwks", "master_key", "previous_secret", "secret", "url"];

impl Fault {
    /// Records the origin; called before anything is left out.
    pub(super) fn found(mut self, source: &Source) -> Self {
        self.found = Some(Box::new(self.place(source)));
        self
    }

    fn place(&self, source: &Source) -> Place {
        if let Some(found) = &self.found {
            return Place::clone(found);
        }
        if matches!(self.kind, Kind::Missing) && self.path.len() == 1 {
            return (vec![], None);
        }
        let there = |path: &&Vec<String>| source.find(path).is_some();
        let path = [&self.path].into_iter().chain(&self.about).find(there);
        let (mut shown, mut held) = (path.unwrap_or(&self.path).clone(), path.unwrap_or(&self.path).clone());
        while source.find(&held).is_none() {
            held.pop();
        }
        if matches!(self.kind, Kind::Missing) && held.len() < shown.len() && !held.is_empty() {
            shown.clone_from(&held);
        }
        (shown, source.find(&held).map(|node| node.origin.clone()))
    }

    fn told(&self, source: &Source) -> Finding {
        let (path, origin) = self.place(source);
        let setting = names::in_words(&path, source);
        let file = source.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let place = match &origin {
            None | Some(Origin::BuiltIn) => setting.clone(),
            Some(Origin::File(line)) if setting.is_empty() => format!("{file}, line {line}"),
            Some(Origin::File(line)) => format!("{setting} in {file}, line {line}"),
            Some(Origin::Variable(name)) if setting.is_empty() || matches!(self.kind, Kind::Unknown(_)) => name.clone(),
            Some(Origin::Variable(name)) => format!("{setting} from {name}"),
        };
        let (mut line, mut variable) = (None, None);
        match origin {
            Some(Origin::File(number)) => line = Some(number),
            Some(Origin::Variable(name)) => variable = Some(name),
            None | Some(Origin::BuiltIn) => {}
        }
        let text = self.text(variable.is_some());
        Finding {
            message: if place.is_empty() { text } else { format!("{place}: {text}") },
            setting: Some(setting).filter(|setting| !setting.is_empty()),
            file: line.is_some().then_some(file),
            line,
            variable,
        }
    }

    fn text(&self, of_variable: bool) -> String {
        let hidden = self.path.iter().any(|step| HIDDEN.contains(&step.as_str()));
        match &self.kind {
            Kind::Unknown(known) => {
                format!("there is no such setting; {}", names::cure(&self.path, known, of_variable))
            }
            Kind::Missing if self.path.len() == 1 => {
                "issuer is not set: the URL of this server as clients see it, in the file or as KEYWARD__ISSUER".into()
            }
            Kind::Missing => {
                let name = self.path.last().map_or("", String::as_str);
                format!("{name} is not set; every such table needs it")
            }
            Kind::NotA { what, .. } if hidden => format!("this is not {what}"),
            Kind::NotA { value, what } if what == TABLE && self.lacks_a_name() => {
                let table = self.path[..self.path.len() - 1].join(".");
                format!("{value} is not {what}; each of {table} is one with a name: [{table}.NAME]")
            }
            Kind::NotA { value, what } => format!("{value} is not {what}"),
            Kind::NotOneOf { name, value, variants } => {
                let listed = self.path.last().is_some_and(|step| step.parse::<usize>().is_ok());
                let value =
                    if listed { format!("{} {}", name.to_lowercase(), value.replace('"', "")) } else { value.clone() };
                format!("{value} is not one of {}", variants.join(", "))
            }
            Kind::Said(text) => text.clone(),
        }
    }

    /// Whether a value stands where a table with names of the operator's choice belongs.
    fn lacks_a_name(&self) -> bool {
        let table: Vec<_> = self.path.iter().rev().skip(1).rev().map(String::as_str).collect();
        schema::at(&table) == Some(Shape::Named)
    }
}

/// `serde::de::Error` requires it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.text(false))
    }
}

impl std::error::Error for Fault {}

impl Faults {
    #[cfg(test)]
    pub(super) fn texts(&self) -> Vec<String> {
        self.all.iter().map(|fault| format!("{}: {}", fault.path.join("."), fault.text(false))).collect()
    }

    /// The findings, in the order in which an operator would fix them.
    pub(super) fn into_error(self, source: &Source) -> SettingsError {
        let mut all: Vec<_> = self.all.iter().map(|fault| (fault.place(source).1, fault.told(source))).collect();
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        all.dedup_by(|(_, left), (_, right)| left.message == right.message);
        SettingsError(all.into_iter().map(|(_, told)| told).collect())
    }
}

/// All errors in the settings that keep the server from starting.
#[derive(Debug)]
pub struct SettingsError(pub Vec<Finding>);

/// One error, for people and for programs.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The whole sentence.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// The place of the setting: a line of a file, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// ... or a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

impl Finding {
    /// The finding that the settings could not be read at all.
    #[must_use]
    pub fn unread(error: &anyhow::Error) -> Self {
        Self { message: format!("{error:#}"), setting: None, file: None, line: None, variable: None }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, more) = self.0.split_first().map_or(("", 0), |(first, rest)| (first.message.as_str(), rest.len()));
        f.write_str(first)?;
        if more > 0 {
            write!(f, " (and {more} more: `keyward check` lists all)")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
