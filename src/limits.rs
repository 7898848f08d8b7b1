//! This server's budgets, each with a share for every source: wrong secrets, registrations, fetches, pushed requests.
use crate::{clock::Clock, error::OAuthError, events::AccountKind, model::UserId, secrets::Digest};
use ipnet::IpNet;
use keyward_limits::{
    guesses::{self, Counters, Growth, Guesser, Try, Wait},
    shares::{Holdings, Quota, Rates, Table},
    source::{Source, TrustedProxies},
};
use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use time::{Duration, OffsetDateTime};

/// New registrations of all sources, in budgets of one.
const REGISTERING_SOURCES: u32 = 20;
/// Hosts whose budgets are remembered at once, and for one source.
const MOST_HOSTS: usize = 5_000;
const MOST_HOSTS_OF_SOURCE: usize = 500;

/// What strangers, people and programs may do, and how often.
pub struct Limits {
    pub guesses: Guesses,
    pub registrations: Registrations,
    pub pushed_requests: Arrivals,
    pub devices: Arrivals,
    pub assertions: Arrivals,
    /// Refusals that the audit trail tells of.
    pub floods: Floods,
    /// What the log says no more than once in a while.
    pub notices: Notices,
    /// The proxies whose word about the origin of a request is believed.
    pub proxies: Arc<TrustedProxies>,
}

impl Limits {
    #[must_use]
    pub fn new(registration: (u32, u32), proxies: &[IpNet], clock: &Clock) -> Self {
        let (burst, per_minute) = registration;
        Self {
            guesses: Guesses::new(clock.clone()),
            registrations: Registrations::new(burst, per_minute, clock.clone()),
            pushed_requests: Arrivals::of_pushed_requests(clock.clone()),
            devices: Arrivals::of_devices(clock.clone()),
            assertions: Arrivals::of_assertions(clock.clone()),
            floods: Floods::new(clock.clone()),
            notices: Notices::new(clock.clone()),
            proxies: Arc::new(TrustedProxies::new(proxies)),
        }
    }
}

/// The source that an address belongs to. For IPv6 it is a /64, in which one machine may take any address it likes.
#[must_use]
pub fn source(address: IpAddr) -> Source {
    Source::of(address)
}

/// Somebody known, wherever they come from.
#[must_use]
pub fn party(id: UserId) -> Source {
    Source::Party(u128::from_be_bytes(*id.as_bytes()))
}

/// Who has to yield to `newcomer`, where each source has so many of something; `None` if that is the newcomer.
#[must_use]
pub fn yields_to(newcomer: Source, held: impl IntoIterator<Item = (String, i64)>) -> Option<String> {
    let mut holdings = Holdings::default();
    let held = held.into_iter().map(|(name, count)| {
        // What is no address was written before sources were.
        let source = name.parse().map_or(Source::Party(0), Source::of);
        holdings.add(source, usize::try_from(count).unwrap_or(0));
        (source, name)
    });
    let names: Vec<_> = held.collect();
    let greediest = holdings.yields_to(newcomer).filter(|source| *source != newcomer)?;
    names.into_iter().find(|(source, _)| *source == greediest).map(|(_, name)| name)
}

fn too_many(description: &'static str) -> impl FnOnce(u64) -> OAuthError {
    move |seconds| OAuthError::too_many_requests(description).retry_after(seconds)
}

/// Wrong secrets. Those that people choose can be guessed, so that whoever tries them is counted three times, before
/// they are judged. Those of programs are long and random: a right one always passes, and only wrong ones wait.
pub struct Guesses {
    clock: Clock,
    people: guesses::Guesses,
    programs: guesses::Guesses,
}

