//! Which decisions are traced, and in which words.
use super::{agent, look, open, rows};
use crate::support::{
    app::{CALLBACK, TestApp, VERIFIER, authorize_path},
    db::fresh_db,
    device,
    internet::{Internet, json as document},
};
use keyward::{
    fetch::{Fetcher, Network},
    model::ClientId,
};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

/// Event, result and rule, oldest first.
async fn traced(t: &TestApp) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut traces = rows(t, "traces?limit=1000", "traces").await;
    traces.reverse();
    for row in &traces {
        let compared = row["event_type"] == "authorize_redirect_uri_mismatch";
        assert_eq!(row.as_object().unwrap().len(), if compared { 10 } else { 7 }, "{row}");
        assert!(row["request_id"].as_str().is_some_and(|id| id.len() == 32) && row["timestamp"].is_string(), "{row}");
        assert_eq!(row["rule"].is_null(), row["result"] == "success", "{row}");
    }
    let row = |row: &Value| (text(&row["event_type"]).unwrap(), text(&row["result"]).unwrap(), text(&row["rule"]));
    traces.iter().map(row).collect()
}

#[track_caller]
fn are(traces: &[(String, String, Option<String>)], expected: &[(&str, &str, &str)]) {
    let traces: Vec<_> = traces
        .iter()
        .map(|(event, result, rule)| (event.as_str(), result.as_str(), rule.as_deref().unwrap_or("")))
        .collect();
    for (number, (event, result, rule)) in expected.iter().enumerate() {
        let found = traces.get(number).unwrap_or_else(|| panic!("{event} is missing: {traces:?}"));
        assert!(
            found.0 == *event && found.1 == *result && found.2.contains(rule),
            "{found:?} is not {event}: {traces:?}"
        );
    }
    assert_eq!(traces.len(), expected.len(), "{traces:?}");
}

