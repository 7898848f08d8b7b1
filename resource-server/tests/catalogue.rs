//! The tools as clients see them: each name, what must be said, what may be left out and then counts as, the scope.
use crate::support::{TestServer, call, request};
use axum::body::Body;
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const READ: &str = "mcp:tools:read";
const WRITE: &str = "mcp:tools:write";
const CALL: &str = "mcp:tools:call";
const ECHO: &str = "mcp:tools:echo";

/// Set, tool, scope, what is required, and what is not with its default; null: without one.
fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str, Value)> {
    vec![
        ("core", "echo", ECHO, "message", json!({"count": null, "uppercase": false})),
        ("core", "ping", ECHO, "", json!({})),
        ("core", "whoami", READ, "", json!({"client_id": null})),
        ("core", "read_note", READ, "key", json!({})),
        ("core", "write_note", WRITE, "key content", json!({})),
        ("core", "dangerous_delete", "mcp:tools:admin", "target confirm", json!({})),
        ("greeting", "greet", READ, "name", json!({})),
        ("greeting", "get_secret", WRITE, "key", json!({})),
        ("projects", "create_project", WRITE, "name description deadline", json!({"priority": "medium"})),
        ("projects", "add_task", WRITE, "project_id title assignee due_date", json!({})),
        ("projects", "get_project_status", READ, "project_id", json!({})),
        ("files", "upload_file", WRITE, "filename size_mb", json!({"folder": "/"})),
        ("files", "list_files", READ, "", json!({"folder": "/", "sort_by": "name"})),
        ("files", "delete_file", WRITE, "file_id", json!({"permanent": false})),
        ("weather", "get_current_weather", READ, "city", json!({"units": "metric"})),
        ("weather", "get_forecast", READ, "city", json!({"days": 5})),
        ("weather", "get_weather_alerts", READ, "city", json!({})),
        ("news", "get_latest_news", READ, "", json!({"category": "general", "limit": 10})),
        ("news", "search_news", READ, "query", json!({"from_date": null})),
        ("news", "get_trending_topics", READ, "", json!({})),
        ("database", "run_sql_query", CALL, "query", json!({"database": "default", "limit": 100})),
        ("database", "get_table_schema", READ, "table_name", json!({"database": "default"})),
        ("database", "export_query_results", CALL, "query_id", json!({"format": "csv"})),
        ("analytics", "analyze_dataset", READ, "dataset_name", json!({"analysis_type": "summary"})),
        ("analytics", "generate_report", CALL, "report_type data_source", json!({"format": "pdf"})),
        ("analytics", "calculate_statistics", READ, "data_points", json!({"operations": null})),
        ("email", "send_email", WRITE, "to subject body", json!({"cc": null})),
        ("email", "get_inbox", READ, "", json!({"folder": "inbox", "limit": 20})),
        ("email", "search_emails", READ, "query", json!({"folder": "all", "limit": 50})),
        ("utilities", "calculate", "", "expression", json!({})),
        ("utilities", "convert_units", "", "value from_unit to_unit", json!({})),
        ("utilities", "generate_random", "", "", json!({"type": "number", "count": 1, "min": 0, "max": 100})),
        ("monitor", "get_cpu_usage", "", "", json!({"interval_seconds": 1})),
        ("monitor", "get_memory_stats", "", "", json!({})),
        ("monitor", "get_disk_usage", "", "", json!({"path": "/"})),
    ]
}

/// Title of a server that offers one set.
const TITLES: [(&str, &str); 11] = [
    ("core", "Keyward demo server"),
    ("greeting", "Greeting"),
    ("projects", "Project Manager"),
    ("files", "File Storage"),
    ("weather", "Weather"),
    ("news", "News"),
    ("database", "Database"),
    ("analytics", "Analytics"),
    ("email", "Email"),
    ("utilities", "Utilities"),
    ("monitor", "System Monitor"),
];

