//! Lists, a page after the other.
use super::Outcome;

/// Which page somebody wants.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    /// Rows at most.
    pub limit: u32,
    /// What the page before said to go on from; `None` for the first one.
    pub after: Option<String>,
}

/// Some rows of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// What to go on from for more; `None` if that is all.
    pub next: Option<String>,
}

impl Paging {
    /// How many rows to ask for: one more tells whether there is a next page.
    pub(super) fn limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// What to go on from, once it is read.
    pub(super) fn read_after<T>(&self, read: impl FnOnce(&str) -> Outcome<T>) -> Outcome<Option<T>> {
        self.after.as_deref().map(read).transpose()
    }

    /// `place` tells what to go on from after a row.
    pub(super) fn page<T>(&self, mut rows: Vec<T>, place: impl FnOnce(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(place);
        Page { rows, next }
    }
}
