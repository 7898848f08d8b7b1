//! How often somebody may try: wrong secrets by account and address, new registrations by address, fetches by user.
use crate::{clock::Clock, error::OAuthError, model::UserId, secrets::Digest};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
};
use time::{Duration, OffsetDateTime};

/// Wrong tries that cost nothing, within `WINDOW`.
const FREE_TRIES: u32 = 5;
const WINDOW: Duration = Duration::minutes(15);
const FIRST_DELAY: i64 = 30;
const LONGEST_DELAY: i64 = 3_600;
/// More pairs of account and address than this are not remembered at once; the oldest go first.
const MAX_ENTRIES: usize = 100_000;

/// Wrong secrets, counted for each pair of account and address: a stranger's guesses never lock out the owner,
/// who comes from elsewhere.
pub struct Guesses {
    clock: Clock,
    tries: Mutex<HashMap<(String, IpAddr), Tries>>,
}

#[derive(Clone, Copy)]
struct Tries {
    wrong: u32,
    last: OffsetDateTime,
}

impl Tries {
    /// Five tries are free; each further one doubles the wait.
    fn blocked_until(self) -> OffsetDateTime {
        let Some(beyond) = self.wrong.checked_sub(FREE_TRIES) else { return OffsetDateTime::UNIX_EPOCH };
        let delay = FIRST_DELAY.checked_shl(beyond.min(16)).unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY);
        self.last + Duration::seconds(delay)
    }

    fn forgotten(self, now: OffsetDateTime) -> bool {
        now > self.blocked_until() && now - self.last > WINDOW
    }
}

