//! What is wrong with the settings: collected while they are read and checked.

/// No more of a value is shown.
const LONGEST: usize = 80;
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
    /// Other settings that it is about: if one of them was wrong by itself, this may be right.
    pub(super) about: Vec<Vec<String>>,
    /// Its setting, and where that was before anything was left out.
    pub(super) found: Option<Box<Place>>,
}

/// A setting, or none, and where it is.
pub(super) type Place = (Vec<String>, Option<Origin>);

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

    /// A fault of something that cannot be read, or has no place among the settings.
    pub(super) fn of_text(at: Origin, text: &str) -> Self {
        Self { found: Some(Box::new((vec![], Some(at)))), ..Self::new(Kind::Said(text.replace('\n', ", "))) }
    }

    /// Whether the file, or our own defaults, is no TOML.
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

    fn touches(&self, path: &[String]) -> bool {
        let overlaps = |own: &Vec<String>| own.starts_with(path) || path.starts_with(own);
        [&self.path].into_iter().chain(&self.about).any(overlaps)
    }
}

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
    pub(super) all: Vec<Fault>,
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
}
