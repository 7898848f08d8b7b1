//! Which principal a legacy MCP session belongs to: an `Mcp-Session-Id` is no credential, and of use only to its owner.
use crate::{caller::Principal, digest};
use keyward_limits::{shares::Table, source::Source};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

const IDLE: Duration = Duration::minutes(30);
/// In all, and of one principal, or of one address where anybody may call. The least recently used makes room: one's
/// own, or of whoever has most.
const MOST: usize = 10_000;
const SHARE: usize = 64;
/// Requests of the server that wait for the client at the same time.
const MOST_ASKED: usize = 64;

#[derive(Debug)]
pub(crate) struct Sessions(Mutex<Table<String, Session>>);

#[derive(Debug)]
struct Session {
    owner: Principal,
    used_at: OffsetDateTime,
    /// The ids of what the server asks the client, and was not yet answered.
    asked: VecDeque<Value>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self(Mutex::new(Table::new(MOST, SHARE)))
    }
}

impl Sessions {
    /// Remembers whose a new session is.
    pub fn bind(&self, id: &str, owner: Principal, source: Source, now: OffsetDateTime) {
        let session = Session { owner, used_at: now, asked: VecDeque::new() };
        self.lock().insert(source, id.to_owned(), session, 1);
    }

    /// Is the session alive and this principal's? Then it was just used.
    pub fn touch(&self, id: &str, principal: &Principal, now: OffsetDateTime) -> bool {
        let (mut sessions, id) = (self.lock(), id.to_owned());
        let is_good = |session: &Session| session.owner == *principal && now - session.used_at < IDLE;
        if !sessions.peek(&id).is_some_and(is_good) {
            return false;
        }
        sessions.get(&id).map(|session| session.used_at = now).is_some()
    }

    /// The server asks the client.
    pub fn ask(&self, id: &str, request: Value) {
        if let Some(session) = self.lock().get(&id.to_owned()).filter(|session| !session.asked.contains(&request)) {
            session.asked.truncate(MOST_ASKED - 1);
            session.asked.push_front(request);
        }
    }

    /// Does the server wait for this answer? Then it waits no longer.
    pub fn answer(&self, id: &str, request: &Value) -> bool {
        let mut sessions = self.lock();
        let found = sessions.get(&id.to_owned()).and_then(|session| {
            let at = session.asked.iter().position(|asked| asked == request)?;
            session.asked.remove(at)
        });
        found.is_some()
    }

    pub fn end(&self, id: &str) {
        self.lock().remove(&id.to_owned());
    }

    /// Each session's fingerprint, owner and last use.
    pub fn all(&self) -> Vec<(String, Principal, OffsetDateTime)> {
        let shown = |(id, session): (&String, &Session)| {
            (digest::fingerprint(&digest::of(id.as_bytes())), session.owner.clone(), session.used_at)
        };
        self.lock().iter().map(shown).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SOURCE: Source = Source::Party(1);

    fn principal(subject: &str) -> Principal {
        ["issuer".to_owned(), subject.to_owned(), "client".to_owned()]
    }

    #[test]
    fn a_session_is_its_owners_until_it_idles_for_half_an_hour() {
        let sessions = Sessions::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        sessions.bind("s", principal("alice"), SOURCE, start);
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
        sessions.bind("s", principal("alice"), SOURCE, OffsetDateTime::UNIX_EPOCH);
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
    fn a_source_that_opens_too_many_loses_only_sessions_of_its_own() {
        let sessions = Sessions::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        sessions.bind("bobs", principal("anonymous"), Source::Party(2), start);
        for number in 0..=SHARE {
            sessions.bind(&number.to_string(), principal("anonymous"), SOURCE, start);
        }
        let now = start + Duration::minutes(5);
        let lives = |id: &str| sessions.touch(id, &principal("anonymous"), now);
        assert!(lives("bobs") && !lives("0") && lives("1"));
    }
}
