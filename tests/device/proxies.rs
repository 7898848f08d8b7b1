//! The page for devices behind a proxy: it compares two addresses only if both are known.
use crate::support::{
    app::{Answer, ISSUER, TestApp},
    browser::{Browser, borrowed, hidden},
    device::{begin, decision, device_client, user_code},
};

const SAME: &str = "The same address as this browser";
const OTHER: &str = "Another address than this browser";
const UNTOLD: &str = "A proxy hides this browser's address";

/// Posts as a page of ours, with what a proxy adds.
async fn post(browser: &mut Browser<'_>, path: &str, form: &[(String, String)], added: &[(&str, &str)]) -> Answer {
    let own = [("origin", ISSUER), ("sec-fetch-site", "same-origin")];
    browser.post_from(path, &borrowed(form), &[&own[..], added].concat()).await
}

async fn enter(browser: &mut Browser<'_>, code: &str, added: &[(&str, &str)]) -> Answer {
    let mut form = hidden(&browser.get("/device").await, "/device");
    form.push(("user_code".into(), code.into()));
    post(browser, "/device", &form, added).await
}

/// Which of the three sentences it has.
#[track_caller]
fn said(page: &Answer) -> [bool; 3] {
    assert_eq!(page.status, 200, "{page:?}");
    let body = page.body.replace("&#39;", "'");
    [SAME, OTHER, UNTOLD].map(|sentence| body.contains(sentence))
}

#[tokio::test]
async fn an_address_that_is_a_proxys_is_not_called_the_same() {
    let t = TestApp::with("trusted_proxies = []").await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    let mut alice = t.signed_in("alice").await;
    assert_eq!(said(&enter(&mut alice, user_code(&device), &[]).await), [true, false, false]);
    for added in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9"), ("via", "1.1 proxy")] {
        let page = enter(&mut alice, user_code(&device), &[added]).await;
        assert_eq!(said(&page), [false, false, true], "{added:?}");
    }
    // The decision comes the same way.
    let added = [("x-forwarded-for", "203.0.113.9")];
    let page = enter(&mut alice, user_code(&device), &added).await;
    post(&mut alice, "/device/decision", &decision(&page, "allow"), &[]).await.page(409);
    let allowed = post(&mut alice, "/device/decision", &decision(&page, "allow"), &added).await;
    assert!(allowed.status == 200 && allowed.body.contains("Connected"), "{allowed:?}");
}

#[tokio::test]
async fn addresses_that_a_named_proxy_tells_are_compared() {
    // The tests' own connections come from 127.0.0.1.
    let t = TestApp::with("trusted_proxies = [\"127.0.0.0/8\"]").await;
    let tv = device_client(&t, "TV").await;
    let told = [("x-forwarded-for", "203.0.113.9")];
    let asked = t.post_with("/device_authorization", &[("client_id", tv.as_str())], &told).await.json();
    let mut alice = t.signed_in("alice").await;
    assert_eq!(said(&enter(&mut alice, user_code(&asked), &told).await), [true, false, false]);
    let elsewhere = [("x-forwarded-for", "203.0.113.10")];
    assert_eq!(said(&enter(&mut alice, user_code(&asked), &elsewhere).await), [false, true, false]);
    // It tells of nobody.
    assert_eq!(said(&enter(&mut alice, user_code(&asked), &[]).await), [false, false, true]);
}
