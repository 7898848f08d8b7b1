//! Asking the issuer what a token is worth (RFC 7662): once for all who wait, and again when the answer is old.
use crate::{
    claims::Claims,
    digest::{self, Digest},
    jwks::{Issuer, Unavailable},
    source,
};
use anyhow::{Context, anyhow, ensure};
use base64ct::{Base64, Encoding};
use keyward_limits::{
    shares::{Seats, Table},
    source::Source,
};
use keyward_oauth::jws::Jws;
use reqwest::header;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;
use url::{Url, form_urlencoded};

/// The longest that an answer is kept: what a revocation may cost.
pub const KEPT: Duration = Duration::seconds(30);
/// Bytes of answers that are kept, those about one subject, and what an answer takes beside its text.
const MOST: usize = 8 * 1024 * 1024;
const MOST_OF_SUBJECT: usize = 1024 * 1024;
const LEAST: usize = 512;
/// Bytes of a token that is worth a question.
const LONGEST: usize = 8 * 1024;
/// From the question to the answer, metadata included.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// Questions under way at once, of which one source has its share; and how many wait for others to be answered.
const UNDER_WAY: usize = 32;
const OF_ONE_SOURCE: usize = 8;
const WAITING: usize = 256;
/// An older endpoint is looked up anew.
const FRESH: Duration = Duration::minutes(10);

const SIGNED: &str = "application/token-introspection+jwt";
const SIGNED_TYPE: &str = "token-introspection+jwt";
const AWAY: Unavailable = Unavailable("the authorization server cannot be asked about the access token");

/// Whether a guard asks, and how.
#[derive(Clone)]
pub struct Settings {
    /// Identifier and secret of the resource server; without, it does not ask.
    pub credentials: Option<(String, String)>,
    /// How long an answer is kept; [`KEPT`] at most.
    pub keep: Duration,
    /// Only answers that the issuer signed (RFC 9701).
    pub signed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { credentials: None, keep: KEPT, signed: false }
    }
}

/// What the issuer says of a token that is good (RFC 7662 §2.2); `None` of all others.
pub type Answer = Option<Arc<Active>>;

pub struct Active {
    /// Bytes of the answer.
    length: usize,
    pub issuer: String,
    pub claims: Claims,
}

/// All that a JWT must say (RFC 9068 §2.2), in the members of RFC 7662 §2.2.
#[derive(Deserialize)]
struct Members {
    iss: String,
    username: Option<String>,
    #[serde(flatten)]
    claims: Claims,
}

#[derive(Deserialize)]
struct Activity {
    active: bool,
}

/// RFC 9701 §5.
#[derive(Deserialize)]
struct SignedAnswer {
    iss: String,
    aud: String,
    token_introspection: Value,
}

/// Digest of a token.
type Key = Digest;
type Flight = OnceCell<Result<Answer, Unavailable>>;

pub struct Introspector {
    issuer: Arc<Issuer>,
    /// Ours.
    id: String,
    authorization: String,
    keep: Duration,
    signed: bool,
    /// With the time when it was looked up.
    endpoint: tokio::sync::Mutex<Option<(Url, OffsetDateTime)>>,
    answers: Mutex<Answers>,
    flights: Mutex<HashMap<Key, Weak<Flight>>>,
    seats: Seats,
}

impl Introspector {
    pub fn new(issuer: Arc<Issuer>, settings: Settings) -> Option<Self> {
        let (id, secret) = settings.credentials?;
        // RFC 6749 §2.3.1.
        let credentials = Base64::encode_string(format!("{}:{}", encoded(&id), encoded(&secret)).as_bytes());
        Some(Self {
            issuer,
            id,
            authorization: format!("Basic {credentials}"),
            keep: settings.keep,
            signed: settings.signed,
            endpoint: tokio::sync::Mutex::default(),
            answers: Mutex::default(),
            flights: Mutex::default(),
            seats: Seats::new(UNDER_WAY, OF_ONE_SOURCE, WAITING),
        })
    }

    /// A good answer is kept, by digest of the token; a bad one never, and nor is silence.
    pub async fn ask(&self, token: &str, source: Source, now: OffsetDateTime) -> Result<Answer, Unavailable> {
        if token.len() > LONGEST {
            return Ok(None);
        }
        let key = digest::of(token.as_bytes());
        if let Some(kept) = lock(&self.answers).find(&key, now, self.keep) {
            return Ok(Some(kept));
        }
        let flight = self.join(key);
        let landing = async {
            let answer = self.question(token, source, now).await;
            if let Ok(Some(active)) = &answer {
                lock(&self.answers).keep(key, active, now);
            }
            // Whoever comes from here on asks anew.
            lock(&self.flights).remove(&key);
            answer
        };
        flight.get_or_init(|| landing).await.clone()
    }

