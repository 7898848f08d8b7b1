//! What strangers can make grow or go on, and where it ends.
use crate::{
    sets::{good, send, start},
    support::{ORIGIN, TestServer, ask, call, initialize, request, view},
    surfaces::{basic, headers, ping},
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request},
};
use futures_util::{
    StreamExt,
    future::{Either, join_all, select},
};
use keyward_resource_server::{Settings, router, serve};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tower::ServiceExt;

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

#[tokio::test]
async fn whoever_asks_long_queries_without_end_leaves_others_their_turn() {
    let t = start(false).await;
    let endless = endless_queries();
    let ask = |last: u8, query: &str| {
        let message = message("all", &[], &call("run_sql_query", json!({"query": query})));
        t.send(from(message, [192, 0, 2, last], None))
    };
    let crowd = join_all((0..30).map(|_| ask(2, &endless[0])));
    let honest = ask(1, "SELECT count(*) AS n FROM users");
    let Either::Right((answer, _)) = select(Box::pin(crowd), Box::pin(honest)).await else {
        panic!("others were answered first");
    };
    assert_eq!(answer.json()["result"]["structuredContent"]["results"][0]["n"], 8, "{answer:?}");
}

fn from(mut request: Request<Body>, address: [u8; 4], forwarded: Option<&str>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1))));
    let forwarded = forwarded.map(|forwarded| ("x-forwarded-for", forwarded));
    request.headers_mut().extend(headers(forwarded.as_slice()));
    request
}

fn message(surface: &str, brought: &[(&str, &str)], message: &Value) -> Request<Body> {
    let mut request = request("POST", &format!("/mcp/{surface}")).header("content-type", "application/json");
    request.headers_mut().unwrap().extend(headers(brought));
    request.body(Body::from(message.to_string())).unwrap()
}

/// The built-in surfaces behind a proxy.
async fn behind_a_proxy() -> TestServer {
    let t = TestServer::start().await;
    let settings = Settings {
        clock: t.clock.clone(),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Settings::demo(ORIGIN, &t.issuer.uri()).unwrap()
    };
    TestServer { router: router(&settings).unwrap(), ..t }
}

