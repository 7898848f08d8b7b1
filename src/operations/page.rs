//! Lists in pages.
use super::OperationResult;

/// Selects a page.
#[derive(Clone, Debug, Default)]
pub struct Paging {
    /// The most rows of a page.
    pub limit: u32,
    /// The `next` of the previous page; `None` for the first page.
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// The place from which the next page starts; `None` on the last page.
    pub next: Option<String>,
}

impl Paging {
    /// One row more than the page has, to find out whether there is a next page.
    pub(super) fn limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Parses `after`.
    pub(super) fn read_after<T>(&self, read: impl FnOnce(&str) -> OperationResult<T>) -> OperationResult<Option<T>> {
        self.after.as_deref().map(read).transpose()
    }

    /// Cuts the extra row off; `place` makes the `next` from the last row.
    pub(super) fn page<T>(&self, mut rows: Vec<T>, place: impl FnOnce(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(place);
        Page { rows, next }
    }
}
