//! Attacks on the device authorization grant (RFC 8628 §5): early polls, guessing, remote phishing, races.
use crate::support::{
    app::{Answer, ISSUER, TestApp, encode, send},
    browser::{borrowed, hidden},
    device::{GRANT_TYPE, begin, decide, decision, device_client, enter, poll, poll_later, user_code},
    grants::{grants_of, nothing_was_granted},
};
use axum::{Router, body::Body, http::Request};
use keyward::{authorization::device::look_up, http::router, model::ClientId, secrets::UserCode};
use time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn attack_71_impatience_widens_the_interval_and_learns_nothing() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    let wait = |seconds| t.app.clock.advance(Duration::seconds(seconds));
    poll(&t, &tv, &device).await.refused(400, "authorization_pending");
    wait(1);
    poll(&t, &tv, &device).await.refused(400, "slow_down");
    wait(7);
    poll(&t, &tv, &device).await.refused(400, "slow_down");
    wait(12);
    poll(&t, &tv, &device).await.refused(400, "slow_down");
    wait(20);
    poll(&t, &tv, &device).await.refused(400, "authorization_pending");
    // The wider interval stays, and counts from the last poll.
    wait(16);
    for _ in 0..20 {
        poll(&t, &tv, &device).await.refused(400, "slow_down");
    }
    // However often: a minute is enough.
    wait(60);
    poll(&t, &tv, &device).await.refused(400, "authorization_pending");
    // What somebody decided is not kept from whoever was impatient.
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    assert_eq!(poll(&t, &tv, &device).await.status, 200);
}

#[tokio::test]
async fn attack_72_each_end_has_its_name_and_another_client_sees_none() {
    let t = TestApp::start().await;
    let (tv, thief) = (device_client(&t, "TV").await, device_client(&t, "Thief").await);
    let denied = begin(&t, &tv, &[]).await;
    let expired = begin(&t, &tv, &[]).await;
    let redeemed = begin(&t, &tv, &[]).await;
    let mut alice = t.signed_in("alice").await;
    decide(&mut alice, &denied, "deny").await;
    decide(&mut alice, &redeemed, "allow").await;
    for device in [&denied, &expired, &redeemed] {
        // As often as it likes: the owner's interval is not touched.
        for _ in 0..3 {
            poll(&t, &thief, device).await.refused(400, "invalid_grant");
        }
    }
    t.app.clock.advance(Duration::seconds(5));
    poll(&t, &tv, &denied).await.refused(400, "access_denied");
    poll(&t, &tv, &expired).await.refused(400, "authorization_pending");
    let tokens = poll(&t, &tv, &redeemed).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let late = begin(&t, &tv, &[]).await;
    decide(&mut alice, &late, "allow").await;
    t.app.clock.advance(Duration::minutes(10));
    poll(&t, &tv, &expired).await.refused(400, "expired_token");
    poll(&t, &tv, &late).await.refused(400, "expired_token");
    poll(&t, &tv, &redeemed).await.refused(400, "invalid_grant");
    let unknown = serde_json::json!({"device_code": "kwd_unknown"});
    poll(&t, &tv, &unknown).await.refused(400, "invalid_grant");
    assert_eq!(grants_of(&t, "alice").await.len(), 1);
    // The second redemption took nothing away.
    assert_eq!(t.refresh(&tv, tokens.json()["refresh_token"].as_str().unwrap()).await.status, 200);
}

async fn poll_at(router: Router, client: ClientId, code: String) -> Answer {
    let form = [("grant_type", GRANT_TYPE), ("client_id", client.as_str()), ("device_code", &code)];
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    send(&router, request.body(Body::from(encode(&form))).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_72_of_fifty_polls_at_two_nodes_at_once_one_gets_tokens() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    decide(&mut t.signed_in("alice").await, &device, "allow").await;
    t.app.clock.advance(Duration::seconds(5));
    let nodes = [router(t.app.clone()), router(t.second_node().await)];
    let mut all = JoinSet::new();
    for number in 0..50 {
        let code = device["device_code"].as_str().unwrap().to_owned();
        all.spawn(poll_at(nodes[number % 2].clone(), tv.clone(), code));
    }
    let (good, bad): (Vec<_>, Vec<_>) = all.join_all().await.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 49));
    for answer in bad {
        answer.refused(400, "invalid_grant");
    }
    assert_eq!(grants_of(&t, "alice").await.len(), 1);
}

/// The text of a page, without what was typed and what changes each time.
fn words(page: &Answer) -> String {
    let html = scraper::Html::parse_document(&page.body);
    html.root_element().text().collect()
}

#[tokio::test]
async fn attack_73_however_it_is_typed_it_is_the_code_and_every_other_reads_the_same() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let used = begin(&t, &tv, &[]).await;
    let expired = begin(&t, &tv, &[]).await;
    let mut alice = t.signed_in("alice").await;
    decide(&mut alice, &used, "deny").await;
    t.app.clock.advance(Duration::minutes(10));
    let device = begin(&t, &tv, &[]).await;
    let code = user_code(&device);
    for typed in [code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!("  {code}. ")] {
        hidden(&enter(&mut alice, &typed).await, "/device/decision");
    }
    let mut told = Vec::new();
    for wrong in ["BBBB-BBBB", user_code(&expired), user_code(&used), "short"] {
        let page = enter(&mut alice, wrong).await;
        page.page(400);
        told.push(words(&page));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // Three of them could have been codes; right ones in between buy no further guesses.
    for wrong in ["CCCC-CCCC", "DDDD-DDDD"] {
        enter(&mut alice, wrong).await.page(400);
    }
    let throttled = enter(&mut alice, "FFFF-FFFF").await;
    throttled.page(429);
    assert!(throttled.header("retry-after").parse::<u64>().unwrap() > 0);
    // In another session, and with the right code too; but somebody else is not affected.
    enter(&mut t.signed_in("alice").await, code).await.page(429);
    hidden(&enter(&mut t.signed_in("bob").await, code).await, "/device/decision");
    t.app.clock.advance(Duration::seconds(31));
    hidden(&enter(&mut alice, code).await, "/device/decision");
}