#[tokio::test]
async fn attack_197_a_stranger_who_holds_answers_behind_a_proxy_leaves_the_others_behind_it_theirs() {
    let t = TestServer::start().await;
    let settings = Settings {
        clock: t.clock.clone(),
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Settings::demo(ORIGIN, &t.issuer.uri()).unwrap()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, settings, async { drop(stopped.await) }));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str, from: &str| {
        let request = client.get(format!("http://{at}{path}")).header("host", "127.0.0.1:8990");
        request.header("x-forwarded-for", from).send().await.unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..128 {
        let stream = get("/sse/no-auth", "203.0.113.9").await;
        assert_eq!(stream.status(), 200);
        held.push(stream);
    }
    let refused = get("/health", "203.0.113.9").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(refused.json::<Value>().await.unwrap()["error"], "temporarily_unavailable");
    for other in ["203.0.113.10", "2001:db8::1", "127.0.0.1"] {
        assert_eq!(get("/health", other).await.status(), 200, "{other}");
    }
    let told = loop {
        let trail =
            client.get(format!("http://{at}/debug/audit")).header("host", "127.0.0.1:8990").send().await.unwrap();
        let mut told = trail.json::<Value>().await.unwrap()["audit_events"].as_array().unwrap().clone();
        told.retain(|event| event["success"] == false);
        if !told.is_empty() {
            break told;
        }
    };
    let who = (told.len(), &told[0]["event_type"], &told[0]["client_info"]["ip_address"]);
    assert_eq!(who, (1, &json!("rate_limit_exceeded"), &json!("203.0.113.9")));
    drop(held);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn attack_198_a_stranger_who_writes_without_end_where_anybody_may_leaves_the_others_room() {
    let t = start(false).await;
    let upload = async |last: u8, megabytes: u32| {
        let arguments = json!({"filename": format!("{megabytes}.txt"), "size_mb": 1});
        let answer = t.send(from(message("all", &[], &call("upload_file", arguments)), [192, 0, 2, last], None)).await;
        answer.json()["result"]["structuredContent"].clone()
    };
    let mut kept = 0;
    for number in 0..105 {
        let answer = upload(1, number).await;
        kept += usize::from(answer["success"] == true);
        let rule = "There is no room for more; delete something first";
        assert!(answer["success"] == true || answer["error"] == rule, "{answer}");
    }
    assert_eq!(kept, 100);
    for stranger in 2..=5 {
        for number in 0..5 {
            assert_eq!(upload(stranger, number).await["success"], true, "{stranger}: {number}");
        }
    }
    let listed = good(&t, "list_files", json!({})).await;
    assert_eq!(listed["file_count"], 120);
    // Answers to queries are the last ones, each stranger's own.
    for number in 0..104 {
        let query = call("run_sql_query", json!({"query": format!("SELECT {number} AS n")}));
        let answer = t.send(from(message("all", &[], &query), [192, 0, 2, 1], None)).await.json();
        assert_eq!(answer["result"]["structuredContent"]["success"], true, "{answer}");
    }
}

#[tokio::test]
async fn attack_155_noise_behind_a_proxy_locks_no_surface() {
    let t = behind_a_proxy().await;
    let send = async |surface: &str, brought: &[(&str, &str)], client: &str| {
        t.send(from(message(surface, brought, &ping()), [10, 0, 0, 1], Some(client))).await
    };
    let (wrong, right) = (basic("testuser", "wrong"), basic("testuser", "testpass123"));
    for _ in 0..5 {
        assert_eq!(send("basic", &[("authorization", &wrong)], "203.0.113.1, 192.0.2.1:4711").await.status, 401);
    }
    let waits = send("basic", &[("authorization", &right)], "192.0.2.1").await;
    let seconds: u64 = waits.header("retry-after").unwrap().parse().unwrap();
    assert!(waits.status == 429 && (1..=30).contains(&seconds), "{waits:?}");
    assert_eq!(send("basic", &[("authorization", &right)], "192.0.2.2").await.status, 200);
    for _ in 0..200 {
        for surface in ["basic", "api-key", "bearer-token", "security-keys"] {
            assert_eq!(send(surface, &[], "192.0.2.3").await.status, 401, "{surface}");
        }
        send("api-key", &[("authorization", "Bearer wrong")], "192.0.2.3").await;
        send("security-keys", &[("x-brave-key", "wrong")], "192.0.2.3").await;
    }
    // What is right gets in from the very same place.
    assert_eq!(send("basic", &[("authorization", &right)], "192.0.2.3").await.status, 200);
    assert_eq!(send("api-key", &[("authorization", "Bearer test-api-key-12345")], "192.0.2.3").await.status, 200);
    let key = ("x-brave-key", "BSA_test1234567890abcdefghijklmnopqrstuvwxyz");
    assert_eq!(send("security-keys", &[key], "192.0.2.3").await.status, 200);
    let mut noise = 0;
    while send("api-key", &[("authorization", "Bearer wrong")], "192.0.2.3").await.status == 401 {
        noise += 1;
        assert!(noise < 1_000, "wrong keys are never too many");
    }
    assert_eq!(send("api-key", &[("authorization", "Bearer test-api-key-12345")], "192.0.2.3").await.status, 200);
    assert_eq!(send("api-key", &[("authorization", "Bearer wrong")], "192.0.2.4").await.status, 401);
}

#[tokio::test]
async fn whoever_mints_without_end_leaves_tokens_to_others() {
    let t = TestServer::start().await;
    let mint = async |last: u8| {
        let path = "/test-auth/bearer-token/mint";
        ask(&t, "POST", path, [127, 0, 0, last], HeaderMap::new(), String::new()).await.status.as_u16()
    };
    let mut minted = 0;
    while mint(1).await == 200 {
        minted += 1;
        assert!(minted < 1_000, "there is no end");
    }
    assert_eq!(mint(1).await, 429);
    for _ in 0..10 {
        assert_eq!(mint(2).await, 200);
    }
}

#[tokio::test]
async fn attack_156_whoever_opens_sessions_without_end_ends_nobodys() {
    let t = TestServer::start().await;
    let open = async |last: u8| {
        let answer = t.send(from(message("no-auth", &[], &initialize("2025-06-18")), [192, 0, 2, last], None)).await;
        answer.header("mcp-session-id").unwrap().to_owned()
    };
    let honest = open(1).await;
    let first = open(2).await;
    for _ in 0..200 {
        open(2).await;
    }
    let lives = async |session: &str, last: u8| {
        let message = message("no-auth", &[("mcp-session-id", session)], &ping());
        t.send(from(message, [192, 0, 2, last], None)).await.status.as_u16()
    };
    // The first of the many was forgotten, which ended it.
    assert_eq!((lives(&honest, 1).await, lives(&first, 2).await), (200, 404));
}

#[tokio::test]
async fn attack_157_whoever_asks_without_end_is_all_that_they_push_out_of_what_is_shown_to_operators() {
    let t = TestServer::start().await;
    t.send(from(message("no-auth", &[], &ping()), [192, 0, 2, 1], None)).await;
    for _ in 0..1200 {
        t.send(from(message("api-key", &[], &ping()), [192, 0, 2, 2], None)).await;
    }
    let shown = view(&t, "requests?limit=1000").await["requests"].as_array().unwrap().clone();
    assert_eq!((shown.len(), shown[0]["source_ip"].as_str()), (501, Some("192.0.2.2")));
    assert_eq!(shown[500]["source_ip"], "192.0.2.1");
}

#[tokio::test]
async fn attack_158_a_stream_that_nobody_reads_holds_no_more_answers_than_there_is_room_for() {
    let t = TestServer::start().await;
    let get = request("GET", "/sse/no-auth").body(Body::empty()).unwrap();
    let mut stream =
        t.router.clone().oneshot(from(get, [192, 0, 2, 2], None)).await.unwrap().into_body().into_data_stream();
    let endpoint = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    let place = endpoint.split("data: ").nth(1).unwrap().trim().to_owned();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let mut accepted = 0;
    for _ in 0..5_000 {
        let post = request("POST", &place).header("content-type", "application/json");
        let answer = t.send(from(post.body(Body::from(list.to_string())).unwrap(), [192, 0, 2, 2], None)).await;
        if answer.status == 404 {
            break;
        }
        accepted += 1;
        tokio::task::yield_now().await;
    }
    assert!((100..3_000).contains(&accepted), "{accepted}");
    assert_eq!(t.send(from(message("no-auth", &[], &ping()), [192, 0, 2, 1], None)).await.status, 200);
}
