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
use tokio::time::timeout;

/// The budget for new registrations of all sources together, as a multiple of one source's budget.
const REGISTERING_SOURCES: u32 = 20;
/// How long a try waits for the outcome of those before it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(8);
/// Host budgets in memory at once, in all and for one source.
const MAX_HOSTS: usize = 5_000;
const MAX_HOSTS_OF_SOURCE: usize = 500;

/// All budgets of this server.
pub struct Limits {
    pub guesses: GuessBudget,
    pub registrations: RegistrationBudget,
    pub pushed_requests: ArrivalBudget,
    pub devices: ArrivalBudget,
    pub assertions: ArrivalBudget,
    /// Limits how often the audit trail records refusals.
    pub floods: RefusalBudget,
    /// Log messages that are repeated at most once in a while.
    pub notices: NoticeBudget,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub proxies: Arc<TrustedProxies>,
}

impl Limits {
    #[must_use]
    pub fn new(registration: (u32, u32), proxies: &[IpNet], clock: &Clock) -> Self {
        let (burst, per_minute) = registration;
        Self {
            guesses: GuessBudget::new(clock.clone()),
            registrations: RegistrationBudget::new(burst, per_minute, clock.clone()),
            pushed_requests: ArrivalBudget::of_pushed_requests(clock.clone()),
            devices: ArrivalBudget::of_devices(clock.clone()),
            assertions: ArrivalBudget::of_assertions(clock.clone()),
            floods: RefusalBudget::new(clock.clone()),
            notices: NoticeBudget::new(clock.clone()),
            proxies: Arc::new(TrustedProxies::new(proxies)),
        }
    }
}

/// The source that an address belongs to. An IPv6 source is a /64, because one machine may use any address in it.
#[must_use]
pub fn source(address: IpAddr) -> Source {
    Source::of(address)
}

/// The source of a known party, whatever their address.
#[must_use]
pub fn party(id: UserId) -> Source {
    Source::Party(u128::from_be_bytes(*id.as_bytes()))
}

/// The source that must give up one of its items for `newcomer`; `None` if that is the newcomer itself. `held` counts
/// the items of each source.
#[must_use]
pub fn yields_to(newcomer: Source, held: impl IntoIterator<Item = (String, i64)>) -> Option<String> {
    let mut holdings = Holdings::default();
    let held = held.into_iter().map(|(name, count)| {
        // Rows that older versions wrote have no valid address.
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

/// Counts wrong secrets. Passwords that people choose can be guessed, so each try is counted before it is checked, and
/// three times: by account and source together, by source, and by account. Programs' secrets are long and random, so a
/// right one always passes and only wrong ones have to wait.
pub struct GuessBudget {
    clock: Clock,
    people: guesses::Guesses,
    programs: guesses::Guesses,
}

impl GuessBudget {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        // Many people may share the address of a hosted client: the outdated credentials of one must not block the
        // others.
        let never = Growth { free: u32::MAX, ..Counters::default().pair };
        let programs = Counters { source: never, account: never, ..Counters::default() };
        Self { clock, people: guesses::Guesses::default(), programs: guesses::Guesses::new(programs) }
    }

    /// Counts an attempt to sign in; `known` says whether the browser has signed in to this account before.
    pub async fn sign_in(&self, username: &str, address: IpAddr, known: bool) -> Result<Try<'_>, OAuthError> {
        let who = Guesser { kind: AccountKind::User.as_str(), account: username, source: source(address), known };
        self.book(&self.people, who).await
    }

    /// Counts an attempt to enter a device's code. Attempts are counted for each user, from all their addresses (RFC
    /// 8628 §5.1).
    pub async fn device_code(&self, user: UserId) -> Result<Try<'_>, OAuthError> {
        let who = Guesser { kind: AccountKind::Device.as_str(), account: "", source: party(user), known: false };
        self.book(&self.programs, who).await
    }

    async fn book<'a>(&self, counted: &'a guesses::Guesses, who: Guesser<'_>) -> Result<Try<'a>, OAuthError> {
        let booked = timeout(PATIENCE, counted.book(&who, || self.clock.now())).await;
        let booked = booked.map_err(|_| OAuthError::overloaded("too many tries at once"))?;
        booked.map_err(|Wait(seconds)| too_many_wrong(seconds))
    }

    /// Counts a wrong secret of a program. Answers whether a wait begins now.
    pub fn wrong(&self, kind: AccountKind, account: &str, address: IpAddr) -> Result<bool, OAuthError> {
        let who = Guesser { kind: kind.as_str(), account, source: source(address), known: false };
        self.programs.wrong(&who, self.clock.now()).map_err(|Wait(seconds)| too_many_wrong(seconds))
    }
}