impl Guesses {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, tries: Mutex::default() }
    }

    /// Counts a try as wrong until `right` says otherwise, so that tries at the same moment count too. Refuses, with
    /// the seconds to wait, while the pair has to.
    pub fn attempt(&self, account: &str, address: IpAddr) -> Result<(), OAuthError> {
        let now = self.clock.now();
        let mut tries = self.lock();
        let until = tries.get(&key(account, address)).map(|entry| entry.blocked_until());
        if let Some(until) = until.filter(|until| *until > now) {
            let wait = u64::try_from((until - now).whole_seconds()).unwrap_or(1);
            return Err(OAuthError::too_many_requests("too many wrong tries; wait before the next").retry_after(wait));
        }
        if tries.len() >= MAX_ENTRIES {
            tries.retain(|_, entry| !entry.forgotten(now));
        }
        if tries.len() >= MAX_ENTRIES {
            let oldest = tries.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone());
            oldest.and_then(|key| tries.remove(&key));
        }
        let entry = tries.entry(key(account, address)).or_insert(Tries { wrong: 0, last: now });
        if entry.forgotten(now) {
            entry.wrong = 0;
        }
        *entry = Tries { wrong: entry.wrong.saturating_add(1), last: now };
        Ok(())
    }

    /// Whether the pair has to wait now.
    #[must_use]
    pub fn blocked(&self, account: &str, address: IpAddr) -> bool {
        let now = self.clock.now();
        self.lock().get(&key(account, address)).is_some_and(|entry| entry.blocked_until() > now)
    }

    pub fn right(&self, account: &str, address: IpAddr) {
        self.lock().remove(&key(account, address));
    }

    /// The last try was right, which says nothing for the wrong ones before it: an account of one's own, or a code one
    /// asked for oneself, is no licence to guess at those of others.
    pub fn take_back(&self, account: &str, address: IpAddr) {
        if let Some(entry) = self.lock().get_mut(&key(account, address)) {
            entry.wrong = entry.wrong.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, IpAddr), Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(account: &str, address: IpAddr) -> (String, IpAddr) {
    // What was typed may be long; what tells accounts apart is not.
    (account.chars().take(128).flat_map(char::to_lowercase).collect(), source(address))
}

/// Whom an address belongs to: of IPv6 a /64, within which one machine may take any address it likes.
#[must_use]
pub fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// New registrations: a small budget for each address and set of redirect hosts, so that many clients behind one
/// address don't starve each other, and a larger one for the address.
pub struct Registrations {
    /// The hosts as a digest: they are the stranger's words, and as many and as long as a stranger likes.
    by_hosts: DefaultKeyedRateLimiter<(IpAddr, Digest)>,
    by_address: DefaultKeyedRateLimiter<IpAddr>,
}

impl Registrations {
    #[must_use]
    pub fn new(burst: u32, per_minute: u32) -> Self {
        let quota = |times: u32| {
            let of = |count: u32| NonZeroU32::new(count.saturating_mul(times)).unwrap_or(NonZeroU32::MIN);
            Quota::per_minute(of(per_minute)).allow_burst(of(burst))
        };
        Self { by_hosts: RateLimiter::keyed(quota(1)), by_address: RateLimiter::keyed(quota(4)) }
    }

    pub fn allow(&self, address: IpAddr, mut redirect_hosts: Vec<String>) -> Result<(), OAuthError> {
        redirect_hosts.sort();
        redirect_hosts.dedup();
        let (source, hosts) = (source(address), Digest::of(redirect_hosts.join("\n")));
        let within = self.by_hosts.check_key(&(source, hosts)).is_ok() && self.by_address.check_key(&source).is_ok();
        within.then_some(()).ok_or_else(|| {
            OAuthError::too_many_requests("too many new registrations from this address").retry_after(60)
        })
    }

    pub fn sweep(&self) {
        self.by_hosts.retain_recent();
        self.by_address.retain_recent();
    }
}

/// Documents fetched on behalf of users: so many a minute for each user, so that nobody uses up the others' share,
/// and for each host, so that nobody is flooded through us.
pub struct Fetches {
    by_user: DefaultKeyedRateLimiter<UserId>,
    by_host: DefaultKeyedRateLimiter<String>,
}

impl Default for Fetches {
    fn default() -> Self {
        let quota = |count| Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        Self { by_user: RateLimiter::keyed(quota(20)), by_host: RateLimiter::keyed(quota(60)) }
    }
}

impl Fetches {
    pub fn allow(&self, user: UserId, host: &str) -> Result<(), OAuthError> {
        let within = self.by_user.check_key(&user).is_ok() && self.by_host.check_key(&host.to_owned()).is_ok();
        within
            .then_some(())
            .ok_or_else(|| OAuthError::too_many_requests("too many new apps were asked for at once").retry_after(60))
    }

    /// For a client of that host, which no user asked for.
    pub fn allow_host(&self, host: &str) -> Result<(), OAuthError> {
        let within = self.by_host.check_key(&host.to_owned()).is_ok();
        within
            .then_some(())
            .ok_or_else(|| OAuthError::too_many_requests("too much was fetched from one host at once").retry_after(60))
    }

    pub fn sweep(&self) {
        self.by_user.retain_recent();
        self.by_host.retain_recent();
    }
}

/// Pushed authorization requests: each is a row for a while, and anybody may push one for a public client.
pub struct Pushes(DefaultKeyedRateLimiter<IpAddr>);

impl Default for Pushes {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(600).unwrap_or(NonZeroU32::MIN))))
    }
}

impl Pushes {
    pub fn allow(&self, address: IpAddr) -> Result<(), OAuthError> {
        self.0
            .check_key(&source(address))
            .map_err(|_| OAuthError::too_many_requests("too many pushed requests from this address").retry_after(5))
    }

    pub fn sweep(&self) {
        self.0.retain_recent();
    }
}

/// Refusals that the audit trail tells of: one a minute for each address.
pub struct Floods(DefaultKeyedRateLimiter<IpAddr>);

impl Default for Floods {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN)))
    }
}

impl Floods {
    #[must_use]
    pub fn is_new(&self, address: IpAddr) -> bool {
        self.0.check_key(&source(address)).is_ok()
    }