async fn asked(t: &TestServer, message: &Value) -> Value {
    let request = request("POST", "/mcp/one").header("content-type", "application/json");
    t.send(request.body(Body::from(message.to_string())).unwrap()).await.json()
}

#[tokio::test]
async fn each_set_offers_its_tools_with_what_they_take_and_need() {
    for (set, title) in TITLES {
        let text = format!("[[surface]]\nid = \"one\"\nkind = \"no-auth\"\ntools = [\"{set}\"]");
        let t = TestServer::without_keys().await.with(Settings::parse(&text).unwrap());
        assert_eq!(t.get("/").await.json()["surfaces"][0]["title"], title);
        let list = asked(&t, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
        let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "policy://tools"}});
        let policy = asked(&t, &read).await;
        let policy: Value = serde_json::from_str(policy["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
        let listed = list["result"]["tools"].as_array().unwrap();
        let expected: Vec<_> = catalogue().into_iter().filter(|(of, ..)| *of == set).collect();
        let names: Vec<_> = listed.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected.iter().map(|(_, name, ..)| *name).collect::<Vec<_>>());
        for ((tool, needs), (_, name, scope, required, optional)) in
            listed.iter().zip(policy["tools"].as_array().unwrap()).zip(expected)
        {
            assert_eq!((&needs["tool"], needs["scope"].as_str().unwrap_or_default()), (&json!(name), scope));
            let schema = &tool["inputSchema"];
            let required: BTreeSet<_> = required.split_whitespace().collect();
            let own = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
            assert_eq!(own.collect::<BTreeSet<_>>(), required, "{name}");
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let optional = optional.as_object().unwrap();
            assert_eq!(properties.len(), required.len() + optional.len(), "{name}: {properties:?}");
            for (argument, default) in optional {
                assert_eq!(properties[argument].get("default").unwrap_or(&Value::Null), default, "{name} {argument}");
            }
            assert!(tool["outputSchema"]["properties"].is_object() && tool["title"].is_string(), "{tool}");
        }
    }
}

#[tokio::test]
async fn the_first_tools_answer_in_just_these_members() {
    let text = "[[surface]]\nid = \"one\"\nkind = \"no-auth\"\ntools = [\"core\", \"greeting\"]";
    let t = TestServer::without_keys().await.with(Settings::parse(text).unwrap());
    let note = json!({"key": "k"});
    let cases = [
        (
            "echo",
            json!({"message": "ä", "count": 2, "uppercase": true}),
            json!({"message": "Ä", "count": 2, "uppercase": true}),
        ),
        ("echo", json!({"message": "a"}), json!({"message": "a", "uppercase": false})),
        ("ping", json!({}), json!({"pong": true})),
        (
            "whoami",
            json!({"client_id": "somebody"}),
            json!({"identity": "anonymous", "authenticated": false, "surface": "one", "scheme": "none", "subject": "anonymous"}),
        ),
        ("read_note", note, json!({"success": false, "error": "Note not found"})),
        ("write_note", json!({"key": "k", "content": "Grüße"}), json!({"key": "k", "stored": true, "length": 5})),
        ("greet", json!({"name": "Eve"}), json!({"greeting": "Hello, Eve!"})),
        ("get_secret", json!({"key": "other"}), json!({"success": false, "error": "Secret not found"})),
    ];
    for (tool, arguments, expected) in cases {
        let answer = asked(&t, &call(tool, arguments)).await;
        assert_eq!(answer["result"]["structuredContent"], expected, "{tool}");
        assert_eq!(answer["result"]["content"][0]["text"], expected.to_string(), "{tool}");
        assert_eq!(answer["result"]["isError"] == true, expected["success"] == false, "{tool}");
    }
    for key in ["api_key", "database"] {
        let answer = asked(&t, &call("get_secret", json!({"key": key}))).await["result"]["structuredContent"].clone();
        assert_eq!(answer["key"], key);
        assert!(answer["value"].as_str().unwrap().contains("demo-only"), "{answer}");
    }
}
