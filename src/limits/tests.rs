//! Tests each budget of this server, and that strangers do not use up the shares of others.
use super::*;
use std::net::Ipv4Addr;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

#[test]
fn who_holds_a_whole_ipv6_network_is_still_one_source() {
    let address = |last: u16| IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
    let registrations = RegistrationBudget::new(3, 1, Clock::stopped());
    (0..3).for_each(|n| registrations.allow(address(n), vec!["a.example".into()]).unwrap());
    assert!(registrations.allow(address(3), vec!["a.example".into()]).is_err());
}

#[test]
fn one_crowded_redirect_host_does_not_starve_another_behind_the_same_address() {
    let registrations = RegistrationBudget::new(3, 1, Clock::stopped());
    for _ in 0..3 {
        registrations.allow(HERE, vec!["a.example".into()]).unwrap();
    }
    assert_eq!(registrations.allow(HERE, vec!["a.example".into()]).unwrap_err().code, "too_many_requests");
    registrations.allow(HERE, vec!["b.example".into()]).unwrap();
    registrations.allow(THERE, vec!["a.example".into()]).unwrap();
}

#[test]
fn dead_credentials_of_many_clients_behind_one_address_wait_each_for_themselves() {
    let guesses = GuessBudget::new(Clock::stopped());
    (0..500).for_each(|n| assert!(!guesses.wrong(AccountKind::Client, &format!("kw_{n}"), HERE).unwrap()));
    (0..3).for_each(|_| assert!(!guesses.wrong(AccountKind::Client, "kw_0", HERE).unwrap()));
    assert!(guesses.wrong(AccountKind::Client, "kw_0", HERE).unwrap());
    assert_eq!(guesses.wrong(AccountKind::Client, "KW_0", HERE).unwrap_err().retry_after, Some(30));
    assert!(!guesses.wrong(AccountKind::Client, "kw_0", THERE).unwrap());
}

#[test]
fn attack_90_neither_one_user_nor_many_can_flood_a_host_through_us() {
    let fetches = FetchBudget::new(Clock::stopped());
    let greedy = UserId::new();
    let allowed = |user, host| fetches.allow(user, host).is_ok();
    assert_eq!((0..500).filter(|_| allowed(greedy, "a.example")).count(), 20);
    assert!(allowed(UserId::new(), "a.example"));
    assert_eq!((0..500).filter(|_| allowed(UserId::new(), "victim.example")).count(), 60);
    assert!(!allowed(UserId::new(), "victim.example") && allowed(UserId::new(), "b.example"));
}

#[test]
fn attack_65_one_address_pushes_six_hundred_requests_at_once_and_no_more() {
    let pushes = ArrivalBudget::of_pushed_requests(Clock::stopped());
    let allowed = |address| (0..2_000).filter(|_| pushes.allow(source(address)).is_ok()).count();
    assert_eq!(allowed(HERE), 600);
    assert_eq!(pushes.allow(source(HERE)).unwrap_err().code, "too_many_requests");
    pushes.allow(source(THERE)).unwrap();
}

#[test]
fn strangers_spend_nothing_of_what_people_have_and_none_of_them_all_that_strangers_have() {
    let fetches = FetchBudget::new(Clock::stopped());
    let stranger = |address| fetches.allow_host(FetchParty::Stranger("a.example", source(address))).is_ok();
    assert_eq!((0..500).filter(|_| stranger(HERE)).count(), 20);
    assert!(stranger(THERE));
    for n in 0..200 {
        stranger([198, 51, 100, n].into());
    }
    fetches.allow(UserId::new(), "a.example").unwrap();
    fetches.allow_host(FetchParty::Known("a.example")).unwrap();
}

#[test]
fn the_greediest_yields_to_a_newcomer_and_a_newcomer_that_is_it_yields_to_nobody() {
    let held = || [("192.0.2.1".to_owned(), 50), ("127.0.0.1".to_owned(), 3), (String::new(), 4)];
    assert_eq!(yields_to(source([198, 51, 100, 1].into()), held()).as_deref(), Some("192.0.2.1"));
    assert_eq!(yields_to(source(HERE), held()).as_deref(), Some("192.0.2.1"));
    assert_eq!(yields_to(source(THERE), held()), None);
}

#[test]
fn attack_192_devices_and_assertions_of_one_source_come_at_a_rate_and_take_nothing_from_another() {
    for (arrivals, each) in
        [(ArrivalBudget::of_devices(Clock::stopped()), 60), (ArrivalBudget::of_assertions(Clock::stopped()), 600)]
    {
        assert_eq!((0..2_000).filter(|_| arrivals.allow(source(HERE)).is_ok()).count(), each);
        let refused = arrivals.allow(source(HERE)).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.by_budget), ("too_many_requests", true));
        arrivals.allow(source(THERE)).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_waits_twenty_seconds_for_those_before_it_and_is_then_told_to_come_again() {
    let guesses = GuessBudget::new(Clock::stopped());
    let mut pending = vec![];
    for _ in 0..5 {
        pending.push(guesses.sign_in("alice", HERE, false).await.unwrap());
    }
    let refused = guesses.sign_in("alice", HERE, false).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.retry_after), ("temporarily_unavailable", Some(5)));
    pending.pop().unwrap().right();
    drop(guesses.sign_in("alice", HERE, false).await.unwrap());
}