#[tokio::test]
async fn a_client_that_registers_and_a_person_who_decides_leave_a_trace() {
    let t = open("").await;
    t.register(&json!({"redirect_uris": ["http://evil.example/cb"]})).await;
    let client = agent(&t).await;
    let mut alice = t.signed_in("alice").await;
    let path = authorize_path(&client, &[]);
    alice.get(&authorize_path(&client, &[("redirect_uri", "https://evil.example/cb")])).await;
    alice.get(&authorize_path(&client, &[("code_challenge", "")])).await;
    alice.decide(&path, "deny").await;
    let code = alice.approve(&path).await.returned("code").unwrap();
    let wrong = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", &code)];
    t.post("/token", &[&wrong[..], &[("code_verifier", &VERIFIER.replace('d', "e"))]].concat()).await;
    let tokens = t.redeem(&client, &code).await.json();
    let first = tokens["refresh_token"].as_str().unwrap();
    t.app.clock.advance(time::Duration::minutes(1));
    let second = t.refresh(&client, first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    t.refresh(&client, &second).await;
    t.refresh(&client, first).await;
    let valid = ("authorize_request_validation", "success", "");
    are(
        &traced(&t).await,
        &[
            ("dcr_register_start", "success", ""),
            ("dcr_validation_error", "failure", "redirect URI"),
            ("dcr_register_start", "success", ""),
            ("dcr_register_success", "success", ""),
            ("authorize_redirect_uri_mismatch", "failure", "redirect_uri is not registered"),
            ("authorize_request_validation", "failure", "code_challenge"),
            valid,
            valid,
            ("consent_denied", "failure", "the user said no"),
            valid,
            valid,
            ("consent_approved", "success", ""),
            ("authorization_code_issued", "success", ""),
            ("pkce_validation_failure", "failure", "code_verifier does not match"),
            ("token_request_error", "failure", "code_verifier does not match"),
            ("pkce_validation_success", "success", ""),
            ("token_request_success", "success", ""),
            ("token_request_success", "success", ""),
            ("token_request_success", "success", ""),
            ("refresh_reuse_detected", "blocked", "used before"),
            ("token_request_error", "failure", "used before"),
        ],
    );
    // Of what a stranger sent only the redirect URI is there, beside those that are registered.
    let all = look(&t, "/debug/traces").await;
    assert_eq!(all.body.matches("evil").count(), 1, "{}", all.body);
    let mismatch = &rows(&t, "traces?event_type=authorize_redirect_uri_mismatch", "traces").await[0];
    let told = json!(["https://evil.example/cb", [CALLBACK], 0]);
    assert_eq!(json!([mismatch["sent"], mismatch["registered"], mismatch["more_registered"]]), told);
    let only = rows(&t, "traces?event_type=consent_denied", "traces").await;
    assert_eq!((only.len(), &only[0]["client_id"], &only[0]["detail"]), (1, &json!(client), &json!("access_denied")));
    let issued = rows(&t, "traces?event_type=token_request_success&limit=1", "traces").await;
    assert_eq!((issued.len(), &issued[0]["detail"]), (1, &json!("refresh_token")));
}

#[tokio::test]
async fn a_replayed_code_and_devices_leave_a_trace() {
    let t = open("").await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    t.redeem(&client, &code).await;
    t.redeem(&client, &code).await.refused(400, "invalid_grant");
    let names: Vec<_> = traced(&t).await.into_iter().rev().take(3).map(|(event, ..)| event).collect();
    assert_eq!(names, ["token_request_error", "authorization_code_reused", "pkce_validation_success"]);

    let tv = device::device_client(&t, "TV").await;
    let mut alice = t.signed_in("alice").await;
    for (said, event) in [("allow", "device_approved"), ("deny", "device_denied")] {
        let device = device::begin(&t, &tv, &[]).await;
        device::decide(&mut alice, &device, said).await;
        let newest = &rows(&t, "traces", "traces").await[0];
        assert_eq!((&newest["event_type"], &newest["client_id"]), (&json!(event), &json!(tv)));
    }
}

#[tokio::test]
async fn who_may_not_register_is_an_error_of_registration() {
    let t = open("registration.policy = \"token\"").await;
    t.register(&json!({"redirect_uris": [CALLBACK]})).await.refused(401, "invalid_token");
    are(
        &traced(&t).await,
        &[("dcr_register_start", "success", ""), ("dcr_register_error", "failure", "initial access token")],
    );
}

const URL: &str = "https://app.example/client.json";

async fn with_internet(network: Network) -> TestApp {
    TestApp::prepared(fresh_db().await, "", |app| {
        app.config.debug.this_machine = true;
        app.fetch.fetcher = Fetcher::new(network).unwrap();
    })
    .await
}

async fn ask(t: &TestApp) -> Vec<(String, String, Option<String>)> {
    let path = authorize_path(&ClientId::from(URL), &[("redirect_uri", CALLBACK)]);
    t.signed_in("alice").await.get(&path).await;
    let mut traces = traced(t).await;
    traces.retain(|(event, ..)| event.starts_with("cimd_"));
    traces
}

#[tokio::test]
async fn a_document_that_is_fetched_kept_refused_or_out_of_reach_leaves_a_trace() {
    let internet = Internet::new().await;
    let about = json!({"client_id": URL, "client_name": "App", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none"});
    let asked = [("cimd_fetch_cache_miss", "success", ""), ("cimd_fetch_start", "success", "")];
    internet.publish(&about).await;
    let t = with_internet(internet.network()).await;
    are(&ask(&t).await, &[asked[0], asked[1], ("cimd_fetch_success", "success", "")]);
    assert_eq!(ask(&t).await.last().unwrap().0, "cimd_fetch_cache_hit");

    let lies = json!({"client_id": "https://other.example/client.json"});
    for (answer, event, result, rule) in [
        (document(&lies), "cimd_validation_error", "failure", "client_id"),
        (ResponseTemplate::new(404), "cimd_fetch_error", "failure", "the status is not 200"),
        (ResponseTemplate::new(500), "cimd_fetch_error", "failure", "the host did not answer properly"),
    ] {
        internet.serve(URL, answer).await;
        let t = with_internet(internet.network()).await;
        are(&ask(&t).await, &[asked[0], asked[1], (event, result, rule)]);
    }
    let blocked = with_internet(Network { allows: |_| false, ..internet.network() }).await;
    let traces = ask(&blocked).await;
    are(&traces, &[asked[0], asked[1], ("cimd_ssrf_blocked", "blocked", "")]);
}