fn too_many_wrong(seconds: u64) -> OAuthError {
    too_many("too many wrong tries; wait before the next")(seconds)
}

/// New registrations: a small budget for each address and set of redirect hosts, so that several clients behind one
/// address don't block each other, and a larger budget for the address.
pub struct RegistrationBudget {
    clock: Clock,
    by_hosts: Rates,
    by_address: Rates,
}

impl RegistrationBudget {
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
        // Kept as a digest, because a stranger chooses these names and their length.
        let hosts = Digest::of(redirect_hosts.join("\n"));
        let hosts = hosts.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes);
        let (source, now) = (source(address), self.clock.now());
        let spent = self.by_hosts.spend_for(source, hosts, now).and_then(|()| self.by_address.spend(source, now));
        spent.map_err(too_many("too many new registrations from this address"))
    }
}

/// The party on whose behalf a host is contacted.
#[derive(Clone, Copy)]
pub enum FetchParty<'a> {
    /// A user who signed in, or a trusted issuer.
    Known(&'a str),
    /// An unauthenticated party, and its source.
    Stranger(&'a str, Source),
}

/// Fetches: a budget per minute for each user, so that nobody uses up the others' share, and for each host, so that
/// this server cannot be used to flood it. Strangers have separate budgets.
pub struct FetchBudget {
    clock: Clock,
    by_user: Rates,
    of_known: Hosts,
    of_strangers: Hosts,
}

impl FetchBudget {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let hosts = |each, all| Hosts {
            each: Quota::per_minute(each),
            all: Quota::per_minute(all),
            rates: Mutex::new(Table::new(MAX_HOSTS, MAX_HOSTS_OF_SOURCE)),
        };
        let by_user = Rates::new(Quota::per_minute(20), Quota::UNBOUNDED);
        Self { clock, by_user, of_known: hosts(60, 60), of_strangers: hosts(20, 60) }
    }

    pub fn allow(&self, user: UserId, host: &str) -> Result<(), OAuthError> {
        let (user, now) = (party(user), self.clock.now());
        let spent = self.by_user.spend(user, now).and_then(|()| self.of_known.spend(user, host, now));
        spent.map_err(too_many("too many new apps were asked for at once"))
    }

    /// Spends from the budget of a host, for a fetch that no user requested.
    pub fn allow_host(&self, asker: FetchParty<'_>) -> Result<(), OAuthError> {
        let now = self.clock.now();
        let spent = match asker {
            FetchParty::Known(host) => self.of_known.spend(Source::Party(0), host, now),
            FetchParty::Stranger(host, source) => self.of_strangers.spend(source, host, now),
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

/// Objects that anybody can make the server store for a while: a budget per minute for each source and for all
/// together.
pub struct ArrivalBudget {
    clock: Clock,
    rates: Rates,
    refusal: &'static str,
}

impl ArrivalBudget {
    /// Pushed authorization requests.
    #[must_use]
    pub fn of_pushed_requests(clock: Clock) -> Self {
        Self::new(600, 6_000, "too many pushed requests from this address", clock)
    }

    /// Device authorization requests.
    #[must_use]
    pub fn of_devices(clock: Clock) -> Self {
        Self::new(60, 600, "too many devices from this address", clock)
    }

    /// Client assertions; anybody can be a client.
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

/// Refusals in the audit trail: one a minute for each source.
pub struct RefusalBudget {
    clock: Clock,
    rates: Rates,
}

impl RefusalBudget {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, rates: Rates::new(Quota::per_minute(1), Quota::per_minute(600)) }
    }

    #[must_use]
    pub fn is_new(&self, address: IpAddr) -> bool {
        self.rates.spend(source(address), self.clock.now()).is_ok()
    }
}

/// Log messages whose words strangers choose: each at most once an hour, and only so many.
pub struct NoticeBudget {
    clock: Clock,
    /// The start of the current hour, and the messages logged in it.
    said: Mutex<(OffsetDateTime, BTreeSet<String>)>,
}

const REPEAT_NOTICE_AFTER: Duration = Duration::hours(1);
const MAX_NOTICES: usize = 8;

impl NoticeBudget {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, said: Mutex::new((OffsetDateTime::UNIX_EPOCH, BTreeSet::new())) }
    }

    #[must_use]
    pub fn is_new(&self, what: &str) -> bool {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !(said.0..said.0 + REPEAT_NOTICE_AFTER).contains(&now) {
            *said = (now, BTreeSet::new());
        }
        said.1.len() < MAX_NOTICES && said.1.insert(what.to_owned())
    }
}

#[cfg(test)]
mod tests;
