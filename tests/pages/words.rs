//! Texts of pages: they are true and short, and say how to continue.
use super::{open, text};
use crate::support::{
    app::{CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path},
    browser::borrowed,
    log::Log,
};
use axum::{body::Body, http::Request};
use keyward::oauth::params::form_urlencode;

#[tokio::test]
async fn a_sign_in_that_an_app_demands_again_says_that_it_is_to_confirm_who_one_is() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let hint = t.tokens(&client, &[("scope", "openid")]).await["id_token"].as_str().unwrap().to_owned();
    let confirm = "“Client c” asks you to confirm that it is you, alice.";
    for (asked, who, told) in [
        (("prompt", "login"), "alice", confirm),
        (("max_age", "0"), "alice", confirm),
        (("prompt", "select_account"), "alice", "“Client c” lets you choose the account. You are signed in as alice."),
        (("id_token_hint", &*hint), "bob", "“Client c” asks for another account than bob."),
    ] {
        let mut browser = if who == "alice" { t.browser() } else { t.signed_in("bob").await };
        if who == "alice" {
            browser.cookies.clone_from(&alice.cookies);
        }
        let to_login = browser.get(&authorize_path(&client, &[asked])).await;
        let page = browser.get(to_login.location()).await;
        page.page(200);
        assert!(text(&page, "main").contains(told), "{asked:?}: {page:?}");
        assert_eq!(page.body.contains(r#"value="alice""#), told == confirm, "{page:?}");
    }
    // Of nobody who is signed in it says no more than before.
    let to_login = t.browser().get(&authorize_path(&client, &[("prompt", "login")])).await;
    let page = t.browser().get(to_login.location()).await;
    assert!(text(&page, "main").contains("“Client c” sent you here."), "{page:?}");
    assert!(alice.get("/").await.body.contains("alice"));
}

#[tokio::test]
async fn too_many_wrong_passwords_say_for_how_many_seconds() {
    let t = TestApp::start().await;
    for _ in 0..5 {
        let wrong = t.browser().sign_in("alice", "wrong horse", "/").await;
        assert_eq!(text(&wrong, "[role=alert]"), "Wrong username or password.");
    }
    let throttled = t.browser().sign_in("alice", PASSWORD, "/").await;
    assert_eq!(throttled.status, 429);
    let told = format!("Too many wrong passwords. Try again in {} seconds.", throttled.header("retry-after"));
    assert_eq!(text(&throttled, "[role=alert]"), told);
}

#[tokio::test]
async fn a_second_tab_signs_in_too_and_an_account_switched_in_it_is_told_in_the_first() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let mut browser = t.browser();
    let (one, other) =
        (browser.get(&format!("/login?return_to={}", form_urlencode(&path))).await, browser.get("/login").await);
    let fill = |page, name: &str| {
        super::with(crate::support::browser::hidden(page, "/login"), &[("username", name), ("password", PASSWORD)])
    };
    assert_eq!(browser.post("/login", &borrowed(&fill(&one, "alice"))).await.location(), path);
    assert_eq!(browser.post("/login", &borrowed(&fill(&other, "bob"))).await.location(), "/");
    assert!(browser.get("/").await.body.contains("bob"));
    // Back in the first tab, its form signs alice in again.
    assert_eq!(browser.post("/login", &borrowed(&fill(&one, "alice"))).await.location(), path);
    assert!(browser.get("/").await.body.contains("alice"));
}

