//! Whose a legacy MCP session is: an `Mcp-Session-Id` is no credential, and of use only to its owner. What a client gets
//! as the id of a session of a server behind is sealed for its owner, and holds the id that the server knows it by; so
//! another guard with the same key, or this one after a restart, knows it again.
use crate::{caller::Principal, clock, digest};
use anyhow::Context;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use keyward_limits::{shares::Table, source::Source};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

const IDLE: Duration = Duration::minutes(30);
/// After that, an id is not known again.
const LONGEST: Duration = Duration::hours(24);
/// How far ahead of ours another guard's clock may be.
const AHEAD: Duration = Duration::minutes(2);
/// In all, and of one principal, or of one address where anybody may call. The least recently used is forgotten: one's
/// own, or of whoever has most.
const MOST: usize = 10_000;
const SHARE: usize = 64;
/// Requests of the server that wait for the client at the same time.
const MOST_ASKED: usize = 64;

/// Seals the ids of sessions.
#[derive(Clone)]
pub struct SessionKey(Arc<RandomizedNonceKey>);

pub struct Sessions {
    /// Sessions of one surface are none of another.
    surface: String,
    key: SessionKey,
    /// What is remembered of sessions that were used here. Those that ended are among them, lest they be known again.
    used: Mutex<Table<String, Session>>,
}

/// A session that is not remembered here, or never was.
pub struct UnknownSession;

#[derive(Debug)]
struct Session {
    owner: Principal,
    /// As the server behind knows it.
    inner: String,
    used_at: OffsetDateTime,
    ended: bool,
    /// The ids of what the server asks the client, and was not yet answered.
    asked: VecDeque<Value>,
}

impl SessionKey {
    pub fn new(key: &[u8; 32]) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(RandomizedNonceKey::new(&AES_256_GCM, key)?)))
    }

    /// Of this process only.
    pub fn random() -> anyhow::Result<Self> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).ok().context("there is no randomness to be had")?;
        Self::new(&key)
    }

    fn seal(&self, whose: String, text: &str, now: OffsetDateTime) -> Option<String> {
        let mut sealed = now.unix_timestamp().to_be_bytes().to_vec();
        sealed.extend_from_slice(text.as_bytes());
        let nonce = self.0.seal_in_place_append_tag(Aad::from(whose), &mut sealed).ok()?;
        Some(Base64UrlUnpadded::encode_string(&[nonce.as_ref().as_slice(), &sealed].concat()))
    }

    fn open(&self, whose: String, sealed: &str) -> Option<(OffsetDateTime, String)> {
        let mut bytes = Base64UrlUnpadded::decode_vec(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let (seconds, inner) = self.0.open_in_place(nonce, Aad::from(whose), rest).ok()?.split_first_chunk()?;
        let opened_at = clock::date(i64::from_be_bytes(*seconds)).ok()?;
        Some((opened_at, String::from_utf8(inner.to_vec()).ok()?))
    }
}

impl Sessions {
    pub fn new(surface: &str, key: SessionKey) -> Self {
        Self { surface: surface.to_owned(), key, used: Mutex::new(Table::new(MOST, SHARE)) }
    }

    /// The id that the owner gets for a new session, which the server behind knows by another.
    pub fn open(&self, inner: &str, owner: Principal, source: Source, now: OffsetDateTime) -> Option<String> {
        let id = self.key.seal(self.whose(&owner), inner, now)?;
        self.remember(&id, inner, owner, source, now);
        Some(id)
    }

    /// Remembers whose a session is that lives no longer than this process.
    pub fn bind(&self, id: &str, owner: Principal, source: Source, now: OffsetDateTime) {
        self.remember(id, id, owner, source, now);
    }

    fn remember(&self, id: &str, inner: &str, owner: Principal, source: Source, now: OffsetDateTime) {
        let session = Session { owner, inner: inner.to_owned(), used_at: now, ended: false, asked: VecDeque::new() };
        self.lock().insert(source, id.to_owned(), session, 1);
    }

    /// As what the server behind knows it, if the session is alive and this principal's. Then it was just used.
    pub fn touch(&self, id: &str, principal: &Principal, source: Source, now: OffsetDateTime) -> Option<String> {
        if let Ok(known) = self.touch_known(id, principal, now) {
            return known;
        }
        let (opened_at, inner) = self.key.open(self.whose(principal), id)?;
        if !(-AHEAD..LONGEST).contains(&(now - opened_at)) {
            return None;
        }
        self.remember(id, &inner, principal.clone(), source, now);
        Some(inner)
    }