#[tokio::test]
async fn attack_73_of_ten_thousand_guesses_in_three_hours_a_dozen_is_looked_at() {
    let t = TestApp::start().await;
    let alice = t.user_named("alice").await;
    let mut looked_at = 0;
    for _ in 0..10_000 {
        match look_up(&t.app, &UserCode::random(), &alice, [127, 0, 0, 1].into()).await {
            Ok(found) => {
                assert!(found.is_none());
                looked_at += 1;
            }
            Err(error) => assert_eq!(error.code, "too_many_requests"),
        }
        t.app.clock.advance(Duration::seconds(1));
    }
    assert!((5..=15).contains(&looked_at), "{looked_at} guesses were looked at");
}

#[tokio::test]
async fn attack_73_own_codes_in_between_buy_no_further_guesses() {
    let t = TestApp::start().await;
    let own = begin(&t, &device_client(&t, "Own").await, &[]).await;
    let mut mallory = t.signed_in("bob").await;
    for wrong in ["BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "FFFF-FFFF", "GGGG-GGGG"] {
        enter(&mut mallory, wrong).await.page(400);
        if wrong != "GGGG-GGGG" {
            hidden(&enter(&mut mallory, user_code(&own)).await, "/device/decision");
        }
    }
    enter(&mut mallory, "HHHH-HHHH").await.page(429);
}

#[tokio::test]
async fn attack_74_a_link_a_frame_or_another_site_lets_no_device_in() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    let device = begin(&t, &tv, &[]).await;
    let mut victim = t.signed_in("alice").await;
    let link = format!("/device?user_code={}", user_code(&device));
    // Opened, and framed.
    for path in [&link, &format!("{link}&decision=allow")] {
        let page = victim.get(path).await;
        page.page(200);
    }
    assert_eq!(
        victim.get(&format!("/device/decision?user_code={}&decision=allow", user_code(&device))).await.status,
        405
    );
    let page = enter(&mut victim, user_code(&device)).await;
    let form = decision(&page, "allow");
    let from_elsewhere: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", ISSUER), ("sec-fetch-site", "same-site")],
    ];
    for headers in from_elsewhere {
        victim.post_from("/device/decision", &borrowed(&form), headers).await.page(403);
        let code = [("user_code", user_code(&device))];
        victim.post_from("/device", &code, headers).await.page(403);
    }
    // Without a form of ours, with somebody else's, with one for another device, signed out.
    let bare = [("user_code", user_code(&device)), ("decision", "allow")];
    victim.post("/device/decision", &bare).await.page(403);
    victim.post("/device", &bare).await.page(403);
    t.signed_in("bob").await.post("/device/decision", &borrowed(&form)).await.page(409);
    let evil = begin(&t, &tv, &[]).await;
    let swapped: Vec<_> = form
        .iter()
        .map(|(name, value)| if name == "user_code" { ("user_code", user_code(&evil)) } else { (&**name, &**value) })
        .collect();
    let again = victim.post("/device/decision", &swapped).await;
    again.page(409);
    assert!(again.body.contains("another device"), "{again:?}");
    let nobody = t.browser().post("/device/decision", &borrowed(&form)).await;
    assert!(nobody.location().starts_with("/login?return_to=%2Fdevice"), "{nobody:?}");
    let undecided: Vec<_> = borrowed(&form).into_iter().filter(|(name, _)| *name != "decision").collect();
    victim.post("/device/decision", &undecided).await.page(400);
    for waiting in [&device, &evil] {
        poll_later(&t, &tv, waiting).await.refused(400, "authorization_pending");
    }
    nothing_was_granted(&t).await;
    // Half an hour would be the form's age, but the code is gone before.
    t.app.clock.advance(Duration::minutes(10));
    victim.post("/device/decision", &borrowed(&form)).await.page(400);
    nothing_was_granted(&t).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_75_of_a_yes_and_a_no_at_once_one_counts_and_the_device_hears_that_one() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    for _ in 0..4 {
        let device = begin(&t, &tv, &[]).await;
        let (mut alice, mut bob) = (t.signed_in("alice").await, t.signed_in("bob").await);
        let yes = decision(&enter(&mut alice, user_code(&device)).await, "allow");
        let no = decision(&enter(&mut bob, user_code(&device)).await, "deny");
        let (yes, no) = (borrowed(&yes), borrowed(&no));
        let (said_yes, said_no) = tokio::join!(alice.post("/device/decision", &yes), bob.post("/device/decision", &no));
        let mut statuses = [said_yes.status.as_u16(), said_no.status.as_u16()];
        let heard = poll_later(&t, &tv, &device).await;
        if said_yes.status == 200 {
            assert_eq!(heard.status, 200, "{heard:?}");
        } else {
            heard.refused(400, "access_denied");
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        // Nor does a second thought change what was said.
        let (mut late, said) = if said_yes.status == 200 { (alice, "deny") } else { (bob, "allow") };
        enter(&mut late, user_code(&device)).await.page(409);
        // Of alice's own form it is told how she answered; of another's nothing.
        let status = if said == "deny" { 409 } else { 400 };
        late.post("/device/decision", &[&yes[..yes.len() - 1], &[("decision", said)]].concat()).await.page(status);
        // Who comes too late knew no live code, and that counts until it is forgotten.
        t.app.clock.advance(Duration::minutes(16));
    }
}
