//! Who logged in on a connection: a legacy session, a stream, or a process. Never more than that connection's.
use super::Proof;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Connections remembered; of too many, those that logged in first are forgotten.
const MOST: usize = 10_000;

#[derive(Default)]
pub(crate) struct Logins(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    proofs: HashMap<String, Proof>,
    order: VecDeque<String>,
}

impl Logins {
    pub fn bind(&self, connection: &str, proof: Proof) {
        let mut all = self.lock();
        if all.proofs.insert(connection.to_owned(), proof).is_none() {
            all.order.push_back(connection.to_owned());
        }
        if all.order.len() > MOST
            && let Some(first) = all.order.pop_front()
        {
            all.proofs.remove(&first);
        }
    }

    pub fn of(&self, connection: &str) -> Option<Proof> {
        self.lock().proofs.get(connection).cloned()
    }

    pub fn unbind(&self, connection: &str) {
        let mut all = self.lock();
        if all.proofs.remove(connection).is_some() {
            all.order.retain(|one| one != connection);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_its_own_login_until_it_ends_or_too_many_came_after() {
        let logins = Logins::default();
        let proof = |number: usize| Proof::Session(number.to_string());
        logins.bind("c", proof(0));
        logins.bind("c", proof(1));
        assert_eq!(logins.of("c"), Some(proof(1)));
        assert_eq!(logins.of("d"), None);
        logins.unbind("c");
        assert_eq!(logins.of("c"), None);
        for number in 0..=MOST {
            logins.bind(&number.to_string(), proof(number));
        }
        assert_eq!((logins.of("0"), logins.of("1")), (None, Some(proof(1))));
    }
}
