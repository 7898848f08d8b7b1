//! What strangers can make grow or go on, and where it ends.
use crate::{
    sets::{good, send, start},
    support::call,
};
use serde_json::json;

/// Queries that go on for hours or take all memory, in many steps, in one, or before the first.
fn endless_queries() -> Vec<String> {
    let part = |n: i32| format!("c{n} AS (SELECT 1 FROM {})", vec![format!("c{}", n - 1); 8].join(","));
    let parts: Vec<_> = (1..12).map(part).collect();
    let long = "printf('%.*c', 8000, 'a')";
    let sum = vec![format!("instr({long}, printf('%.*c', 4000, 'a') || a.id || b.id || c.id)"); 40].join(" + ");
    let patterns =
        ["LIKE '%a%a%a%a%a%a%a%a%a%b'", "GLOB '*a*a*a*a*a*a*a*a*a*b'", "LIKE '%_%_%_%_%_%_%_%_%b' ESCAPE 'x'"];
    let one_step = patterns.map(|pattern| format!("SELECT {long} {pattern} AS x"));
    [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c".to_owned(),
        "WITH RECURSIVE c(x) AS (SELECT zeroblob(8000) UNION ALL SELECT x FROM c) SELECT x FROM c ORDER BY 1".to_owned(),
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(DISTINCT x || zeroblob(7000)) FROM c"
            .to_owned(),
        format!("SELECT count(*) FROM {}", ["a", "b", "c", "d", "e"].map(|name| format!("orders {name}")).join(",")),
        format!("SELECT max({sum}) AS x FROM orders a, orders b, orders c"),
        format!("SELECT a.id, {long} || a.id || b.id FROM orders a, orders b, orders c, orders d ORDER BY 2 DESC, 1"),
        format!("WITH c0 AS (SELECT 1), {} SELECT 1 FROM c11", parts.join(",")),
    ]
    .into_iter()
    .chain(one_step)
    .collect()
}

#[tokio::test]
async fn attack_150_a_query_that_would_run_for_hours_in_one_step_ends_and_the_next_is_answered() {
    let t = start(false).await;
    for query in endless_queries() {
        let answer = send(&t, &call("run_sql_query", json!({"query": query}))).await["result"].clone();
        let told = answer["structuredContent"]["error"].as_str();
        // SQLite itself has become quick at some of these.
        let ends = ["The query took too long", "The query needs too much memory"];
        assert!(told.map_or(answer["isError"] == false, |told| ends.contains(&told)), "{query}: {told:?}");
    }
    let next = good(&t, "run_sql_query", json!({"query": "SELECT count(*) AS n FROM users"})).await;
    assert_eq!(next["results"][0]["n"], 8);
}