    /// Those who ask about the same token at the same time share the question.
    fn join(&self, key: Key) -> Arc<Flight> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }

    async fn question(&self, token: &str, source: Source, now: OffsetDateTime) -> Result<Answer, Unavailable> {
        let in_turn = async {
            let _seat = self.seats.take(source).await.map_err(|_| anyhow!("too many questions are under way"))?;
            self.request(token, now).await
        };
        let asked = tokio::time::timeout(PATIENCE, in_turn).await;
        let failed = |error| {
            tracing::warn!(issuer = self.issuer.identifier, error = format!("{error:#}"), "introspection failed");
            AWAY
        };
        asked.context("no answer in time").flatten().map_err(failed)
    }

    async fn request(&self, token: &str, now: OffsetDateTime) -> anyhow::Result<Answer> {
        let endpoint = self.endpoint(now).await?;
        let request =
            self.issuer.client.post(endpoint).body(format!("token={}&token_type_hint=access_token", encoded(token)));
        let request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, if self.signed { SIGNED } else { "application/json" })
            .header(header::AUTHORIZATION, &self.authorization);
        let again = request.try_clone();
        let body = match (self.issuer.whole(request).await, again) {
            // The other side may have closed an idle connection the moment we used it.
            (Err(error), Some(again)) if is_broken(&error) => self.issuer.whole(again).await?,
            (body, _) => body?,
        };
        if self.signed { self.read(&self.verified(&body, now).await?) } else { self.read(&body) }
    }

    /// Of the issuer's metadata (RFC 8414 §2).
    async fn endpoint(&self, now: OffsetDateTime) -> anyhow::Result<Url> {
        let mut known = self.endpoint.lock().await;
        if let Some((endpoint, at)) = &*known
            && now - *at < FRESH
        {
            return Ok(endpoint.clone());
        }
        let endpoint = match (self.issuer.introspection_endpoint().await, known.take()) {
            (Err(error), None) => return Err(error),
            // Silence about the endpoint does not mean that it is gone.
            (Ok(endpoint), _) | (Err(_), Some((endpoint, _))) => endpoint,
        };
        *known = Some((endpoint.clone(), now));
        Ok(endpoint)
    }

    fn read(&self, body: &[u8]) -> anyhow::Result<Answer> {
        let Activity { active } = serde_json::from_slice(body).context("the answer is none of RFC 7662")?;
        if !active {
            return Ok(None);
        }
        let members = serde_json::from_slice(body).context("the answer lacks a member that is needed")?;
        let Members { iss, username, mut claims } = members;
        ensure!(iss == self.issuer.identifier, "the answer names another issuer");
        claims.preferred_username = username.or(claims.preferred_username);
        Ok(Some(Arc::new(Active { length: body.len(), issuer: iss, claims })))
    }

    /// What is signed, if it is by the issuer and for us (RFC 9701 §5, RFC 8725 §3.11).
    async fn verified(&self, jws: &[u8], now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        let jws = Jws::parse(str::from_utf8(jws)?).map_err(|error| anyhow!(error.as_str()))?;
        ensure!(jws.typ.as_deref() == Some(SIGNED_TYPE), "the answer is another kind of JWT");
        let (kid, algorithm) = (jws.kid.as_deref(), jws.algorithm);
        let key = match self.issuer.known(kid, algorithm, now) {
            Some(key) => Some(key),
            None => self.issuer.look_up(kid, algorithm, now, now).await.map_err(|error| anyhow!(error.0))?,
        };
        let key = key.context("the answer is signed by no key of the issuer")?;
        ensure!(jws.is_signed_with(&key.key), "the answer is not signed by the key that it names");
        let signed: SignedAnswer = serde_json::from_value(Value::Object(jws.claims))?;
        ensure!(signed.iss == self.issuer.identifier, "the answer is signed by another issuer");
        ensure!(signed.aud == self.id, "the answer is signed for somebody else");
        Ok(serde_json::to_vec(&signed.token_introspection)?)
    }
}

/// The answers of the last moment, with the time of the question, from which on each counts.
struct Answers(Table<Key, (Arc<Active>, OffsetDateTime)>);

impl Default for Answers {
    fn default() -> Self {
        Self(Table::new(MOST, MOST_OF_SUBJECT))
    }
}

impl Answers {
    fn find(&self, key: &Key, now: OffsetDateTime, keep: Duration) -> Option<Arc<Active>> {
        let (active, asked_at) = self.0.peek(key)?;
        // A clock that was set back makes nothing younger.
        (Duration::ZERO..keep).contains(&(now - *asked_at)).then(|| Arc::clone(active))
    }

    fn keep(&mut self, key: Key, active: &Arc<Active>, now: OffsetDateTime) {
        let subject = source::party(&active.claims.sub);
        self.0.insert(subject, key, (Arc::clone(active), now), active.length + LEAST);
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn is_broken(error: &anyhow::Error) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(|error| error.is_request() && !error.is_timeout())
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_a_subject_with_many_tokens_pushes_out_its_own_answers_only() {
        let (mut answers, now) = (Answers::default(), OffsetDateTime::UNIX_EPOCH);
        let active = |subject: &str| {
            let claims = format!(r#"{{"sub":"{subject}","client_id":"c","jti":"j","aud":"a","exp":0,"iat":0}}"#);
            let claims = serde_json::from_str(&claims).unwrap();
            Arc::new(Active { length: 50_000, issuer: String::new(), claims })
        };
        let key = |number: usize| digest::of(&number.to_be_bytes());
        answers.keep(key(0), &active("honest"), now);
        for number in 1..1000 {
            answers.keep(key(number), &active(&(number % 10).to_string()), now);
        }
        assert!(answers.0.weight() <= MOST);
        let kept = |number, at| answers.find(&key(number), at, KEPT).is_some();
        assert!(kept(0, now) && kept(999, now) && !kept(1, now) && !kept(999, now + KEPT));
    }
}