    /// The same, of a session that is remembered.
    pub fn touch_known(
        &self,
        id: &str,
        principal: &Principal,
        now: OffsetDateTime,
    ) -> Result<Option<String>, UnknownSession> {
        let mut sessions = self.lock();
        let session = sessions.get(&id.to_owned()).ok_or(UnknownSession)?;
        let alive = session.owner == *principal && !session.ended && now - session.used_at < IDLE;
        Ok(alive.then(|| {
            session.used_at = now;
            session.inner.clone()
        }))
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
        if let Some(session) = self.lock().get(&id.to_owned()) {
            session.ended = true;
        }
    }

    /// Each live session's fingerprint, owner and last use.
    pub fn all(&self, now: OffsetDateTime) -> Vec<(String, Principal, OffsetDateTime)> {
        let shown = |(id, session): (&String, &Session)| {
            (digest::fingerprint(&digest::of(id.as_bytes())), session.owner.clone(), session.used_at)
        };
        let sessions = self.lock();
        let alive = sessions.iter().filter(|(_, session)| !session.ended && now - session.used_at < IDLE);
        alive.map(shown).collect()
    }

    fn whose(&self, owner: &Principal) -> String {
        json!([self.surface, owner]).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, Table<String, Session>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source::Party(1);

    fn principal(subject: &str) -> Principal {
        ["issuer".to_owned(), subject.to_owned(), "client".to_owned()]
    }

    #[test]
    fn a_session_is_its_owners_until_it_idles_for_half_an_hour() {
        let sessions = Sessions::new("s", SessionKey::random().unwrap());
        let (alice, bob, start) = (principal("alice"), principal("bob"), OffsetDateTime::UNIX_EPOCH);
        let id = sessions.open("inner", alice.clone(), SOURCE, start).unwrap();
        let touch = |who, minutes| sessions.touch(&id, who, SOURCE, start + Duration::minutes(minutes));
        assert_eq!(touch(&alice, 29).as_deref(), Some("inner"));
        assert_eq!(touch(&bob, 29), None);
        assert_eq!(touch(&alice, 58).as_deref(), Some("inner"));
        assert_eq!(touch(&alice, 88), None);
    }

    #[test]
    fn each_question_is_answered_once_and_the_oldest_are_forgotten() {
        let sessions = Sessions::new("s", SessionKey::random().unwrap());
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
    fn another_guard_with_the_same_key_knows_a_session_again_and_its_owner_only() {
        let (key, start) = (SessionKey::random().unwrap(), OffsetDateTime::UNIX_EPOCH + Duration::days(1));
        let (alice, bob) = (principal("alice"), principal("bob"));
        let id = Sessions::new("s", key.clone()).open("inner", alice.clone(), SOURCE, start).unwrap();
        let other = |surface: &str| Sessions::new(surface, key.clone());
        assert_eq!(other("s").touch(&id, &alice, SOURCE, start + Duration::hours(23)).as_deref(), Some("inner"));
        assert_eq!(other("s").touch(&id, &alice, SOURCE, start - Duration::minutes(1)).as_deref(), Some("inner"));
        assert_eq!(other("s").touch(&id, &alice, SOURCE, start + Duration::hours(24)), None);
        assert_eq!(other("s").touch(&id, &alice, SOURCE, start - Duration::minutes(3)), None);
        assert_eq!(other("s").touch(&id, &bob, SOURCE, start), None);
        assert_eq!(other("t").touch(&id, &alice, SOURCE, start), None);
        assert_eq!(Sessions::new("s", SessionKey::random().unwrap()).touch(&id, &alice, SOURCE, start), None);
        for at in 0..id.len() {
            let mut forged = id.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(other("s").touch(std::str::from_utf8(&forged).unwrap(), &alice, SOURCE, start), None, "{at}");
        }
        for none in ["", "inner", "AAAA", &id[1..], &format!("{id}AA")] {
            assert_eq!(other("s").touch(none, &alice, SOURCE, start), None, "{none}");
        }
        let third = other("s");
        assert!(third.touch(&id, &alice, SOURCE, start).is_some());
        third.end(&id);
        assert_eq!(third.touch(&id, &alice, SOURCE, start), None);
    }
}
