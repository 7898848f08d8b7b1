//! A redirect URI that is not registered: who sees it beside the registered ones.
use crate::support::{
    app::{Answer, CALLBACK, CHALLENGE, TestApp, authorize_path},
    log::Log,
};
use axum::http::Request;
use keyward::model::ClientId;
use serde_json::{Value, json};

const SENT: &str = "https://client.example/cb2";

/// The rows under "Sent and registered".
#[track_caller]
fn rows(page: &Answer) -> Vec<String> {
    page.page(400);
    let html = scraper::Html::parse_document(&page.body);
    let select = scraper::Selector::parse("section[aria-labelledby=compared] dl > div").unwrap();
    let text = |row: scraper::ElementRef| row.text().collect::<Vec<_>>().join(" ").trim().to_owned();
    html.select(&select).map(text).collect()
}

fn path(client: &ClientId, redirect_uri: &str) -> String {
    authorize_path(client, &[("redirect_uri", redirect_uri)])
}

fn last(t: &TestApp) -> Value {
    serde_json::to_value(&t.app.trace.recent()[0]).unwrap()
}

#[tokio::test]
async fn a_page_shows_what_was_sent_beside_what_is_registered_and_the_cure() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK, "http://127.0.0.1/cb"]).await;
    let page = t.browser().get(&path(&client, SENT)).await;
    let shown =
        ["Sent https://client.example/cb2", "Registered https://client.example/cb", "Registered http://127.0.0.1/cb"];
    assert_eq!(rows(&page), shown);
    for words in ["return address is not registered", "not registered for this client", "send a registered address"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let trace = last(&t);
    assert_eq!((&trace["event_type"], &trace["sent"]), (&json!("authorize_redirect_uri_mismatch"), &json!(SENT)));
    assert_eq!(trace["registered"], json!([CALLBACK, "http://127.0.0.1/cb"]));
    // None at all, where it is not clear which is meant.
    let page = t.browser().get(&authorize_path(&client, &[])).await;
    assert_eq!(rows(&page)[..2], ["Sent none", "Registered https://client.example/cb"]);
    assert!(page.body.contains("The app sent no return address"));
    // Nothing of it is on other pages.
    let page = t.browser().get(&authorize_path(&ClientId::from("nobody"), &[("redirect_uri", SENT)])).await;
    assert!(rows(&page).is_empty());
    assert_eq!(t.db.number("SELECT count(*) FROM codes").await, 0);
}

#[tokio::test]
async fn where_an_operators_client_returns_to_is_shown_to_people_who_are_signed_in_and_to_no_stranger() {
    let t = TestApp::start().await;
    let internal = "https://wiki.internal.example/cb";
    let client = t.public_client("wiki", &[internal]).await;
    let asked = path(&client, SENT);
    let page = t.browser().get(&asked).await;
    assert_eq!(rows(&page), ["Sent https://client.example/cb2", "Registered shown to people who are signed in"]);
    assert!(!page.body.contains("internal"), "{}", page.body);
    let missing = t.browser().get(&authorize_path(&t.public_client("two", &[internal, CALLBACK]).await, &[])).await;
    assert!(!missing.body.contains("internal"), "{}", missing.body);
    let page = t.signed_in("alice").await.get(&asked).await;
    assert_eq!(rows(&page)[1], "Registered https://wiki.internal.example/cb");
    // The operator has both.
    let trace = last(&t);
    assert_eq!((&trace["sent"], &trace["registered"]), (&json!(SENT), &json!([internal])));
}

#[tokio::test]
async fn what_was_sent_stays_text_is_cut_and_keeps_no_secret() {
    let t = TestApp::start().await;
    let many: Vec<_> = (0..8).map(|n| format!("https://client.example/{n}")).collect();
    let client = t.stranger("c", &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let token = "kwr_0123456789abcdefghijklmnopqrstuvwxyz";
    let sent =
        format!("https://evil.example/\"><script>alert(1)</script>\u{202e}\x1b[2J{token}/{}", "x/".repeat(2_500));
    let log = Log::listen();
    let page = t.browser().get(&path(&client, &sent)).await;
    let rows = rows(&page);
    assert!(rows[0].contains("\"><script>alert(1)</script>\\u{202e}\\u{1b}[2J") && rows[0].ends_with('…'), "{rows:?}");
    assert!(rows[0].chars().count() < 260, "{rows:?}");
    assert_eq!((rows.len(), rows.last().unwrap().as_str()), (7, "Registered and 3 more"));
    for text in [&page.body, &last(&t).to_string(), &format!("{:?}", log.lines(""))] {
        let hidden = ["<script", token, "\u{202e}", "\x1b", &"x/".repeat(150)].map(|text_of| text.contains(text_of));
        assert_eq!(hidden[1..], [false; 4], "{text}");
    }
    assert!(!page.body.contains("<script"));
    let logged = log.lines("redirect_uri");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0]["sent"].as_str().unwrap().starts_with("https://evil.example/"));
    assert!(
        logged[0]["registered"].as_str().unwrap().starts_with("https://client.example/0 https://client.example/1 ")
    );
}

#[tokio::test]
async fn programs_are_told_the_rule_alone_and_a_pushed_request_leaves_the_same_trace() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let request = Request::get(path(&client, SENT)).header("accept", "application/json").body(String::new().into());
    let answer = t.send(request.unwrap()).await;
    answer.refused(400, "invalid_request");
    assert_eq!(answer.json()["error_description"], "redirect_uri is not registered for this client");
    let pushed = [("client_id", "c"), ("response_type", "code"), ("redirect_uri", SENT), ("code_challenge", CHALLENGE)];
    let answer = t.post("/par", &[&pushed[..], &[("code_challenge_method", "S256")]].concat()).await;
    answer.refused(400, "invalid_request");
    assert!(!answer.body.contains("client.example"), "{answer:?}");
    let trace = last(&t);
    assert_eq!((&trace["sent"], &trace["registered"]), (&json!(SENT), &json!([CALLBACK])));
}
