//! The errors in the settings: collected while the settings are read and checked.

/// Characters of a value that an error shows.
const MAX_SHOWN_CHARACTERS: usize = 80;
/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    BuiltIn,
    /// In this line of the file.
    File(usize),
    /// A variable of this name.
    Variable(String),
}

#[derive(Debug)]
pub struct Fault {
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// Other settings that the error depends on: if one of them is wrong itself, this error may disappear.
    pub(super) about: Vec<Vec<String>>,
    /// The faulty setting, and its origin before anything was left out.
    pub(super) found: Option<Box<Place>>,
}

/// The path of a setting (empty if none) and its origin.
pub(super) type Place = (Vec<String>, Option<Origin>);

#[derive(Debug)]
pub(super) enum Kind {
    /// The setting is unknown; the names that are known in its table.
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

    /// An error of a text that is not TOML, or of a variable that fits no setting.
    pub(super) fn of_text(at: Origin, text: &str) -> Self {
        Self { found: Some(Box::new((vec![], Some(at)))), ..Self::new(Kind::Said(text.replace('\n', ", "))) }
    }

    /// Whether the file, or the built-in defaults, are not TOML.
    fn is_of_text(&self) -> bool {
        let place = self.found.as_ref().and_then(|found| found.1.as_ref());
        self.path.is_empty() && matches!(place, Some(Origin::File(_) | Origin::BuiltIn))
    }

    #[must_use]
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }

    /// The path to leave out so that the rest can be read: the setting itself, or the table that lacks it.
    pub(super) fn culprit(&self) -> &[String] {
        match self.kind {
            Kind::Missing => &self.path[..self.path.len().saturating_sub(1)],
            _ => &self.path,
        }
    }

    fn touches(&self, path: &[String]) -> bool {
        let overlaps = |own: &Vec<String>| own.starts_with(path) || path.starts_with(own);
        [&self.path].into_iter().chain(&self.about).any(overlaps)
    }
}

/// Quotes a text on one line, and cuts it.
#[must_use]
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// All errors found so far.
#[derive(Debug, Default)]
pub struct Faults {
    below: Vec<String>,
    pub(super) all: Vec<Fault>,
    /// Settings that were wrong when read, and have their default now: errors that depend on them are not reported.
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

    /// Adds the error `text` about the setting at `path`.
    pub fn add(&mut self, path: &[&str], text: impl Into<String>) {
        self.add_about(path, &[], text);
    }

    /// As [`Self::add`], unless `holds`.
    pub fn ensure(&mut self, holds: bool, path: &[&str], text: impl Into<String>) {
        if !holds {
            self.add(path, text);
        }
    }

    /// As [`Self::add`], for an error that depends on other settings too, given by their full paths.
    pub fn add_about(&mut self, path: &[&str], about: &[&[&str]], text: impl Into<String>) {
        let owned = |path: &[&str]| path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        let path = [self.below.clone(), owned(path)].concat();
        let about = about.iter().map(|path| owned(path)).collect();
        self.push(Fault { path, about, ..Fault::new(Kind::Said(text.into())) });
    }

    /// Runs `check`, whose errors are about settings below `path`.
    pub fn below(&mut self, path: &[&str], check: impl FnOnce(&mut Self)) {
        let before = self.below.len();
        self.below.extend(path.iter().map(|step| (*step).to_owned()));
        check(self);
        self.below.truncate(before);
    }

    /// Whether a setting at or below `path` has an error.
    #[must_use]
    pub fn concern(&self, path: &[&str]) -> bool {
        let path: Vec<_> = path.iter().map(|step| (*step).to_owned()).collect();
        self.all.iter().any(|fault| fault.touches(&path)) || self.spoilt.iter().any(|spoilt| spoilt.starts_with(&path))
    }

    /// Whether the file is not TOML.
    pub(super) fn unreadable(&self) -> bool {
        self.all.iter().any(Fault::is_of_text)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
