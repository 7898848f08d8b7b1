//! Signing in and out: the messages, the throttling, the cookies.
use crate::support::{
    app::{CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path, operator},
    browser::{borrowed, hidden},
};
use keyward::{operations::users::set_password, storage::audit_events};
use time::Duration;

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_read_the_same() {
    let t = TestApp::start().await;
    let blank = |body: &str| {
        let html = scraper::Html::parse_document(body);
        html.root_element().text().collect::<String>()
    };
    let unknown = t.browser().sign_in("nobody", "wrong horse", "/").await;
    let wrong = t.browser().sign_in("alice", "wrong horse", "/").await;
    for answer in [&unknown, &wrong] {
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("Wrong username or password."));
    }
    assert_eq!(blank(&unknown.body), blank(&wrong.body));
    assert_eq!(audit_events::recent(&t.db, 10).await.unwrap().iter().filter(|event| !event.success).count(), 2);
}

#[tokio::test]
async fn attack_121_whoever_is_not_let_in_is_answered_the_same_for_every_name_and_reason() {
    let t = TestApp::start().await;
    t.db.outside("UPDATE users SET disabled_at = created_at WHERE username = 'bob'").await;
    let long = "n".repeat(200);
    let said = |body: &str| {
        let html = scraper::Html::parse_document(body);
        html.root_element().text().collect::<String>()
    };
    let mut seen = Vec::new();
    for (name, password) in
        [("alice", "wrong horse"), ("bob", PASSWORD), ("bob", "wrong horse"), ("nobody", PASSWORD), (&*long, PASSWORD)]
    {
        let answer = t.browser().sign_in(name, password, "/").await;
        let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        let event = audit_events::recent(&t.db, 1).await.unwrap().remove(0);
        let told = (event.event_type, event.level, event.ip_address);
        // But for what was typed, and what is made anew for each page.
        let page = said(&answer.body);
        seen.push((answer.status, headers, told, page));
        // Counted for a minute where it is the same account.
        t.app.clock.advance(Duration::MINUTE);
        keyward::audit::telling::tell(&t.app.audit).await;
    }
    assert_eq!((seen[0].0.as_u16(), &*seen[0].2.0), (403, "login_failure"));
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn the_sixth_wrong_password_waits_and_its_owner_elsewhere_does_not() {
    let t = TestApp::start().await;
    for _ in 0..5 {
        assert_eq!(t.browser().sign_in("alice", "wrong horse", "/").await.status, 403);
    }
    let throttled = t.browser().sign_in("alice", PASSWORD, "/").await;
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(throttled.body.contains("Too many wrong passwords. Try again in"));

    // From another address, which a trusted proxy vouches for.
    let mut browser = t.browser();
    let page = browser.get("/login").await;
    let mut form = hidden(&page, "/login");
    form.extend([("username".into(), "alice".into()), ("password".into(), PASSWORD.into())]);
    let mut request = axum::http::Request::post("/login").header("x-forwarded-for", "203.0.113.9");
    request = request.header("content-type", "application/x-www-form-urlencoded");
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    request = request.header("cookie", cookies.join("; "));
    let mut request = request.body(crate::support::app::encode(&borrowed(&form)).into()).unwrap();
    let proxy = std::net::SocketAddr::from(([10, 0, 0, 1], 4_000));
    request.extensions_mut().insert(axum::extract::ConnectInfo(proxy));
    assert_eq!(t.send(request).await.location(), "/");

    t.app.clock.advance(Duration::minutes(1));
    assert_eq!(t.browser().sign_in("alice", PASSWORD, "/").await.location(), "/");
}

#[tokio::test]
async fn somebody_disabled_is_signed_out_and_cannot_sign_in() {
    let t = TestApp::start().await;
    let mut browser = t.signed_in("alice").await;
    assert!(browser.get("/").await.body.contains("alice"));
    let alice = t.user_named("alice").await;
    t.db.set_user_disabled(alice.id, Some(t.app.clock.now())).await;
    assert!(!browser.get("/").await.body.contains("alice"));
    assert_eq!(t.browser().sign_in("alice", PASSWORD, "/").await.status, 403);
}

#[tokio::test]
async fn who_signs_in_by_the_old_password_in_the_moment_of_the_new_one_is_not_signed_in_after_it() {
    let t = TestApp::start().await;
    let (alice, by) = (t.user_named("alice").await.id, operator());
    let (mut password, mut began) = (PASSWORD.to_owned(), 0);
    for round in 0..10 {
        let new = format!("four unrelated words here {round}");
        let (mut left, mut right) = (t.browser(), t.browser());
        let (first, second, changed) = tokio::join!(
            left.sign_in("alice", &password, "/"),
            right.sign_in("alice", &password, "/"),
            set_password(&t.app, &by, alice, &new)
        );
        changed.unwrap();
        began += [first, second].iter().filter(|answer| answer.status == 303).count();
        for mut browser in [left, right] {
            assert!(!browser.get("/").await.body.contains("alice"), "round {round}");
        }
        t.app.clock.advance(Duration::MINUTE);
        password = new;
    }
    let events = audit_events::recent(&t.db, 200).await.unwrap();
    let told = events.iter().filter(|event| event.event_type == "login_success").count();
    assert_eq!(told, began, "the trail has a sign-in for each session that began, and no other");
    assert_eq!(t.browser().sign_in("alice", &password, "/").await.location(), "/");
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let t = TestApp::start().await;
    let mut browser = t.signed_in("alice").await;
    let old = browser.cookies.clone();
    let page = browser.get("/logout").await;
    let done = browser.post("/logout", &borrowed(&hidden(&page, "/logout"))).await;
    assert_eq!(done.status, 200);
    browser.cookies = old;
    assert!(!browser.get("/").await.body.contains("alice"), "the old cookie still works");
}

#[tokio::test]
async fn cookies_are_bound_to_this_host_and_out_of_reach_of_scripts() {
    let t = TestApp::start().await;
    let mut browser = t.browser();
    let page = browser.get("/login").await;
    let signed_in = browser.sign_in("alice", PASSWORD, "/").await;
    for answer in [&page, &signed_in] {
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with("__Host-keyward"), "{cookie}");
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(attribute), "{attribute} is missing: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn a_sign_in_form_from_elsewhere_signs_nobody_in() {
    let t = TestApp::start().await;
    let mut browser = t.browser();
    let page = browser.get("/login").await;
    let mut form = hidden(&page, "/login");
    form.extend([("username".into(), "alice".into()), ("password".into(), PASSWORD.into())]);
    let elsewhere: [&[(&str, &str)]; 3] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", ISSUER), ("sec-fetch-site", "cross-site")],
    ];
    for headers in elsewhere {
        browser.post_from("/login", &borrowed(&form), headers).await.page(403);
    }
    // Another browser's form, and one whose page lay open too long.
    t.browser().post("/login", &borrowed(&form)).await.page(403);
    t.app.clock.advance(Duration::minutes(31));
    browser.post("/login", &borrowed(&form)).await.page(403);
    assert!(!browser.get("/").await.body.contains("alice"));
}

#[tokio::test]
async fn a_request_that_a_remembered_consent_answers_does_not_write_the_session() {
    let t = TestApp::start().await;
    let request = authorize_path(&t.public_client("c", &[CALLBACK]).await, &[]);
    let mut browser = t.signed_in("alice").await;
    browser.approve(&request).await;
    let lifetime = Duration::seconds(t.app.config.sessions.lifetime.into());
    t.app.clock.advance(lifetime - Duration::MINUTE);
    let answer = browser.get(&request).await;
    assert!(answer.returned("code").is_some(), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), "");
    // A session that had been written would last from then on.
    t.app.clock.advance(Duration::MINUTE);
    assert_eq!(t.app.sessions().count(t.user_named("alice").await.id).await.unwrap(), 0);
}
