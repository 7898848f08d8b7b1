//! What is wrong with the settings, each told in one sentence: where it was written, what it is and what it may be.
use super::{
    names,
    read::TABLE,
    schema::{self, Shape},
    source::{Origin, Source},
};
use serde::Serialize;
use std::fmt;

/// No more of a value is shown.
const LONGEST: usize = 80;
/// Settings whose value is never shown, nor what is below them.
const HIDDEN: [&str; 7] =
    ["admin_token", "initial_access_token", "jwks", "master_key", "previous_secret", "secret", "url"];

#[derive(Debug)]
pub struct Fault {
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// Other settings that it is about: if one of them was wrong by itself, this may be right.
    about: Vec<Vec<String>>,
    /// Its setting, and where that was before anything was left out.
    found: Option<Box<Place>>,
}

/// A setting, or none, and where it is.
type Place = (Vec<String>, Option<Origin>);

#[derive(Debug)]
pub(super) enum Kind {
    /// These names would be known there.
    Unknown(&'static [&'static str]),
    Missing,
    NotA {
        value: String,
        what: String,
    },
    NotOneOf {
        name: &'static str,
        value: String,
        variants: &'static [&'static str],
    },
    Said(String),
}

impl Fault {
    pub(super) fn new(kind: Kind) -> Self {
        Self { path: vec![], kind, about: vec![], found: None }
    }

    /// Of what cannot be read, or has no place among the settings.
    pub(super) fn of_text(at: Origin, text: &str) -> Self {
        Self { found: Some(Box::new((vec![], Some(at)))), ..Self::new(Kind::Said(text.replace('\n', ", "))) }
    }

    /// Of what is no TOML.
    fn is_of_text(&self) -> bool {
        let place = self.found.as_ref().and_then(|found| found.1.as_ref());
        self.path.is_empty() && matches!(place, Some(Origin::File(_) | Origin::BuiltIn))
    }

    #[must_use]
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }

    /// What has to be left out for the rest to be read: itself, or what it is missing in.
    pub(super) fn culprit(&self) -> &[String] {
        match self.kind {
            Kind::Missing => &self.path[..self.path.len().saturating_sub(1)],
            _ => &self.path,
        }
    }

    /// Before something is left out.
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

    fn told(&self, source: &Source) -> Told {
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
        Told {
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

    /// Whether it stands where the operator's own names should.
    fn lacks_a_name(&self) -> bool {
        let table: Vec<_> = self.path.iter().rev().skip(1).rev().map(String::as_str).collect();
        schema::at(&table) == Some(Shape::Named)
    }

    fn touches(&self, path: &[String]) -> bool {
        let overlaps = |own: &Vec<String>| own.starts_with(path) || path.starts_with(own);
        [&self.path].into_iter().chain(&self.about).any(overlaps)
    }
}

/// For derived readers of settings.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.text(false))
    }
}

impl std::error::Error for Fault {}

/// A text in quotes, on one line, cut.
#[must_use]
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// All that was found so far.
#[derive(Debug, Default)]
pub struct Faults {
    below: Vec<String>,
    all: Vec<Fault>,
    /// What was wrong when it was read, and has its default now: nothing else is wrong because of it.
    spoilt: Vec<Vec<String>>,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        if fault.path.is_empty() || !self.spoilt.iter().any(|path| fault.touches(path)) {
            self.all.push(fault);
        }
    }

    pub(super) fn spoil(&mut self, path: Vec<String>) {
        self.spoilt.push(path);
    }

    /// The setting at `path`, of which is said `text`.
    pub fn add(&mut self, path: &[&str], text: impl Into<String>) {
        self.add_about(path, &[], text);
    }

    /// As [`Self::add`], if something else does not hold.
    pub fn ensure(&mut self, holds: bool, path: &[&str], text: impl Into<String>) {
        if !holds {
            self.add(path, text);
        }
    }

    /// As [`Self::add`], where other settings have to do with it, by their whole paths.
    pub fn add_about(&mut self, path: &[&str], about: &[&[&str]], text: impl Into<String>) {
        let owned = |path: &[&str]| path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        let path = [self.below.clone(), owned(path)].concat();
        let about = about.iter().map(|path| owned(path)).collect();
        self.push(Fault { path, about, ..Fault::new(Kind::Said(text.into())) });
    }

    /// What `check` finds is below `path`.
    pub fn below(&mut self, path: &[&str], check: impl FnOnce(&mut Self)) {
        let before = self.below.len();
        self.below.extend(path.iter().map(|step| (*step).to_owned()));
        check(self);
        self.below.truncate(before);
    }

    /// Whether something there was found wrong.
    #[must_use]
    pub fn concern(&self, path: &[&str]) -> bool {
        let path: Vec<_> = path.iter().map(|step| (*step).to_owned()).collect();
        self.all.iter().any(|fault| fault.touches(&path)) || self.spoilt.iter().any(|spoilt| spoilt.starts_with(&path))
    }

    /// Whether the file is no TOML.
    pub(super) fn unreadable(&self) -> bool {
        self.all.iter().any(Fault::is_of_text)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[cfg(test)]
    pub(super) fn texts(&self) -> Vec<String> {
        self.all.iter().map(|fault| format!("{}: {}", fault.path.join("."), fault.text(false))).collect()
    }

    /// In the order in which somebody mends them.
    pub(super) fn into_error(self, source: &Source) -> SettingsError {
        let mut all: Vec<_> = self.all.iter().map(|fault| (fault.place(source).1, fault.told(source))).collect();
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        all.dedup_by(|(_, left), (_, right)| left.message == right.message);
        SettingsError(all.into_iter().map(|(_, told)| told).collect())
    }
}

/// Why the server does not start with these settings: all that is wrong.
#[derive(Debug)]
pub struct SettingsError(pub Vec<Told>);

/// One thing that is wrong, for people and for programs.
#[derive(Debug, Serialize)]
pub struct Told {
    /// The whole sentence.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Where it is written: a line of a file, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// ... or a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

impl Told {
    /// Of settings that could not be looked at.
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
