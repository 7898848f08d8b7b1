//! What the program writes down: a JSON object on each line.
use super::House;
use crate::{
    support::{TestServer, call},
    surfaces::{SURFACES, credential, headers},
};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::test]
async fn each_line_is_an_object_and_tells_what_started_and_what_was_asked() {
    let t = TestServer::start().await;
    let house = House::new(&t);
    let mut server = house.start("info");
    let http = Client::builder().no_proxy().build().unwrap();
    let ask = async |surface: &str, brought, message: &Value| {
        let request = http.post(server.url(&format!("/mcp/{surface}"))).headers(brought).json(message);
        request.header("x-request-id", format!("id-of-{surface}")).send().await.unwrap().status().as_u16()
    };
    let mail = json!({"to": "a@b.example", "subject": "Hello", "body": "w", "cc": ["c@d.example"]});
    assert_eq!(ask("client-credentials", credential(&t, "client-credentials"), &call("send_email", mail)).await, 200);
    assert_eq!(ask("basic", headers(&[("authorization", "Basic eDp5")]), &call("list_files", json!({}))).await, 401);
    assert_eq!(ask("no-auth", headers(&[]), &call("no-such-tool", json!({"password": "tell-tale"}))).await, 200);
    assert_eq!(ask("api-key", credential(&t, "api-key"), &json!([])).await, 400);
    let log = server.kill();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = lines.into_iter().map(|line| line["fields"].clone()).collect();
    starts(&lines);
    let of = |surface: &str, event: &str| {
        let found: Vec<_> = lines.iter().filter(|line| line["surface"] == surface && line["event"] == event).collect();
        assert_eq!(found.len(), 1, "{surface} {event}: {log}");
        assert_eq!(found[0]["request_id"], format!("id-of-{surface}"));
        assert_eq!((&found[0]["transport"], &found[0]["source_ip"]), (&json!("streamable-http"), &json!("127.0.0.1")));
        assert!(found[0]["payload_length"].is_u64(), "{}", found[0]);
        found[0]
    };
    for surface in ["client-credentials", "basic", "no-auth", "api-key"] {
        of(surface, "request_start");
    }
    let sent = of("client-credentials", "request_success");
    for (member, value) in [
        ("scheme", json!("Bearer")),
        ("method", json!("tools/call")),
        ("tool", json!("send_email")),
        ("arguments", json!("body cc subject to")),
        ("client_id", json!("c1")),
        ("subject", json!("c1")),
        ("scope", json!("mcp:admin")),
        ("grant_type", json!("client_credentials")),
        ("audience", json!("http://127.0.0.1:8990/mcp/client-credentials")),
        ("status", json!(200)),
    ] {
        assert_eq!(sent[member], value, "{member}: {sent}");
    }
    assert!(sent["duration_ms"].is_u64() && sent.get("error").is_none(), "{sent}");
    let refused = of("basic", "request_error");
    let parts = (&refused["status"], &refused["error"], &refused["failed_check"]);
    assert_eq!(parts, (&json!(401), &json!("invalid_token"), &json!("credential")));
    let failed = of("no-auth", "request_error");
    assert_eq!((&failed["status"], &failed["error"]), (&json!(200), &json!("unknown_tool")));
    assert!(failed["payload"].as_str().unwrap().contains("\"password\":\"sha256:"), "{failed}");
    assert_eq!(of("api-key", "request_error")["status"], 400);
}

/// A line for each surface and transport.
fn starts(lines: &[Value]) {
    for surface in SURFACES {
        let found: Vec<_> =
            lines.iter().filter(|line| line["message"] == "surface" && line["surface"] == surface).collect();
        let aliases = usize::from(surface == "oauth");
        assert_eq!(found.len(), 2 + aliases, "{surface}");
        for line in found {
            let scheme = match surface {
                "basic" => "Basic",
                "security-keys" => "SecurityKey",
                "no-auth" => "none",
                _ => "Bearer",
            };
            let keys = match surface {
                "bearer-token" | "api-key" => 1,
                "basic" => 2,
                "security-keys" => 3,
                "session" => 7,
                _ => 0,
            };
            assert_eq!((&line["scheme"], &line["keys"]), (&json!(scheme), &json!(keys)), "{surface}");
            let address = line["address"].as_str().unwrap();
            let path = if line["transport"] == "streamable-http" { "/mcp" } else { "/sse" };
            assert!(address.starts_with(&format!("http://127.0.0.1:8990{path}")), "{line}");
            assert!(line["name"].is_string(), "{line}");
        }
    }
}
