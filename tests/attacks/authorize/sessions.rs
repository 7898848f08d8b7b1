//! Attacks on signing in and out: redirects to other sites, and sessions that an attacker planted.
use crate::support::{
    app::{CALLBACK, PASSWORD, TestApp, authorize_path},
    browser::{borrowed, hidden},
};
use keyward::oauth::params::form_urlencode;

const SESSION: &str = "__Host-keyward";

#[tokio::test]
async fn attack_22_signing_in_or_out_never_leads_off_this_server() {
    let t = TestApp::start().await;
    let elsewhere = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "@evil.example",
        ".evil.example",
        "/authorize\\..\\evil",
        "/authorize@evil.example",
        "/authorize?\r\nLocation: https://evil.example",
        "/authorize?a\\b",
        " /authorize?",
        "/login",
        "/unknown",
    ];
    for target in elsewhere {
        let mut browser = t.browser();
        let page = browser.get(&format!("/login?return_to={}", form_urlencode(target))).await;
        page.page(400);
        assert!(!page.body.contains("evil"), "{page:?}");

        let mut form = hidden(&browser.get("/login").await, "/login");
        form.iter_mut().filter(|(name, _)| name == "return_to").for_each(|(_, held)| target.clone_into(held));
        form.extend([("username".into(), "alice".into()), ("password".into(), PASSWORD.into())]);
        browser.post("/login", &borrowed(&form)).await.page(400);
        assert_eq!(browser.cookies.get(SESSION), None, "signed in all the same");
    }
    let mut alice = t.signed_in("alice").await;
    for target in elsewhere {
        let page = alice.get(&format!("/logout?return_to={}", form_urlencode(target))).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (200, ""), "{page:?}");
        assert!(!page.body.contains("evil"), "{page:?}");
        let mut form = hidden(&page, "/logout");
        form.push(("return_to".into(), target.into()));
        let answer = alice.post("/logout", &borrowed(&form)).await;
        assert_eq!(answer.header("location"), "", "{answer:?}");
        assert!(!answer.body.contains("evil"), "{answer:?}");
        alice = t.signed_in("alice").await;
    }
}

#[tokio::test]
async fn attack_25_a_session_planted_before_the_sign_in_is_worth_nothing_after_it() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    // One that was never ours, and one in which the attacker is signed in.
    let invented = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let own = t.signed_in("bob").await.cookies[SESSION].clone();
    for planted in [invented, own] {
        let mut victim = t.browser();
        victim.cookies.insert(SESSION.into(), planted.clone());
        victim.sign_in("alice", PASSWORD, &path).await.location();
        let after = victim.cookies[SESSION].clone();
        assert_ne!(after, planted);
        assert_eq!(victim.get(&path).await.status, 200);

        let mut attacker = t.browser();
        attacker.cookies.insert(SESSION.into(), planted);
        assert!(attacker.get(&path).await.location().starts_with("/login?"));
    }
}

#[tokio::test]
async fn attack_25_a_session_is_over_when_its_owner_signs_out() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let mut alice = t.signed_in("alice").await;
    let mut copy = t.browser();
    copy.cookies = alice.cookies.clone();
    assert_eq!(copy.get(&path).await.status, 200);
    let form = hidden(&alice.get("/logout").await, "/logout");
    // Not by a link on another site, though.
    alice.post_from("/logout", &borrowed(&form), &[("sec-fetch-site", "cross-site")]).await.page(403);
    assert_eq!(copy.get(&path).await.status, 200);
    assert_eq!(alice.post("/logout", &borrowed(&form)).await.status, 200);
    for browser in [&mut alice, &mut copy] {
        assert!(browser.get(&path).await.location().starts_with("/login?"));
    }
}

#[tokio::test]
async fn attack_25_cookies_stay_on_this_host_and_out_of_reach_of_scripts() {
    let t = TestApp::start().await;
    let mut browser = t.browser();
    let login = browser.get("/login").await;
    let signed_in = browser.sign_in("alice", PASSWORD, "/").await;
    for answer in [login, signed_in] {
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(cookie.split("; ").any(|found| found == attribute), "{attribute} is not in {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}