    pub fn sweep(&self) {
        self.0.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_sixth_try_waits_ever_longer_and_only_where_the_wrong_ones_came_from() {
        let clock = Clock::default();
        let guesses = Guesses::new(clock.clone());
        for _ in 0..5 {
            guesses.attempt("alice", HERE).unwrap();
        }
        let first = guesses.attempt("ALICE", HERE).unwrap_err().retry_after.unwrap();
        guesses.attempt("alice", THERE).unwrap();
        assert!(guesses.blocked("alice", HERE) && !guesses.blocked("alice", THERE));
        clock.advance(Duration::seconds(31));
        guesses.attempt("alice", HERE).unwrap();
        assert!(guesses.attempt("alice", HERE).unwrap_err().retry_after.unwrap() > first);
        guesses.right("alice", HERE);
        guesses.attempt("alice", HERE).unwrap();
    }

    #[test]
    fn another_address_of_the_same_ipv6_network_is_no_new_start() {
        let guesses = Guesses::new(Clock::default());
        let address = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
        (0..5).for_each(|host| guesses.attempt("alice", address(host)).unwrap());
        guesses.attempt("alice", address(6)).unwrap_err();
    }

    #[test]
    fn wrong_tries_are_forgotten_after_a_quarter_of_an_hour() {
        let clock = Clock::default();
        let guesses = Guesses::new(clock.clone());
        (0..4).for_each(|_| guesses.attempt("alice", HERE).unwrap());
        clock.advance(Duration::minutes(16));
        (0..3).for_each(|_| guesses.attempt("alice", HERE).unwrap());
    }

    #[test]
    fn who_holds_a_whole_ipv6_network_is_still_one_source() {
        let address = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        let guesses = Guesses::new(Clock::default());
        (0..5).for_each(|n| guesses.attempt("alice", address(n)).unwrap());
        assert_eq!(guesses.attempt("alice", address(5)).unwrap_err().code, "too_many_requests");
        guesses.attempt("alice", "2001:db8:0:2::1".parse().unwrap()).unwrap();
        let registrations = Registrations::new(3, 1);
        (0..3).for_each(|n| registrations.allow(address(n), vec!["a.example".into()]).unwrap());
        assert!(registrations.allow(address(3), vec!["a.example".into()]).is_err());
    }

    #[test]
    fn one_crowded_redirect_host_does_not_starve_another_behind_the_same_address() {
        let registrations = Registrations::new(3, 1);
        for _ in 0..3 {
            registrations.allow(HERE, vec!["a.example".into()]).unwrap();
        }
        assert_eq!(registrations.allow(HERE, vec!["a.example".into()]).unwrap_err().code, "too_many_requests");
        registrations.allow(HERE, vec!["b.example".into()]).unwrap();
        registrations.allow(THERE, vec!["a.example".into()]).unwrap();
    }

    #[test]
    fn attack_90_neither_one_user_nor_many_can_flood_a_host_through_us() {
        let fetches = Fetches::default();
        let greedy = UserId::new();
        let allowed = |user, host| fetches.allow(user, host).is_ok();
        assert_eq!((0..500).filter(|_| allowed(greedy, "a.example")).count(), 20);
        assert!(allowed(UserId::new(), "a.example"));
        assert_eq!((0..500).filter(|_| allowed(UserId::new(), "victim.example")).count(), 60);
        assert!(!allowed(UserId::new(), "victim.example") && allowed(UserId::new(), "b.example"));
    }

    #[test]
    fn attack_65_one_address_pushes_six_hundred_requests_at_once_and_no_more() {
        let pushes = Pushes::default();
        let allowed = |address| (0..2_000).filter(|_| pushes.allow(address).is_ok()).count();
        assert!((600..700).contains(&allowed(HERE)));
        assert_eq!(pushes.allow(HERE).unwrap_err().code, "too_many_requests");
        pushes.allow(THERE).unwrap();
    }
}