impl Guesses {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        // Behind the addresses of a hosted client are many people: dead credentials of one cost the others nothing.
        let never = Growth { free: u32::MAX, ..Counters::default().pair };
        let programs = Counters { source: never, account: never, ..Counters::default() };
        Self { clock, people: guesses::Guesses::default(), programs: guesses::Guesses::new(programs) }
    }

    /// Books a try to sign in; `known` says that the browser has signed in to this account before.
    pub async fn sign_in(&self, username: &str, address: IpAddr, known: bool) -> Result<Try<'_>, OAuthError> {
        let who = Guesser { kind: AccountKind::User.as_str(), account: username, source: source(address), known };
        self.book(&self.people, who).await
    }

    /// Books a try at a code that a device shows. They are counted for each person, from wherever they come (RFC 8628
    /// §5.1).
    pub async fn device_code(&self, user: UserId) -> Result<Try<'_>, OAuthError> {
        let who = Guesser { kind: AccountKind::Device.as_str(), account: "", source: party(user), known: false };
        self.book(&self.programs, who).await
    }

    async fn book<'a>(&self, counted: &'a guesses::Guesses, who: Guesser<'_>) -> Result<Try<'a>, OAuthError> {
        let booked = counted.book(&who, || self.clock.now()).await;
        booked.map_err(|Wait(seconds)| too_many_wrong(seconds))
    }

    /// Counts a wrong secret of a program. Answers whether a wait begins with it.
    pub fn wrong(&self, kind: AccountKind, account: &str, address: IpAddr) -> Result<bool, OAuthError> {
        let who = Guesser { kind: kind.as_str(), account, source: source(address), known: false };
        self.programs.wrong(&who, self.clock.now()).map_err(|Wait(seconds)| too_many_wrong(seconds))
    }
}

fn too_many_wrong(seconds: u64) -> OAuthError {
    too_many("too many wrong tries; wait before the next")(seconds)
}

/// New registrations: a small budget for each address and set of redirect hosts, so that many clients behind one
/// address don't starve each other, and a larger one for the address.
pub struct Registrations {
    clock: Clock,
    by_hosts: Rates,
    by_address: Rates,
}

impl Registrations {
    #[must_use]
    pub fn new(burst: u32, per_minute: u32, clock: Clock) -> Self {
        let times = |times: u32| Quota {
            burst: burst.saturating_mul(times).max(1),
            per_minute: per_minute.saturating_mul(times).max(1),
        };
        let by_address = Rates::new(times(4), times(4 * REGISTERING_SOURCES));
        Self { clock, by_hosts: Rates::new(times(1), Quota::UNBOUNDED), by_address }
    }

    pub fn allow(&self, address: IpAddr, mut redirect_hosts: Vec<String>) -> Result<(), OAuthError> {
        redirect_hosts.sort();
        redirect_hosts.dedup();
        // As a digest: they are the stranger's words, and as many and as long as a stranger likes.
        let hosts = Digest::of(redirect_hosts.join("\n"));
        let hosts = hosts.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes);
        let (source, now) = (source(address), self.clock.now());
        let spent = self.by_hosts.spend_for(source, hosts, now).and_then(|()| self.by_address.spend(source, now));
        spent.map_err(too_many("too many new registrations from this address"))
    }
}

