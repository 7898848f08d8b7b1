//! Which principal a legacy MCP session belongs to: an `Mcp-Session-Id` is no credential, and of use only to its owner.
use crate::{caller::Principal, digest};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

const IDLE: Duration = Duration::minutes(30);
const MOST: usize = 10_000;
const MOST_OF_ONE_PRINCIPAL: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    owner: Principal,
    used_at: OffsetDateTime,
}

impl Sessions {
    /// Remembers whose a new session is. The least recently used makes room, the principal's own first.
    pub fn bind(&self, id: &str, owner: Principal, now: OffsetDateTime) {
        let mut sessions = self.lock();
        sessions.retain(|_, session| now - session.used_at < IDLE);
        let own = sessions.values().filter(|session| session.owner == owner).count();
        if own >= MOST_OF_ONE_PRINCIPAL || sessions.len() >= MOST {
            let spare = |session: &Session| own < MOST_OF_ONE_PRINCIPAL || session.owner == owner;
            let oldest = sessions.iter().filter(|(_, session)| spare(session)).min_by_key(|(_, s)| s.used_at);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(id.to_owned(), Session { owner, used_at: now });
    }

    /// Is the session alive and this principal's? Then it was just used.
    pub fn touch(&self, id: &str, principal: &Principal, now: OffsetDateTime) -> bool {
        let mut sessions = self.lock();
        let found = sessions.get_mut(id).filter(|s| s.owner == *principal && now - s.used_at < IDLE);
        found.map(|session| session.used_at = now).is_some()
    }

    pub fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Each session's fingerprint, owner and last use.
    pub fn all(&self) -> Vec<(String, Principal, OffsetDateTime)> {
        let shown = |(id, session): (&String, &Session)| {
            (digest::fingerprint(&digest::of(id.as_bytes())), session.owner.clone(), session.used_at)
        };
        self.lock().iter().map(shown).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(subject: &str) -> Principal {
        ["issuer".to_owned(), subject.to_owned(), "client".to_owned()]
    }

    #[test]
    fn a_session_is_its_owners_until_it_idles_for_half_an_hour() {
        let sessions = Sessions::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        sessions.bind("s", principal("alice"), start);
        assert!(sessions.touch("s", &principal("alice"), start + Duration::minutes(29)));
        assert!(!sessions.touch("s", &principal("bob"), start + Duration::minutes(29)));
        assert!(sessions.touch("s", &principal("alice"), start + Duration::minutes(58)));
        assert!(!sessions.touch("s", &principal("alice"), start + Duration::minutes(88)));
    }

    #[test]
    fn a_principal_who_opens_too_many_loses_only_sessions_of_their_own() {
        let sessions = Sessions::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        sessions.bind("bobs", principal("bob"), start);
        for number in 0..=MOST_OF_ONE_PRINCIPAL {
            let at = start + Duration::seconds(i64::try_from(number).unwrap() + 1);
            sessions.bind(&number.to_string(), principal("alice"), at);
        }
        let now = start + Duration::minutes(5);
        assert!(sessions.touch("bobs", &principal("bob"), now));
        assert!(!sessions.touch("0", &principal("alice"), now));
        assert!(sessions.touch("1", &principal("alice"), now));
    }
}
