//! Pages for people: a form that is sent twice, late, without its cookie or as another user never ends in a dead end.
//! Also: error texts for people and programs.
mod readers;
mod words;

use crate::support::{
    app::{Answer, CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path, operator},
    browser::{Browser, borrowed, hidden},
    device::{begin, device_client, enter, user_code},
};
use keyward::{model::ClientId, oauth::params::form_urlencode, operations::users::new_setup_link};
use scraper::{Html, Selector};
use std::{collections::BTreeSet, fs, path::Path};
use time::Duration;

type Form = Vec<(String, String)>;

/// Where the forms of all templates are posted to: one more wants a way to open it below, or every test here fails.
fn actions() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut actions = BTreeSet::new();
    for template in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(template.unwrap().path()).unwrap();
        for form in text.split("<form").skip(1) {
            let tag = form.split('>').next().unwrap();
            assert!(tag.contains(r#"method="post""#), "{tag}");
            actions.insert(tag.split(r#"action=""#).nth(1).unwrap().split('"').next().unwrap().to_owned());
        }
    }
    assert!(actions.len() >= 6, "{actions:?}");
    actions
}

/// The text of the only element of this kind, in one line; empty without one.
fn text(page: &Answer, element: &str) -> String {
    let (html, selector) = (Html::parse_document(&page.body), Selector::parse(element).unwrap());
    let text = html.select(&selector).next().map(|one| one.text().collect::<String>()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn with(mut form: Form, fields: &[(&str, &str)]) -> Form {
    form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form
}

async fn request(t: &TestApp) -> String {
    authorize_path(&t.stranger("c", &[CALLBACK]).await, &[("prompt", "consent")])
}

/// The form that posts there, in the browser of somebody who filled it in.
async fn open<'a>(t: &'a TestApp, action: &str) -> (Browser<'a>, Form) {
    let request = request(t).await;
    if action == "/login" {
        let mut browser = t.browser();
        let page = browser.get(&format!("/login?return_to={}", form_urlencode(&request))).await;
        return (browser, with(hidden(&page, action), &[("username", "alice"), ("password", PASSWORD)]));
    }
    if action == "/setup" {
        t.db.outside("DELETE FROM users WHERE role = 'admin'").await;
        let link = new_setup_link(&t.app, &operator()).await.unwrap().url;
        let mut browser = t.browser();
        let page = browser.get(link.strip_prefix(ISSUER).unwrap()).await;
        let password = "correct horse battery staple";
        let filled = [("username", "first"), ("password", password), ("password_again", password)];
        return (browser, with(hidden(&page, action), &filled));
    }
    let mut alice = t.signed_in("alice").await;
    let form = match action {
        "/consent" => with(hidden(&alice.get(&request).await, action), &[("decision", "allow")]),
        "/logout" => hidden(&alice.get(&request).await, action),
        "/device" => {
            let device = begin(t, &device_client(t, "TV").await, &[]).await;
            with(hidden(&alice.get("/device").await, action), &[("user_code", user_code(&device))])
        }
        "/device/decision" => {
            let device = begin(t, &device_client(t, "TV").await, &[]).await;
            with(hidden(&enter(&mut alice, user_code(&device)).await, action), &[("decision", "allow")])
        }
        other => panic!("no test opens the form that posts to {other}"),
    };
    (alice, form)
}

/// Rows of what a form may do.
async fn done(t: &TestApp) -> Vec<i64> {
    let mut counts = vec![];
    for rows in [
        "SELECT count(*) FROM grants",
        "SELECT count(*) FROM codes",
        "SELECT count(*) FROM consents",
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM answered_forms",
        "SELECT count(*) FROM device_codes WHERE decided_at IS NOT NULL",
        "SELECT count(*) FROM audit_events
          WHERE event_type IN ('approval', 'login_success', 'login_failure', 'logout', 'user_created')",
    ] {
        counts.push(t.db.number(rows).await);
    }
    counts
}

fn led_to(answer: &Answer) -> (u16, String, String) {
    (answer.status.as_u16(), answer.header("location").to_owned(), text(answer, "h1"))
}

#[tokio::test]
async fn every_form_sent_again_leads_where_it_led_and_does_nothing_twice() {
    for action in actions() {
        let t = TestApp::start().await;
        let (mut browser, form) = open(&t, &action).await;
        let first = browser.post(&action, &borrowed(&form)).await;
        assert!([200, 303].contains(&first.status.as_u16()), "{action}: {first:?}");
        let before = done(&t).await;
        // A second click, a reload, and the way back; some minutes later, too.
        for wait in [0, 0, 1] {
            t.app.clock.advance(Duration::seconds(wait));
            let again = browser.post(&action, &borrowed(&form)).await;
            assert_eq!(led_to(&again), led_to(&first), "{action}");
        }
        assert_eq!(done(&t).await, before, "{action}");
    }
}

#[tokio::test]
async fn every_form_that_lay_open_too_long_is_shown_anew_says_so_and_then_counts() {
    for action in actions() {
        let t = TestApp::start().await;
        let (mut browser, form) = open(&t, &action).await;
        let before = done(&t).await;
        t.app.clock.advance(Duration::minutes(31));
        let late = browser.post(&action, &borrowed(&form)).await;
        assert!(late.status.is_client_error(), "{action}: {late:?}");
        if action == "/device/decision" {
            // The code is good for ten minutes.
            assert!(late.body.contains(r#"href="/device""#), "{late:?}");
            continue;
        }
        assert!(late.body.contains("This page was open for more than 30 minutes."), "{action}: {late:?}");
        assert_eq!(done(&t).await, before, "{action}");
        let typed = form.iter().filter(|(name, _)| !["form_token", "token", "return_to", "request"].contains(&&**name));
        let typed: Form = typed.cloned().collect();
        let fresh = with(hidden(&late, &action), &borrowed(&typed));
        let then = browser.post(&action, &borrowed(&fresh)).await;
        // The device's code is too old by now, which its page says.
        assert!(action == "/device" || [200, 303].contains(&then.status.as_u16()), "{action}: {then:?}");
    }
}

#[tokio::test]
async fn every_form_whose_cookies_are_lost_leads_to_sign_in_or_is_shown_anew_with_what_was_asked() {
    for action in actions() {
        let t = TestApp::start().await;
        let (mut browser, form) = open(&t, &action).await;
        let before = done(&t).await;
        browser.cookies.clear();
        let lost = browser.post(&action, &borrowed(&form)).await;
        match &*action {
            "/login" => {
                assert_eq!(lost.status, 403);
                assert!(lost.body.contains("not made for this browser, or its cookie is gone."), "{lost:?}");
                let fresh = with(hidden(&lost, &action), &[("username", "alice"), ("password", PASSWORD)]);
                let then = browser.post(&action, &borrowed(&fresh)).await;
                assert!(then.location().starts_with("/authorize?"), "{then:?}");
            }
            // The link is all that it takes.
            "/setup" => assert_eq!(lost.status, 200),
            "/logout" => assert!(lost.location().starts_with("/login?return_to=%2Fauthorize"), "{lost:?}"),
            _ => {
                let page = browser.get(lost.location()).await;
                assert!(text(&page, "main").contains("You were signed out. Sign in to"), "{action}: {page:?}");
                assert_eq!(done(&t).await, before, "{action}");
                let fresh = with(hidden(&page, "/login"), &[("username", "alice"), ("password", PASSWORD)]);
                let back = browser.post("/login", &borrowed(&fresh)).await;
                let kept = if action == "/consent" { "/authorize?" } else { "/device?user_code=" };
                assert!(back.location().starts_with(kept), "{action}: {back:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_form_in_the_session_of_somebody_else_is_shown_anew_and_decides_nothing() {
    for action in actions() {
        let t = TestApp::start().await;
        let (mut browser, form) = open(&t, &action).await;
        if ["/login", "/setup"].contains(&&*action) {
            continue; // of nobody's session
        }
        // In another tab.
        assert_eq!(browser.sign_in("bob", PASSWORD, "/").await.location(), "/");
        let before = done(&t).await;
        let again = browser.post(&action, &borrowed(&form)).await;
        assert!(again.status.is_client_error(), "{action}: {again:?}");
        assert_eq!(done(&t).await, before, "{action}");
        assert!(again.body.contains("bob"), "{action}: {again:?}");
        hidden(&again, &action);
        if action.ends_with("consent") || action.ends_with("decision") {
            assert!(text(&again, "[role=alert]").contains("You are now signed in as bob."), "{again:?}");
            assert_eq!(text(&again, "[role=alert] h2"), "Look again, then decide");
        }
    }
}

#[tokio::test]
async fn a_code_is_handed_out_again_while_nobody_exchanged_it_and_never_after() {
    let t = TestApp::start().await;
    let client = ClientId::from("c");
    for end in ["exchanged", "expired", "revoked"] {
        let (mut alice, form) = open(&t, "/consent").await;
        let first = alice.post("/consent", &borrowed(&form)).await;
        assert_eq!(alice.post("/consent", &borrowed(&form)).await.location(), first.location());
        let code = first.returned("code").unwrap();
        match end {
            "exchanged" => assert_eq!(t.redeem(&client, &code).await.status, 200),
            "expired" => t.app.clock.advance(Duration::seconds(t.app.config.tokens.code_lifetime.into())),
            _ => t.db.outside("UPDATE grants SET revoked_at = created_at").await,
        }
        let again = alice.post("/consent", &borrowed(&form)).await;
        again.page(200);
        assert_eq!(text(&again, "h1"), "You already answered");
        assert!(again.body.contains("Go back to “Client c”. It continues there."), "{end}: {again:?}");
        assert!(!again.body.contains(&code), "{end}");
    }
}

#[tokio::test]
async fn what_was_answered_stays_answered_whatever_the_same_form_says_next() {
    let t = TestApp::start().await;
    let other = |form: &Form, said: &str| -> Form {
        let kept = form.iter().filter(|(name, _)| name != "decision").cloned().collect();
        with(kept, &[("decision", said)])
    };
    for action in ["/consent", "/device/decision"] {
        for (first, then, told) in [("allow", "deny", "You allowed it, and"), ("deny", "allow", "You said no, and")] {
            let (mut alice, form) = open(&t, action).await;
            let answered = alice.post(action, &borrowed(&other(&form, first))).await;
            let before = done(&t).await;
            let changed = alice.post(action, &borrowed(&other(&form, then))).await;
            changed.page(409);
            assert!(text(&changed, "main").contains(told), "{action}: {changed:?}");
            assert_eq!(led_to(&alice.post(action, &borrowed(&other(&form, first))).await), led_to(&answered));
            assert_eq!(done(&t).await, before, "{action}: {first}, {then}");
            t.db.outside("DELETE FROM consents").await;
        }
    }
}

#[tokio::test]
async fn a_pushed_request_that_was_answered_leads_where_it_led_though_it_is_gone() {
    let t = TestApp::start().await;
    let client = t.public_client("a", &[CALLBACK]).await;
    for said in ["allow", "deny"] {
        let form = authorize_path(&client, &[("prompt", "consent"), ("state", "s-1")]);
        let pairs: Vec<_> = url::form_urlencoded::parse(form.split_once('?').unwrap().1.as_bytes()).collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let pushed = t.post("/par", &pairs).await.json();
        let uri = pushed["request_uri"].as_str().unwrap();
        let path = format!("/authorize?client_id=a&request_uri={}", form_urlencode(uri));
        let mut alice = t.signed_in("alice").await;
        let form = with(hidden(&alice.get(&path).await, "/consent"), &[("decision", said)]);
        let first = alice.post("/consent", &borrowed(&form)).await;
        assert_eq!(first.returned("state").as_deref(), Some("s-1"));
        assert_eq!(alice.post("/consent", &borrowed(&form)).await.location(), first.location());
    }
}

#[tokio::test]
async fn an_answer_is_known_by_its_form_alone_and_holds_no_code() {
    let t = TestApp::start().await;
    let (mut alice, form) = open(&t, "/consent").await;
    let code = alice.post("/consent", &borrowed(&form)).await.returned("code").unwrap();
    assert_eq!(t.db.number("SELECT count(*) FROM answered_forms").await, 1);
    assert!(code.starts_with("kwc_"));
    assert_eq!(t.db.number("SELECT count(*) FROM answered_forms WHERE CAST(answer AS TEXT) LIKE '%kwc%'").await, 0);
    // In another browser the same form is no form.
    let mut thief = t.browser();
    assert!(thief.post("/consent", &borrowed(&form)).await.location().starts_with("/login?"));
    let mut bob = t.signed_in("bob").await;
    bob.post("/consent", &borrowed(&form)).await.page(409);
    t.app.clock.advance(Duration::hours(2));
    keyward::jobs::sweep(&t.app).await.unwrap();
    assert_eq!(t.db.number("SELECT count(*) FROM answered_forms").await, 0);
}