#[tokio::test]
async fn a_form_of_ours_under_another_address_is_told_the_right_one() {
    let t = TestApp::start().await;
    for action in super::actions() {
        let (mut browser, form) = open(&t, &action).await;
        let here = "https://10.1.2.3:8443";
        for headers in
            [&[("origin", here), ("host", "10.1.2.3:8443")][..], &[("origin", here), ("sec-fetch-site", "same-origin")]]
        {
            let wrong = browser.post_from(&action, &borrowed(&form), headers).await;
            wrong.page(403);
            let told = format!("This server is {ISSUER}. You opened it under another address.");
            assert!(text(&wrong, "main").contains(&told), "{action}: {wrong:?}");
            assert!(wrong.body.contains(&format!(r#"href="{ISSUER}/""#)), "{wrong:?}");
        }
        let foreign = [("origin", "https://evil.example"), ("host", "auth.example"), ("sec-fetch-site", "cross-site")];
        let wrong = browser.post_from(&action, &borrowed(&form), &foreign).await;
        wrong.page(403);
        assert!(text(&wrong, "main").contains("The form was sent from another site."), "{wrong:?}");
        assert!([200, 303].contains(&browser.post(&action, &borrowed(&form)).await.status.as_u16()), "{action}");
    }
}

#[tokio::test]
async fn who_opens_this_server_under_another_address_is_told_of_in_the_log_once_in_a_while() {
    let (t, log) = (TestApp::start().await, Log::listen());
    let said = || log.lines("somebody opened this server under another address");
    let stylesheet = async |host: &str, page: &str| {
        let request = Request::get("/static/keyward.css").header("host", host).header("referer", page);
        assert_eq!(t.send(request.body(Body::empty()).unwrap()).await.status, 200);
    };
    // Ours; another site's page that borrows our style; and a proxy that asks by a name of its own.
    stylesheet("auth.example", &format!("{ISSUER}/login")).await;
    stylesheet("auth.example", "https://evil.example/").await;
    stylesheet("keyward:8080", &format!("{ISSUER}/login")).await;
    assert_eq!(said().len(), 0);
    for _ in 0..3 {
        stylesheet("10.1.2.3:8443", "https://10.1.2.3:8443/login").await;
        stylesheet("auth.example", "http://auth.example/login").await;
    }
    let opened: Vec<_> = said().iter().map(|line| line["opened"].clone()).collect();
    assert_eq!(opened, ["https://10.1.2.3:8443", "http://auth.example"]);
    assert_eq!(said()[0]["issuer"], ISSUER);
    // Its forms are no news, and nobody can write on and on.
    let (mut browser, form) = open(&t, "/login").await;
    let headers = [("origin", "https://10.1.2.3:8443"), ("host", "10.1.2.3:8443")];
    browser.post_from("/login", &borrowed(&form), &headers).await.page(403);
    assert_eq!(said().len(), 2);
    for n in 0..100 {
        stylesheet(&format!("{n}.example"), &format!("https://{n}.example/{}", "x".repeat(1_000))).await;
    }
    assert_eq!(said().len(), 8);
    t.app.clock.advance(time::Duration::hours(1));
    browser.post_from("/login", &borrowed(&form), &headers).await.page(403);
    assert_eq!(said().len(), 9);
}

#[tokio::test]
async fn what_leads_nowhere_says_what_to_do() {
    let t = TestApp::start().await;
    let dead = t.get("/setup?token=kwi_used").await;
    dead.page(400);
    assert_eq!(text(&dead, "h1"), "This setup link no longer works");
    assert!(dead.body.contains("keyward setup-link"), "{dead:?}");
    assert!(dead.body.contains("Already created? Sign in.") && dead.body.contains(r#"href="/login""#), "{dead:?}");
    let unknown = t.get("/authorize?client_id=nobody&response_type=code").await;
    unknown.page(400);
    assert_eq!(text(&unknown, "h1"), "This app is not known here");
    assert!(unknown.body.contains("Remove the connection in the app and add it again."), "{unknown:?}");
    let malformed = t.get("/authorize").await;
    assert!(malformed.body.contains("Start again in the app that sent you here."), "{malformed:?}");
    // Nobody is sent back to an app that is not there.
    let astray = t.get("/login?return_to=%2Fnowhere").await;
    assert!(!text(&astray, "main").contains(" app") && astray.body.contains(r#"href="/""#), "{astray:?}");
    let (mut alice, form) = open(&t, "/logout").await;
    alice.post("/logout", &borrowed(&form)).await.location();
    let out = alice.get("/logout").await;
    assert_eq!(text(&out, "h1"), "You are signed out in this browser");
    t.db.close().await.unwrap();
    let away = t.get("/authorize?client_id=unheard-of").await;
    away.page(503);
    assert_eq!(text(&away, "h1"), "Keyward is not available for a moment");
    assert_eq!(text(&away, ".lead"), "Reload this page in a few seconds.");
}

#[tokio::test]
async fn a_step_up_shows_all_that_stays_also_on_servers_that_it_does_not_name() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let other = crate::support::app::OTHER;
    let elsewhere = [("scope", "other:read openid"), ("resource", other)];
    alice.approve(&authorize_path(&client, &elsewhere)).await.returned("code").unwrap();
    alice.approve(&authorize_path(&client, &[("scope", "mcp:read")])).await.returned("code").unwrap();
    let page = alice.get(&authorize_path(&client, &[("scope", "mcp:write")])).await;
    assert_eq!(text(&page, "title"), "Allow more to Client c? · Keyward");
    let (new, kept) = page.body.split_once("Already allowed, and stays so").unwrap();
    assert!(new.contains("mcp:write") && !new.contains("mcp:read") && !new.contains(other), "{new}");
    for stays in ["mcp:read", other, "other:read", "Know that it is you"] {
        assert!(kept.contains(stays), "{stays}: {kept}");
    }
}
