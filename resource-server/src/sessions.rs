//! Which principal a legacy MCP session belongs to: an `Mcp-Session-Id` is no credential, and of use only to its owner.
use crate::{caller::Principal, digest};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

const IDLE: Duration = Duration::minutes(30);
const MOST: usize = 10_000;
const MOST_OF_ONE_PRINCIPAL: usize = 64;
/// Requests of the server that wait for the client at the same time.
const MOST_ASKED: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    owner: Principal,
    used_at: OffsetDateTime,
    /// The ids of what the server asks the client, and was not yet answered.
    asked: VecDeque<Value>,
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
        sessions.insert(id.to_owned(), Session { owner, used_at: now, asked: VecDeque::new() });
    }

    /// Is the session alive and this principal's? Then it was just used.
    pub fn touch(&self, id: &str, principal: &Principal, now: OffsetDateTime) -> bool {
        let mut sessions = self.lock();
        let found = sessions.get_mut(id).filter(|s| s.owner == *principal && now - s.used_at < IDLE);
        found.map(|session| session.used_at = now).is_some()
    }

    /// The server asks the client.
    pub fn ask(&self, id: &str, request: Value) {
        if let Some(session) = self.lock().get_mut(id).filter(|session| !session.asked.contains(&request)) {
            session.asked.truncate(MOST_ASKED - 1);
            session.asked.push_front(request);
        }
    }

    /// Does the server wait for this answer? Then it waits no longer.
    pub fn answer(&self, id: &str, request: &Value) -> bool {
        let mut sessions = self.lock();
        let found = sessions.get_mut(id).and_then(|session| {
            let at = session.asked.iter().position(|asked| asked == request)?;
            session.asked.remove(at)
        });
        found.is_some()
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
    use serde_json::json;

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
    fn each_question_is_answered_once_and_the_oldest_are_forgotten() {
        let sessions = Sessions::default();
        sessions.ask("s", 0.into());
        assert!(!sessions.answer("s", &0.into()), "there is no such session");
        sessions.bind("s", principal("alice"), OffsetDateTime::UNIX_EPOCH);
        for id in 0..=MOST_ASKED {
            sessions.ask("s", id.into());
            sessions.ask("s", id.into());
        }
        sessions.ask("s", "1".into());
        for (id, waits) in
            [(json!(0), false), (json!(1), false), (json!(2), true), (json!(2), false), (json!("1"), true)]
        {
            assert_eq!(sessions.answer("s", &id), waits, "{id}");
        }
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
