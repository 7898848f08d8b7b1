//! What tools keep and refuse: notes, rules on arguments, and what a surface tells of itself.
use crate::{
    support::{TestServer, call, modern},
    surfaces::{credential, headers, post},
};
use serde_json::{Value, json};

async fn at(t: &TestServer, surface: &str, tool: &str, arguments: Value) -> Value {
    let answer = post(t, surface, credential(t, surface), &call(tool, arguments)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn content(answer: &Value) -> &Value {
    assert_eq!(answer["result"]["content"][0]["text"], answer["result"]["structuredContent"].to_string());
    &answer["result"]["structuredContent"]
}

#[tokio::test]
async fn notes_are_their_writers_alone() {
    let t = TestServer::start().await;
    let written = at(&t, "oauth", "write_note", json!({"key": "k", "content": "Grüße"})).await;
    assert_eq!(content(&written), &json!({"key": "k", "stored": true, "length": 5}));
    let read = at(&t, "oauth", "read_note", json!({"key": "k"})).await;
    assert_eq!(content(&read)["content"], "Grüße");
    assert!(content(&read)["updated_at"].as_str().unwrap().ends_with('Z'));
    let bob = t.token_with(json!({"sub": "bob", "scope": "mcp:admin"}));
    let of_bob = t.post(&bob, &call("read_note", json!({"key": "k"}))).await.json();
    let elsewhere = at(&t, "api-key", "read_note", json!({"key": "k"})).await;
    for other in [of_bob, elsewhere] {
        assert_eq!(other["result"]["isError"], true);
        assert_eq!(content(&other), &json!({"success": false, "error": "Note not found"}));
    }
    let same_person = t.token_with(json!({"client_id": "c2"}));
    let answer = t.post(&same_person, &call("read_note", json!({"key": "k"}))).await.json();
    assert_eq!(content(&answer)["content"], "Grüße");
}

#[tokio::test]
async fn arguments_are_held_to_the_schema_that_is_shown() {
    let t = TestServer::start().await;
    let cases = [
        ("echo", json!({}), "message", "required"),
        ("echo", json!({"message": 1}), "message", "type"),
        ("echo", json!({"message": "a", "tell-tale": 1}), "", "additionalProperties"),
        ("read_note", json!({"key": ""}), "key", "minLength"),
        ("write_note", json!({"key": "a".repeat(201), "content": ""}), "key", "maxLength"),
    ];
    for (tool, arguments, parameter, rule) in cases {
        let answer = at(&t, "oauth", tool, arguments).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        let told = content(&answer);
        assert_eq!((&told["parameter"], &told["rule"], &told["tool"]), (&json!(parameter), &json!(rule), &json!(tool)));
        let text = told["error"].as_str().unwrap();
        assert!(text.contains(parameter) && text.contains(rule) && !answer.to_string().contains("tell-tale"), "{text}");
        assert!(!told["allowed"].is_null(), "{told}");
    }
}

#[tokio::test]
async fn rules_on_arguments_are_told_apart_from_wrong_ones() {
    let t = TestServer::start().await;
    let cases = [
        ("write_note", json!({"key": "k", "content": "a".repeat(1001)}), "max_length", Some("content")),
        ("write_note", json!({"key": "k", "content": "sudo RM -RF /"}), "blocked_substrings", Some("content")),
        ("write_note", json!({"key": "k", "content": "drop table users"}), "blocked_substrings", Some("content")),
        ("write_note", json!({"key": "k", "content": "a<script>"}), "blocked_substrings", Some("content")),
        ("dangerous_delete", json!({"target": "*", "confirm": false}), "equals", Some("confirm")),
        ("dangerous_delete", json!({"target": "*", "confirm": true}), "environment_flag", None),
    ];
    at(&t, "oauth", "write_note", json!({"key": "k", "content": "kept"})).await;
    for (tool, arguments, rule, parameter) in cases {
        let error = at(&t, "oauth", tool, arguments).await["error"].clone();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32002), &json!("Policy denied")), "{tool}");
        let data = &error["data"];
        assert_eq!((&data["rule"], &data["parameter"], &data["tool"]), (&json!(rule), &json!(parameter), &json!(tool)));
        assert!(data["reason"].is_string());
    }
    assert_eq!(content(&at(&t, "oauth", "read_note", json!({"key": "k"})).await)["content"], "kept");
}

#[tokio::test]
async fn checks_come_in_order_scope_schema_rules() {
    let t = TestServer::start().await;
    let wrong = call("dangerous_delete", json!({"confirm": false}));
    assert_eq!(t.post(&t.token("mcp:read"), &wrong).await.status, 403);
    assert_eq!(content(&t.post(&t.token("mcp:admin"), &wrong).await.json())["rule"], "required");
}

#[tokio::test]
async fn a_surface_describes_itself_and_what_its_tools_need() {
    let t = TestServer::start().await;
    let list = t.send(modern(&t.token("mcp:read"), "resources/list", json!({}))).await.json();
    assert_eq!(list["result"]["cacheScope"], "private");
    let uris: Vec<_> = list["result"]["resources"].as_array().unwrap().iter().map(|one| one["uri"].clone()).collect();
    assert_eq!(uris, ["surface://self", "policy://tools"]);
    let read = async |surface: &str, uri: &str| {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
        let answer = post(&t, surface, credential(&t, surface), &message).await.json();
        let contents = &answer["result"]["contents"][0];
        assert_eq!(contents["mimeType"], "application/json", "{answer}");
        serde_json::from_str::<Value>(contents["text"].as_str().unwrap()).unwrap()
    };
    let own = read("basic", "surface://self").await;
    assert_eq!((&own["id"], &own["kind"], &own["subject"]), (&json!("basic"), &json!("basic"), &json!("testuser")));
    assert_eq!(own["sse"], "http://127.0.0.1:8990/sse/basic");
    let policy = read("oauth", "policy://tools").await;
    let write = policy["tools"].as_array().unwrap().iter().find(|tool| tool["tool"] == "write_note").unwrap();
    assert_eq!((&write["scope"], &write["allowed"]), (&json!("mcp:tools:write"), &json!(true)));
    assert_eq!(write["rules"][0]["max_length"], 1000);
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "no://such"}});
    let missing = post(&t, "basic", credential(&t, "basic"), &message).await;
    assert!(missing.json()["error"]["code"].is_i64(), "{missing:?}");
}

#[tokio::test]
async fn a_store_in_a_file_outlives_the_server() {
    let t = TestServer::start().await;
    let file = std::env::temp_dir().join(format!("keyward-rs-{}.db", uuid::Uuid::now_v7()));
    let text = format!(
        "demo = true\nstore = {:?}\n[[surface]]\nid = \"basic\"\nkind = \"basic\"\ntools = [\"core\"]\n\
         users = [{{ username = \"testuser\", password = \"testpass123\" }}]",
        file.to_str().unwrap()
    );
    let settings = keyward_resource_server::Settings::parse(&text).unwrap();
    let t = t.with(settings.clone());
    at(&t, "basic", "write_note", json!({"key": "k", "content": "kept"})).await;
    let t = t.with(settings);
    let authorization = headers(&[("authorization", &crate::surfaces::basic("testuser", "testpass123"))]);
    let read = post(&t, "basic", authorization, &call("read_note", json!({"key": "k"}))).await.json();
    assert_eq!(content(&read)["content"], "kept");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "what people wrote is nobody else's");
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}
