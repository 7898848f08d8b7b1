//! What the tools of the sets do: what they keep, make up, calculate and refuse.
use crate::{
    sets::{day, good, send, start},
    support::{PROGRAM, TestServer, call},
    surfaces::{basic, headers, post},
};
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The reason of a call that fails by a rule of the tool's own.
async fn failing(t: &TestServer, tool: &str, arguments: Value) -> String {
    let answer = send(t, &call(tool, arguments)).await;
    assert_eq!(answer["result"]["isError"], true, "{tool}: {answer}");
    let content = &answer["result"]["structuredContent"];
    assert_eq!(content["success"], false, "{tool}");
    assert_eq!(content.as_object().unwrap().len(), 2, "{tool}");
    content["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_project_is_kept_with_its_tasks() {
    let t = start(false).await;
    let project = good(&t, "create_project", json!({"name": "Bridge", "description": "", "deadline": day()})).await;
    assert_eq!((&project["priority"], &project["status"]), (&json!("medium"), &json!("active")));
    let id = &project["project_id"];
    let task = |title: &str, due: &str| json!({"project_id": id, "title": title, "assignee": "a", "due_date": due});
    let status = good(&t, "get_project_status", json!({"project_id": id})).await;
    assert_eq!(status["next_milestone"], "Deadline on 2026-12-31");
    let added = good(&t, "add_task", task("Later", "2026-12-01")).await;
    assert_eq!((&added["status"], added.get("synthetic")), (&json!("todo"), None));
    good(&t, "add_task", task("Sooner", "2026-11-30")).await;
    let status = good(&t, "get_project_status", json!({"project_id": id})).await;
    assert_eq!(status["tasks"], json!({"total": 2, "completed": 0, "in_progress": 0, "todo": 2}));
    assert_eq!(status["next_milestone"], "Sooner, due on 2026-11-30");
    assert_eq!((&status["name"], status.get("synthetic")), (&json!("Bridge"), None));
    let unknown = json!({"project_id": "p", "title": "t", "assignee": "a", "due_date": day()});
    assert_eq!(failing(&t, "add_task", unknown).await, "Project not found");
    assert_eq!(failing(&t, "get_project_status", json!({"project_id": "p"})).await, "Project not found");
}

#[tokio::test]
async fn files_are_listed_until_they_are_deleted() {
    let t = start(false).await;
    let mut ids = Vec::new();
    for (name, size) in [("b.txt", 1.5), ("a.pdf", 0.5), ("c", 3.0)] {
        let file = good(&t, "upload_file", json!({"filename": name, "size_mb": size, "folder": "/docs/"})).await;
        ids.push(file["file_id"].clone());
        assert!(file["checksum"].as_str().unwrap().starts_with("sha256:"));
    }
    let names = async |sort: &str| {
        let list = good(&t, "list_files", json!({"folder": "/docs", "sort_by": sort})).await;
        let files = list["files"].as_array().unwrap().iter();
        (
            list["total_size_mb"].as_f64(),
            files.map(|file| file["filename"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(names("name").await, (Some(5.0), vec!["a.pdf".to_owned(), "b.txt".to_owned(), "c".to_owned()]));
    assert_eq!(names("size").await.1, ["c", "b.txt", "a.pdf"]);
    assert_eq!(names("date").await.1, ["c", "a.pdf", "b.txt"]);
    assert_eq!(good(&t, "list_files", json!({})).await["file_count"], 0);
    let trashed = good(&t, "delete_file", json!({"file_id": ids[0]})).await;
    assert_eq!((&trashed["deletion_type"], &trashed["recoverable"]), (&json!("trash"), &json!(true)));
    assert_eq!(names("name").await.1, ["a.pdf", "c"]);
    assert_eq!(failing(&t, "delete_file", json!({"file_id": ids[0]})).await, "The file is in the trash already");
    for id in [&ids[0], &ids[1]] {
        let deleted = good(&t, "delete_file", json!({"file_id": id, "permanent": true})).await;
        assert_eq!((&deleted["deletion_type"], &deleted["recoverable"]), (&json!("permanent"), &json!(false)));
        assert_eq!(failing(&t, "delete_file", json!({"file_id": id})).await, "File not found");
    }
    assert_eq!(names("name").await.1, ["c"]);
}

#[tokio::test]
async fn what_one_caller_keeps_another_never_sees() {
    let text = "demo = true\n[[surface]]\nid = \"basic\"\nkind = \"basic\"\n\
        tools = [\"projects\", \"files\", \"email\", \"database\"]\nusers = [{ username = \"alice\", password = \"a\" }, \
        { username = \"bob\", password = \"b\" }]";
    let t = TestServer::without_keys().await;
    let t = t.with(Settings { queries: Some(PROGRAM.into()), ..Settings::parse(text).unwrap() });
    let as_user = async |user: &str, tool: &str, arguments: Value| {
        let authorization = headers(&[("authorization", &basic(user, &user[..1]))]);
        let answer = post(&t, "basic", authorization, &call(tool, arguments)).await.json();
        answer["result"]["structuredContent"].clone()
    };
    let project = as_user("alice", "create_project", json!({"name": "n", "description": "", "deadline": day()})).await;
    let file = as_user("alice", "upload_file", json!({"filename": "a", "size_mb": 1})).await;
    as_user("alice", "send_email", json!({"to": "a@b", "subject": "tell-tale", "body": ""})).await;
    let query = as_user("alice", "run_sql_query", json!({"query": "SELECT 1"})).await;
    for (user, count) in [("bob", 0), ("alice", 1)] {
        let synthetic = (user == "bob").then_some(json!(true));
        let status = as_user(user, "get_project_status", json!({"project_id": project["project_id"]})).await;
        let export = as_user(user, "export_query_results", json!({"query_id": query["query_id"]})).await;
        let list = as_user(user, "list_files", json!({})).await;
        let found = as_user(user, "search_emails", json!({"query": "tell-tale"})).await;
        let deleted = as_user(user, "delete_file", json!({"file_id": file["file_id"]})).await;
        for answer in [status, export, deleted] {
            assert_eq!(answer.get("synthetic"), synthetic.as_ref(), "{user}: {answer}");
        }
        assert_eq!((&list["file_count"], &found["results_count"]), (&json!(count), &json!(count)), "{user}");
    }
}

#[tokio::test]
async fn what_is_made_up_is_the_same_for_the_same_question() {
    let (t, other) = (start(true).await, start(true).await);
    let cases = [
        ("get_project_status", json!({"project_id": "proj_7"}), json!({"project_id": "proj_8"})),
        ("get_forecast", json!({"city": "Oslo"}), json!({"city": "Bergen"})),
        ("get_latest_news", json!({}), json!({"category": "sports"})),
        ("search_news", json!({"query": "a"}), json!({"query": "b"})),
        ("analyze_dataset", json!({"dataset_name": "a"}), json!({"dataset_name": "b"})),
        (
            "generate_report",
            json!({"report_type": "sales", "data_source": "a"}),
            json!({"report_type": "sales", "data_source": "b"}),
        ),
    ];
    for (tool, arguments, others) in cases {
        let first = good(&t, tool, arguments.clone()).await;
        // Expiry follows the clock, which may have ticked between the two.
        let answer = |mut value: Value| {
            value.as_object_mut().unwrap().remove("expires_at");
            value
        };
        let again = good(&other, tool, arguments).await;
        let different = good(&t, tool, others).await;
        assert_eq!(answer(first.clone()), answer(again), "{tool}");
        assert_ne!(answer(first), answer(different), "{tool}");
    }
}

#[tokio::test]
async fn weather_is_the_same_in_either_units() {
    let t = start(true).await;
    let metric = good(&t, "get_current_weather", json!({"city": "Oslo"})).await;
    let imperial = good(&t, "get_current_weather", json!({"city": " oslo", "units": "imperial"})).await;
    let of = |value: &Value, name: &str| value[name].as_f64().unwrap();
    assert!((of(&metric, "temperature") * 1.8 + 32.0 - of(&imperial, "temperature")).abs() < 0.11);
    assert!((of(&metric, "wind_speed") / 1.609_344 - of(&imperial, "wind_speed")).abs() < 0.06);
    let forecast = good(&t, "get_forecast", json!({"city": "Oslo", "days": 3})).await;
    let days = forecast["forecast"].as_array().unwrap();
    assert_eq!(days.len(), 3);
    assert!(days.iter().all(|day| of(day, "high") > of(day, "low")), "{forecast}");
}

#[tokio::test]
async fn news_before_the_day_asked_for_are_left_out() {
    let t = start(true).await;
    let all = good(&t, "search_news", json!({"query": "trains"})).await;
    assert_eq!(all["results_count"], 10);
    let third = all["articles"][2]["published_at"].as_str().unwrap()[..10].to_owned();
    let some = good(&t, "search_news", json!({"query": "trains", "from_date": third})).await;
    let some = some["articles"].as_array().unwrap();
    assert!((3..10).contains(&some.len()), "{some:?}");
    assert!(some.iter().all(|article| article["published_at"].as_str().unwrap() >= third.as_str()));
    let none = good(&t, "search_news", json!({"query": "trains", "from_date": "9999-12-31"})).await;
    assert_eq!(none["results_count"], 0);
}

#[tokio::test]
async fn queries_read_the_sample_and_can_be_exported() {
    let t = start(false).await;
    let query =
        json!({"query": "SELECT country, count(*) AS n FROM users GROUP BY country ORDER BY country", "limit": 3});
    let answer = good(&t, "run_sql_query", query).await;
    assert_eq!(
        answer["results"],
        json!([{"country": "BR", "n": 1}, {"country": "CN", "n": 1}, {"country": "CZ", "n": 1}])
    );
    assert_eq!((&answer["query_type"], &answer["truncated"]), (&json!("SELECT"), &json!(true)));
    let export = good(&t, "export_query_results", json!({"query_id": answer["query_id"], "format": "json"})).await;
    assert_eq!((&export["row_count"], export.get("synthetic")), (&json!(3), None));
    assert_eq!(failing(&t, "export_query_results", json!({"query_id": "q"})).await, "Query not found");
    let writes = failing(&t, "run_sql_query", json!({"query": "DELETE FROM users"})).await;
    assert_eq!(writes, "Only reading the tables users, orders and products is allowed");
    let again = good(&t, "run_sql_query", json!({"query": "SELECT count(*) AS n FROM users"})).await;
    assert_eq!(again["results"][0]["n"], 8);
    for unknown in [json!({"query": "SELECT * FROM secrets"}), json!({"query": "SELECT 1", "database": "other"})] {
        assert!(failing(&t, "run_sql_query", unknown).await.starts_with("Unknown"));
    }
    assert!(failing(&t, "get_table_schema", json!({"table_name": "sqlite_master"})).await.starts_with("Unknown table"));
}

#[tokio::test]
async fn a_caller_has_room_for_any_number_of_queries() {
    let t = start(false).await;
    let first = good(&t, "run_sql_query", json!({"query": "SELECT 1"})).await;
    for _ in 0..1000 {
        good(&t, "run_sql_query", json!({"query": "SELECT 1"})).await;
    }
    assert_eq!(failing(&t, "export_query_results", json!({"query_id": first["query_id"]})).await, "Query not found");
}

#[tokio::test]
async fn statistics_are_calculated_as_asked() {
    let t = start(true).await;
    let points = json!([2, 4, 4, 4, 5, 5, 7, 9]);
    let some =
        good(&t, "calculate_statistics", json!({"data_points": points, "operations": ["mean", "mode", "range"]})).await;
    assert_eq!(some, json!({"success": true, "data_point_count": 8, "mean": 5.0, "mode": 4.0, "range": 7.0}));
    let all = good(&t, "calculate_statistics", json!({"data_points": points})).await;
    assert_eq!((&all["median"], &all["min"], &all["max"]), (&json!(4.5), &json!(2.0), &json!(9.0)));
    assert!((all["stdev"].as_f64().unwrap() - 2.138_089_935_299_395).abs() < 1e-12);
    let large = failing(&t, "calculate_statistics", json!({"data_points": [1e308, -1e308]})).await;
    assert_eq!(large, "The numbers are too large to calculate with");
    for analysis in ["correlation", "distribution", "outliers"] {
        let answer = good(&t, "analyze_dataset", json!({"dataset_name": "d", "analysis_type": analysis})).await;
        assert!(answer.get(analysis).is_some(), "{answer}");
    }
    let distribution = good(&t, "analyze_dataset", json!({"dataset_name": "d", "analysis_type": "distribution"})).await;
    let counted: u64 =
        distribution["distribution"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(distribution["row_count"], counted);
}

#[tokio::test]
async fn a_mail_that_is_sent_is_found_again_and_goes_nowhere() {
    let t = start(true).await;
    let before = good(&t, "get_inbox", json!({"folder": "sent"})).await;
    assert_eq!(before["message_count"], 0);
    let mail = json!({"to": "eve@mail.example", "subject": "Grüße", "body": "hidden word", "cc": "bob@mail.example"});
    let sent = good(&t, "send_email", mail).await;
    assert_eq!((&sent["cc"], &sent["delivery_status"]), (&json!(["bob@mail.example"]), &json!("kept")));
    let folder = good(&t, "get_inbox", json!({"folder": "sent"})).await;
    assert_eq!(folder["messages"][0]["message_id"], sent["message_id"]);
    for query in ["HIDDEN", "eve@", "grüSSe", "grüße"] {
        let found = good(&t, "search_emails", json!({"query": query})).await;
        assert_eq!(found["results_count"], i32::from(query != "grüSSe"), "{query}");
    }
    let elsewhere = good(&t, "search_emails", json!({"query": "hidden", "folder": "inbox"})).await;
    assert_eq!(elsewhere["results_count"], 0);
    let inbox = good(&t, "get_inbox", json!({"limit": 1})).await;
    assert!(inbox["message_count"].as_u64().unwrap() > 1);
    assert_eq!(inbox["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn utilities_fail_by_saying_why() {
    let t = start(true).await;
    let whole = good(&t, "calculate", json!({"expression": "2 ** 10 * 1000"})).await;
    let expected = json!({
        "success": true, "expression": "2 ** 10 * 1000", "result": 1_024_000, "result_type": "integer",
        "formatted": "1,024,000",
    });
    assert_eq!(whole, expected);
    let part = good(&t, "calculate", json!({"expression": "1 / 8"})).await;
    assert_eq!((&part["result"], &part["result_type"]), (&json!(0.125), &json!("float")));
    let cases = [
        ("calculate", json!({"expression": "1 / 0"}), "Division by zero"),
        ("calculate", json!({"expression": "__import__('os')"}), "The expression has a character"),
        ("convert_units", json!({"value": 1, "from_unit": "kg", "to_unit": "m"}), "The units do not measure the same"),
        ("convert_units", json!({"value": 1, "from_unit": "parsec", "to_unit": "m"}), "A unit is unknown"),
        ("generate_random", json!({"min": 2, "max": 1}), "min must not be greater than max"),
        ("get_disk_usage", json!({"path": "/etc/passwd"}), "The path is not one of those"),
    ];
    for (tool, arguments, reason) in cases {
        let text = failing(&t, tool, arguments).await;
        assert!(text.starts_with(reason), "{tool}: {text}");
    }
    let degrees = good(&t, "convert_units", json!({"value": 100, "from_unit": "C", "to_unit": "f"})).await;
    assert!((degrees["converted_value"].as_f64().unwrap() - 212.0).abs() < 1e-9);
    for (kind, length) in [("uuid", 36), ("hex", 32), ("password", 16)] {
        let answer = good(&t, "generate_random", json!({"type": kind, "count": 50})).await;
        let results: BTreeSet<_> =
            answer["results"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        assert_eq!(results.len(), 50, "{kind}");
        assert!(results.iter().all(|one| one.len() == length), "{kind}");
    }
    let numbers = good(&t, "generate_random", json!({"count": 100, "min": -3, "max": 3})).await;
    assert!(numbers["results"].as_array().unwrap().iter().all(|one| (-3..=3).contains(&one.as_i64().unwrap())));
}

#[tokio::test]
async fn the_machine_is_described_as_it_is() {
    let t = start(true).await;
    let cpu = good(&t, "get_cpu_usage", json!({})).await;
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(cpu["cpu_count"].as_u64().unwrap() >= u64::try_from(cores).unwrap());
    assert_eq!(cpu["cpu_count"], cpu["per_core_usage_percent"].as_array().unwrap().len());
    for part in [
        good(&t, "get_memory_stats", json!({})).await["memory"].clone(),
        good(&t, "get_disk_usage", json!({})).await["disk"].clone(),
    ] {
        let of = |name: &str| part[name].as_f64().unwrap();
        assert!(of("total_gb") > 0.0 && of("used_gb") <= of("total_gb"), "{part}");
        assert!((0.0..=100.0).contains(&of("percent_used")), "{part}");
    }
}
