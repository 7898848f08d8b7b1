//! Every tool of the sets: a good call whose result is what its schema promises, and a call that breaks each rule.
use crate::support::{PROGRAM, TestServer, call, request};
use axum::body::Body;
use keyward_resource_server::{Settings, router};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SETS: [&str; 9] =
    ["projects", "files", "weather", "news", "database", "analytics", "email", "utilities", "monitor"];

/// All sets on one open surface, of the demo or not.
pub async fn start(demo: bool) -> TestServer {
    let text = format!("demo = {demo}\n[[surface]]\nid = \"all\"\nkind = \"no-auth\"\ntools = {}", json!(SETS));
    let t = TestServer::without_keys().await;
    let settings =
        Settings { clock: t.clock.clone(), queries: Some(PROGRAM.into()), ..Settings::parse(&text).unwrap() };
    TestServer { router: router(&settings).unwrap(), ..t }
}

pub async fn send(t: &TestServer, message: &Value) -> Value {
    let request = request("POST", "/mcp/all").header("content-type", "application/json");
    let answer = t.send(request.body(Body::from(message.to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The result of a call that succeeds.
pub async fn good(t: &TestServer, tool: &str, arguments: Value) -> Value {
    let answer = send(t, &call(tool, arguments)).await;
    assert_ne!(answer["result"]["isError"], true, "{tool}: {answer}");
    let content = answer["result"]["structuredContent"].clone();
    assert_eq!(answer["result"]["content"][0]["text"], content.to_string(), "{tool}");
    content
}

async fn tools(t: &TestServer) -> BTreeMap<String, Value> {
    let list = send(t, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    let tools = list["result"]["tools"].as_array().unwrap().iter();
    tools.map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool.clone())).collect()
}

pub fn day() -> Value {
    json!("2026-12-31")
}

/// Tool, its least arguments, more of them, and the members of its result.
#[allow(clippy::too_many_lines)] // a table
fn calls() -> Vec<(&'static str, Value, Value, &'static str)> {
    vec![
        (
            "create_project",
            json!({"name": "n", "description": "d", "deadline": day()}),
            json!({"priority": "critical"}),
            "success project_id name description deadline priority status created_at completion_percentage",
        ),
        (
            "add_task",
            json!({"project_id": "p", "title": "t", "assignee": "a", "due_date": day()}),
            json!({}),
            "success task_id project_id title assignee due_date status created_at synthetic",
        ),
        (
            "get_project_status",
            json!({"project_id": "p"}),
            json!({}),
            "project_id name status deadline completion_percentage tasks next_milestone synthetic",
        ),
        (
            "upload_file",
            json!({"filename": "a.pdf", "size_mb": 0.5}),
            json!({"folder": "/x"}),
            "success file_id filename size_mb folder uploaded_at checksum mime_type url",
        ),
        (
            "list_files",
            json!({}),
            json!({"folder": "/", "sort_by": "date"}),
            "success folder file_count total_size_mb files",
        ),
        (
            "delete_file",
            json!({"file_id": "f"}),
            json!({"permanent": true}),
            "success file_id deletion_type recoverable message synthetic",
        ),
        (
            "get_current_weather",
            json!({"city": "Oslo"}),
            json!({"units": "imperial"}),
            "success city units temperature feels_like condition humidity wind_speed pressure observed_at",
        ),
        ("get_forecast", json!({"city": "Oslo"}), json!({"days": 7}), "success city forecast_days forecast"),
        ("get_weather_alerts", json!({"city": "Oslo"}), json!({}), "success city alerts_count alerts status message"),
        (
            "get_latest_news",
            json!({}),
            json!({"category": "technology", "limit": 50}),
            "success category article_count articles",
        ),
        (
            "search_news",
            json!({"query": "trains"}),
            json!({"from_date": "2026-01-01"}),
            "success query results_count articles",
        ),
        ("get_trending_topics", json!({}), json!({}), "success trending_count trending_topics"),
        (
            "run_sql_query",
            json!({"query": "SELECT * FROM users"}),
            json!({"database": "main", "limit": 3}),
            "success query_id query_type rows_returned execution_time_ms results truncated",
        ),
        (
            "get_table_schema",
            json!({"table_name": "orders"}),
            json!({"database": "main"}),
            "success table_name columns indexes constraints row_count",
        ),
        (
            "export_query_results",
            json!({"query_id": "q"}),
            json!({"format": "xlsx"}),
            "success file_name format row_count download_url expires_at status synthetic",
        ),
        (
            "analyze_dataset",
            json!({"dataset_name": "d"}),
            json!({"analysis_type": "outliers"}),
            "success dataset_name analysis_type row_count column_count statistics missing_values",
        ),
        (
            "generate_report",
            json!({"report_type": "sales", "data_source": "s"}),
            json!({"format": "csv"}),
            "success report_id report_type data_source format file_name download_url status expires_at",
        ),
        (
            "calculate_statistics",
            json!({"data_points": [1, 2.5]}),
            json!({"operations": ["mean", "median", "mode", "stdev", "variance", "min", "max", "range"]}),
            "success data_point_count mean median mode stdev variance min max range",
        ),
        (
            "send_email",
            json!({"to": "a@b", "subject": "s", "body": "b"}),
            json!({"cc": ["c@d"]}),
            "success message_id to cc subject sent_at delivery_status",
        ),
        (
            "get_inbox",
            json!({}),
            json!({"folder": "spam", "limit": 1}),
            "success folder message_count unread_count messages",
        ),
        (
            "search_emails",
            json!({"query": "the"}),
            json!({"folder": "inbox", "limit": 100}),
            "success query results_count results",
        ),
        ("calculate", json!({"expression": "1 / 4"}), json!({}), "success expression result result_type formatted"),
        (
            "convert_units",
            json!({"value": 1, "from_unit": "kg", "to_unit": "lb"}),
            json!({}),
            "success original_value original_unit converted_value converted_unit",
        ),
        (
            "generate_random",
            json!({}),
            json!({"type": "password", "count": 100, "min": 1, "max": 2}),
            "success type count results",
        ),
        (
            "get_cpu_usage",
            json!({}),
            json!({"interval_seconds": 2}),
            "success cpu_count overall_usage_percent per_core_usage_percent load_average",
        ),
        ("get_memory_stats", json!({}), json!({}), "success memory swap"),
        ("get_disk_usage", json!({}), json!({"path": "/"}), "success path disk"),
    ]
}

fn with(base: &Value, more: &Value) -> Value {
    let mut all: Map<String, Value> = base.as_object().unwrap().clone();
    all.extend(more.as_object().unwrap().clone());
    Value::Object(all)
}

#[tokio::test]
async fn every_tool_answers_as_its_schema_says_with_the_least_and_the_most_arguments() {
    let t = start(true).await;
    let mut listed = tools(&t).await;
    for (name, least, more, members) in calls() {
        let tool = listed.remove(name).unwrap_or_else(|| panic!("{name} is not listed"));
        let schema = jsonschema::draft202012::new(&tool["outputSchema"]).unwrap();
        let input = jsonschema::draft202012::new(&tool["inputSchema"]).unwrap();
        let most = with(&least, &more);
        let known: BTreeSet<_> =
            tool["inputSchema"]["properties"].as_object().into_iter().flat_map(Map::keys).collect();
        assert_eq!(known, most.as_object().unwrap().keys().collect(), "{name}: not every argument is tried");
        for arguments in [least, most] {
            assert!(input.is_valid(&arguments), "{name} {arguments}");
            let result = good(&t, name, arguments).await;
            let errors: Vec<_> = schema.iter_errors(&result).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{name}: {result}");
            let own: BTreeSet<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
            let least: BTreeSet<_> = members.split(' ').collect();
            assert!(own.is_superset(&least), "{name}: {result}");
            if name != "analyze_dataset" {
                assert_eq!(own, least, "{name}");
            }
        }
    }
    assert!(listed.is_empty(), "not tried: {:?}", listed.keys());
}

#[tokio::test]
async fn arguments_that_break_a_rule_are_refused_naming_it() {
    let t = start(true).await;
    let long = |length: usize| json!("a".repeat(length));
    let broken = [
        ("create_project", json!({"name": ""}), "name", "minLength"),
        ("create_project", json!({"name": long(201)}), "name", "maxLength"),
        ("create_project", json!({"description": long(2001)}), "description", "maxLength"),
        ("create_project", json!({"deadline": "soon"}), "deadline", "format"),
        ("create_project", json!({"deadline": "2026-02-30"}), "deadline", "format"),
        ("create_project", json!({"priority": "urgent"}), "priority", "enum"),
        ("add_task", json!({"due_date": "31.12.2026"}), "due_date", "format"),
        ("add_task", json!({"title": ""}), "title", "minLength"),
        ("upload_file", json!({"size_mb": 0}), "size_mb", "exclusiveMinimum"),
        ("upload_file", json!({"size_mb": 5000.1}), "size_mb", "maximum"),
        ("upload_file", json!({"size_mb": "1"}), "size_mb", "type"),
        ("upload_file", json!({"filename": "../a"}), "filename", "pattern"),
        ("upload_file", json!({"folder": long(501)}), "folder", "maxLength"),
        ("list_files", json!({"sort_by": "owner"}), "sort_by", "enum"),
        ("delete_file", json!({"permanent": "yes"}), "permanent", "type"),
        ("get_current_weather", json!({"city": ""}), "city", "minLength"),
        ("get_current_weather", json!({"units": "kelvin"}), "units", "oneOf"),
        ("get_forecast", json!({"days": 0}), "days", "minimum"),
        ("get_forecast", json!({"days": 8}), "days", "maximum"),
        ("get_latest_news", json!({"category": "weather"}), "category", "enum"),
        ("get_latest_news", json!({"limit": 51}), "limit", "maximum"),
        ("search_news", json!({"query": ""}), "query", "minLength"),
        ("search_news", json!({"from_date": "yesterday"}), "from_date", "format"),
        ("run_sql_query", json!({"limit": 0}), "limit", "minimum"),
        ("run_sql_query", json!({"limit": 1001}), "limit", "maximum"),
        ("run_sql_query", json!({"query": long(5001)}), "query", "maxLength"),
        ("get_table_schema", json!({"table_name": ""}), "table_name", "minLength"),
        ("export_query_results", json!({"format": "pdf"}), "format", "enum"),
        ("export_query_results", json!({"query_id": "../x"}), "query_id", "pattern"),
        ("analyze_dataset", json!({"analysis_type": "magic"}), "analysis_type", "enum"),
        ("generate_report", json!({"report_type": "weather"}), "report_type", "enum"),
        ("generate_report", json!({"format": "docx"}), "format", "enum"),
        ("calculate_statistics", json!({"data_points": []}), "data_points", "minItems"),
        ("calculate_statistics", json!({"data_points": vec![1; 10_001]}), "data_points", "maxItems"),
        ("calculate_statistics", json!({"data_points": ["1"]}), "data_points", "type"),
        ("calculate_statistics", json!({"operations": ["sum"]}), "operations", "enum"),
        ("send_email", json!({"to": "nobody"}), "to", "pattern"),
        ("send_email", json!({"cc": ["nobody"]}), "cc", "anyOf"),
        ("get_inbox", json!({"folder": "all"}), "folder", "enum"),
        ("get_inbox", json!({"limit": 101}), "limit", "maximum"),
        ("search_emails", json!({"query": ""}), "query", "minLength"),
        ("search_emails", json!({"folder": "archive"}), "folder", "enum"),
        ("search_emails", json!({"limit": 0}), "limit", "minimum"),
        ("calculate", json!({"expression": long(201)}), "expression", "maxLength"),
        ("calculate", json!({"expression": ""}), "expression", "minLength"),
        ("convert_units", json!({"value": "1"}), "value", "type"),
        ("convert_units", json!({"to_unit": ""}), "to_unit", "minLength"),
        ("generate_random", json!({"type": "dice"}), "type", "enum"),
        ("generate_random", json!({"count": 0}), "count", "minimum"),
        ("generate_random", json!({"count": 101}), "count", "maximum"),
        ("generate_random", json!({"min": 0.5}), "min", "type"),
        ("get_cpu_usage", json!({"interval_seconds": 61}), "interval_seconds", "maximum"),
        ("get_disk_usage", json!({"path": ""}), "path", "minLength"),
    ];
    let least: BTreeMap<_, _> = calls().into_iter().map(|(name, least, ..)| (name, least)).collect();
    let refused = async |name: &str, arguments: Value, parameter: &str, rule: &str| {
        let answer = send(&t, &call(name, arguments)).await;
        assert_eq!(answer["result"]["isError"], true, "{name} {parameter}: {answer}");
        let told = &answer["result"]["structuredContent"];
        let said = (&told["parameter"], &told["rule"], &told["tool"]);
        assert_eq!(said, (&json!(parameter), &json!(rule), &json!(name)));
    };
    for (name, change, parameter, rule) in broken {
        refused(name, with(&least[name], &change), parameter, rule).await;
    }
    for (name, least) in least {
        refused(name, with(&least, &json!({"tell-tale": 1})), "", "additionalProperties").await;
        for required in least.as_object().unwrap().keys() {
            let mut without = least.clone();
            without.as_object_mut().unwrap().remove(required);
            refused(name, without, required, "required").await;
        }
    }
}

#[tokio::test]
async fn tools_need_the_scopes_they_say() {
    let read = "get_project_status list_files get_current_weather get_forecast get_weather_alerts get_latest_news \
        search_news get_trending_topics get_table_schema analyze_dataset calculate_statistics get_inbox search_emails";
    let write = "create_project add_task upload_file delete_file send_email";
    let call = "run_sql_query export_query_results generate_report";
    let none = "calculate convert_units generate_random get_cpu_usage get_memory_stats get_disk_usage";
    let t = start(true).await;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "policy://tools"}});
    let answer = send(&t, &message).await;
    let policy: Value = serde_json::from_str(answer["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    let own: BTreeMap<_, _> = policy["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| (tool["tool"].as_str().unwrap(), &tool["scope"]))
        .collect();
    let groups = [(read, "mcp:tools:read"), (write, "mcp:tools:write"), (call, "mcp:tools:call"), (none, "")];
    let mut count = 0;
    for (names, scope) in groups {
        for name in names.split_whitespace() {
            assert_eq!(own[name].as_str().unwrap_or_default(), scope, "{name}");
            count += 1;
        }
    }
    assert_eq!(own.len(), count);
}