/// The party on whose behalf something is fetched from a host.
#[derive(Clone, Copy)]
pub enum Asker<'a> {
    /// Somebody signed in, or an issuer that is trusted.
    Known(&'a str),
    /// Somebody that we do not know.
    Stranger(&'a str, Source),
}

/// What is fetched: so much a minute for each user, so that nobody uses up the others' share, and for each host, so
/// that nobody is flooded through us. What strangers have fetched takes nothing from that.
pub struct Fetches {
    clock: Clock,
    by_user: Rates,
    of_known: Hosts,
    of_strangers: Hosts,
}

impl Fetches {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let hosts = |each, all| Hosts {
            each: Quota::per_minute(each),
            all: Quota::per_minute(all),
            rates: Mutex::new(Table::new(MOST_HOSTS, MOST_HOSTS_OF_SOURCE)),
        };
        let by_user = Rates::new(Quota::per_minute(20), Quota::UNBOUNDED);
        Self { clock, by_user, of_known: hosts(60, 60), of_strangers: hosts(20, 60) }
    }

    pub fn allow(&self, user: UserId, host: &str) -> Result<(), OAuthError> {
        let (user, now) = (party(user), self.clock.now());
        let spent = self.by_user.spend(user, now).and_then(|()| self.of_known.spend(user, host, now));
        spent.map_err(too_many("too many new apps were asked for at once"))
    }

    /// Pays for a client of that host, or an issuer, which no user asked for.
    pub fn allow_host(&self, asker: Asker<'_>) -> Result<(), OAuthError> {
        let now = self.clock.now();
        let spent = match asker {
            Asker::Known(host) => self.of_known.spend(Source::Party(0), host, now),
            Asker::Stranger(host, source) => self.of_strangers.spend(source, host, now),
        };
        spent.map_err(too_many("too much was fetched from one host at once"))
    }
}

/// A budget for each host.
struct Hosts {
    each: Quota,
    all: Quota,
    rates: Mutex<Table<String, Rates>>,
}

impl Hosts {
    fn spend(&self, source: Source, host: &str, now: time::OffsetDateTime) -> Result<(), u64> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let host = host.to_owned();
        if rates.get(&host).is_none() {
            rates.insert(source, host.clone(), Rates::new(self.each, self.all), 1);
        }
        rates.get(&host).map_or(Ok(()), |of_host| of_host.spend(source, now))
    }
}

/// What anybody may have us store for a while: so much a minute for each source, and for all together.
pub struct Arrivals {
    clock: Clock,
    rates: Rates,
    refusal: &'static str,
}

impl Arrivals {
    /// Pushed authorization requests.
    #[must_use]
    pub fn of_pushed_requests(clock: Clock) -> Self {
        Self::new(600, 6_000, "too many pushed requests from this address", clock)
    }

    /// Devices that begin to wait.
    #[must_use]
    pub fn of_devices(clock: Clock) -> Self {
        Self::new(60, 600, "too many devices from this address", clock)
    }

    /// Assertions that clients, which anybody may be, prove themselves with.
    #[must_use]
    pub fn of_assertions(clock: Clock) -> Self {
        Self::new(600, 6_000, "too many assertions of this client", clock)
    }

    fn new(each: u32, all: u32, refusal: &'static str, clock: Clock) -> Self {
        Self { clock, rates: Rates::new(Quota::per_minute(each), Quota::per_minute(all)), refusal }
    }

    pub fn allow(&self, source: Source) -> Result<(), OAuthError> {
        self.rates.spend(source, self.clock.now()).map_err(too_many(self.refusal))
    }
}

/// Refusals that the audit trail tells of: one a minute for each source.
pub struct Floods {
    clock: Clock,
    rates: Rates,
}

impl Floods {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, rates: Rates::new(Quota::per_minute(1), Quota::per_minute(600)) }
    }

    #[must_use]
    pub fn is_new(&self, address: IpAddr) -> bool {
        self.rates.spend(source(address), self.clock.now()).is_ok()
    }
}

/// What is said in the log no more than once an hour, and of how much: strangers choose the words.
pub struct Notices {
    clock: Clock,
    /// Since when, and what.
    said: Mutex<(OffsetDateTime, BTreeSet<String>)>,
}

const SAY_AGAIN_AFTER: Duration = Duration::hours(1);
const MOST_NOTICES: usize = 8;

impl Notices {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, said: Mutex::new((OffsetDateTime::UNIX_EPOCH, BTreeSet::new())) }
    }

    #[must_use]
    pub fn is_new(&self, what: &str) -> bool {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !(said.0..said.0 + SAY_AGAIN_AFTER).contains(&now) {
            *said = (now, BTreeSet::new());
        }
        said.1.len() < MOST_NOTICES && said.1.insert(what.to_owned())
    }
}

#[cfg(test)]
mod tests;
