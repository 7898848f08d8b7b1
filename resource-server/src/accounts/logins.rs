//! Who logged in on a connection: a legacy session, a stream, or a process. Never more than that connection's.
use super::Proof;
use keyward_limits::{shares::Table, source::Source};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Connections remembered, and those of one source; of too many, those used longest ago are forgotten, of whoever has
/// most.
const MOST: usize = 10_000;
const SHARE: usize = 1_000;

pub(crate) struct Logins(Mutex<Table<String, Proof>>);

impl Default for Logins {
    fn default() -> Self {
        Self(Mutex::new(Table::new(MOST, SHARE)))
    }
}

impl Logins {
    pub fn bind(&self, connection: &str, source: Source, proof: Proof) {
        self.lock().insert(source, connection.to_owned(), proof, 1);
    }

    pub fn of(&self, connection: &str) -> Option<Proof> {
        self.lock().get(&connection.to_owned()).cloned()
    }

    pub fn unbind(&self, connection: &str) {
        self.lock().remove(&connection.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Table<String, Proof>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_its_own_login_until_it_ends_or_too_many_came_after_from_there() {
        let (logins, here, there) = (Logins::default(), Source::Party(1), Source::Party(2));
        let proof = |number: usize| Proof::Session(number.to_string());
        logins.bind("c", here, proof(0));
        logins.bind("c", here, proof(1));
        assert_eq!(logins.of("c"), Some(proof(1)));
        assert_eq!(logins.of("d"), None);
        logins.unbind("c");
        assert_eq!(logins.of("c"), None);
        logins.bind("other", there, proof(0));
        for number in 0..=SHARE {
            logins.bind(&number.to_string(), here, proof(number));
        }
        assert_eq!((logins.of("0"), logins.of("1"), logins.of("other")), (None, Some(proof(1)), Some(proof(0))));
    }
}
