//! Logins by connection (a legacy session, a stream, or a process); a login counts for its connection only.
use super::identity::Proof;
use keyward_limits::{shares::Table, source::Source};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Connections in memory, and those of one source; beyond, the least recently used connection of the source with the
/// most is dropped.
const MOST: usize = 10_000;
const SHARE: usize = 1_000;

pub(crate) struct Logins(Mutex<Table<String, Bound>>);

/// How the user authenticated, and whether they typed a password on this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub proof: Proof,
    pub by_password: bool,
}

impl Default for Logins {
    fn default() -> Self {
        Self(Mutex::new(Table::new(MOST, SHARE)))
    }
}

impl Logins {
    pub fn bind(&self, connection: &str, source: Source, bound: Bound) {
        self.lock().insert(source, connection.to_owned(), bound, 1);
    }

    pub fn of(&self, connection: &str) -> Option<Bound> {
        self.lock().get(&connection.to_owned()).cloned()
    }

    pub fn unbind(&self, connection: &str) {
        self.lock().remove(&connection.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Table<String, Bound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_its_own_login_until_it_ends_or_too_many_came_after_from_there() {
        let (logins, here, there) = (Logins::default(), Source::Party(1), Source::Party(2));
        let bound = |number: usize| Bound { proof: Proof::Session(number.to_string()), by_password: true };
        logins.bind("c", here, bound(0));
        logins.bind("c", here, bound(1));
        assert_eq!(logins.of("c"), Some(bound(1)));
        assert_eq!(logins.of("d"), None);
        logins.unbind("c");
        assert_eq!(logins.of("c"), None);
        logins.bind("other", there, bound(0));
        for number in 0..=SHARE {
            logins.bind(&number.to_string(), here, bound(number));
        }
        assert_eq!((logins.of("0"), logins.of("1"), logins.of("other")), (None, Some(bound(1)), Some(bound(0))));
    }
}
