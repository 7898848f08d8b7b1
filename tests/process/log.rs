//! What the log says of each line.
use crate::support::{process::House, remote::send};
use serde_json::{Value, json};

#[tokio::test]
async fn a_line_of_the_log_names_its_request_and_one_outside_of_requests_names_none() {
    let house = House::new().await.for_serving();
    let keyward = house.serve();
    // A browser that sees the server elsewhere is warned of.
    let request = keyward.at.http.get(format!("{}/login?return_to=/", keyward.at.issuer));
    let request = request.header("host", "elsewhere.example").header("referer", "http://elsewhere.example/login");
    let answer = send(request).await.unwrap();
    let log = house.log();
    let line = |words: &str| {
        let line = log.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words} in {log}"));
        serde_json::from_str::<Value>(line).unwrap()
    };
    let (own, start) = (line("under another address"), line("server_start"));
    let request = json!({"name": "request", "id": answer.header("x-request-id"), "method": "GET", "path": "/login"});
    assert_eq!((&own["span"], &own["spans"]), (&request, &json!([request])), "{own}");
    assert!(start["span"].is_null() && start["spans"].is_null(), "{start}");
}
