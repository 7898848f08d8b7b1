//! The link that creates an administrator: the same on all nodes and after restarts, and a new one for recovery.
use crate::support::{
    app::{Answer, ISSUER, PASSWORD, TestApp, operator},
    browser::{Browser, borrowed, hidden},
};
use keyward::{
    operations::users::new_setup_link,
    people::setup_link,
    storage::{audit_events, users},
};
use time::Duration;

const STRONG: &str = "four unrelated words here";

/// A server that nobody can administer yet.
async fn empty() -> TestApp {
    let t = TestApp::start().await;
    t.db.outside("DELETE FROM users").await;
    t
}

fn path(url: &str) -> &str {
    url.strip_prefix(ISSUER).unwrap()
}

async fn fill(browser: &mut Browser<'_>, page: &Answer, name: &str) -> Answer {
    let mut form = hidden(page, "/setup");
    for (field, value) in [("username", name), ("password", STRONG), ("password_again", STRONG)] {
        form.push((field.into(), value.into()));
    }
    browser.post("/setup", &borrowed(&form)).await
}

async fn trail(t: &TestApp) -> Vec<String> {
    let events = audit_events::recent(&t.db, 20).await.unwrap();
    events.into_iter().map(|event| event.event_type).filter(|name| name != "login_success").collect()
}

#[tokio::test]
async fn nodes_that_start_at_once_on_an_empty_database_tell_one_and_the_same_link() {
    let t = empty().await;
    let nodes = [t.second_node().await, t.second_node().await, t.second_node().await, t.app.clone()];
    let mut all = tokio::task::JoinSet::new();
    for node in nodes {
        all.spawn(async move { setup_link::first(&node).await.unwrap().unwrap().url });
    }
    let mut links = all.join_all().await;
    links.dedup();
    assert_eq!(links.len(), 1, "{links:?}");
    let (mut browser, link) = (t.browser(), links.remove(0));
    let page = browser.get(path(&link)).await;
    assert_eq!(fill(&mut browser, &page, "root").await.status, 200);
    assert!(setup_link::first(&t.app).await.unwrap().is_none());
    browser.get(path(&link)).await.page(400);
}

#[tokio::test]
async fn a_link_stays_good_over_restarts_until_it_has_expired() {
    let t = empty().await;
    let first = setup_link::first(&t.app).await.unwrap().unwrap();
    t.app.clock.advance(Duration::hours(23));
    let again = setup_link::first(&*t.second_node().await).await.unwrap().unwrap();
    assert_eq!((&again.url, again.expires_at), (&first.url, first.expires_at));
    assert_eq!(t.get(path(&first.url)).await.status, 200);
    t.app.clock.advance(Duration::hours(1));
    t.get(path(&first.url)).await.page(400);
    let next = setup_link::first(&t.app).await.unwrap().unwrap();
    assert_ne!(next.url, first.url);
    assert_eq!(t.get(path(&next.url)).await.status, 200);
    // Whoever reads the database cannot make it.
    assert!(!t.db.url.contains("kwi_"));
    t.db.outside("UPDATE setup_tokens SET token_hash = seed").await;
    t.get(path(&next.url)).await.page(400);
}

#[tokio::test]
async fn who_is_locked_out_gets_a_new_password_by_a_new_link_and_it_is_on_record() {
    let t = TestApp::start().await;
    let root = t.user_named("root").await;
    t.db.set_user_disabled(root.id, Some(t.app.clock.now())).await;
    assert!(setup_link::first(&t.app).await.unwrap().is_none());
    let former = new_setup_link(&t.app, &operator()).await.unwrap().url;
    let link = new_setup_link(&t.app, &operator()).await.unwrap().url;
    t.get(path(&former)).await.page(400);
    let mut browser = t.browser();
    let (page, other) = (browser.get(path(&link)).await, browser.get(path(&link)).await);
    // Only an administrator's name, or a new one.
    let taken = fill(&mut browser, &page, "alice").await;
    assert!(taken.status == 400 && taken.body.contains("no administrator"), "{taken:?}");
    assert_eq!(fill(&mut browser, &page, "Root").await.status, 200);
    fill(&mut browser, &other, "root2").await.page(400);
    // The form that was taken is told so again; with another name it makes nobody, and does not say that it did.
    assert_eq!(fill(&mut browser, &page, "ROOT").await.status, 200);
    let other_name = fill(&mut browser, &page, "root2").await;
    other_name.page(400);
    assert!(other_name.body.contains("This setup link no longer works"), "{other_name:?}");
    assert_eq!(t.browser().sign_in("root", STRONG, "/").await.location(), "/");
    assert_eq!(t.browser().sign_in("root", PASSWORD, "/").await.status, 403);
    assert_eq!(t.browser().sign_in("alice", PASSWORD, "/").await.location(), "/");
    assert!(t.user_named("root").await.disabled_at.is_none());
    assert_eq!(users::find_by_username(&t.db, "root2").await.unwrap().map(|user| user.id), None);
    let trail = trail(&t).await;
    let named = |name: &str| trail.iter().filter(|event| *event == name).count();
    assert_eq!((named("setup_link_created"), named("password_reset"), named("user_created")), (2, 1, 0), "{trail:?}");
}

#[tokio::test]
async fn a_password_set_by_a_link_ends_the_sessions_of_that_account_and_of_no_other() {
    let t = TestApp::start().await;
    let (mut theirs, mut others) = (t.signed_in("root").await, t.signed_in("alice").await);
    let link = new_setup_link(&t.app, &operator()).await.unwrap().url;
    let mut browser = t.browser();
    let page = browser.get(path(&link)).await;
    assert_eq!(fill(&mut browser, &page, "root").await.status, 200);
    assert!(!is_signed_in(&mut theirs).await);
    assert!(is_signed_in(&mut others).await);
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let page = browser.get("/logout").await;
    page.status == 200 && page.body.contains("action=\"/logout\"")
}

#[tokio::test]
async fn a_new_link_makes_a_further_administrator_too() {
    let t = TestApp::start().await;
    let link = new_setup_link(&t.app, &operator()).await.unwrap().url;
    let mut browser = t.browser();
    let page = browser.get(path(&link)).await;
    assert_eq!(fill(&mut browser, &page, "second").await.status, 200);
    assert_eq!(t.user_named("second").await.role, keyward::model::Role::Admin);
    // The first one's password is as it was.
    assert_eq!(t.browser().sign_in("root", PASSWORD, "/").await.location(), "/");
    assert!(trail(&t).await.contains(&"user_created".to_owned()));
}
