//! What tools say to clients before they answer: progress, log messages, questions, and that the client lacks something.
use crate::support::{Answer, TestServer, bearer, call, initialize, meta, request};
use axum::body::Body;
use futures_util::StreamExt;
use keyward_resource_server::{Settings, clock::Clock, converse};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn server() -> TestServer {
    let t = TestServer::start().await;
    let text = "[[surface]]\nid = \"oauth\"\nkind = \"oauth\"\ntools = [\"conformance\"]";
    let settings = Settings { issuer: t.issuer.uri(), ..Settings::parse(text).unwrap() };
    t.with(settings)
}

/// A call of 2026-07-28 by a client that can do this, and whatever else its request says.
async fn modern(t: &TestServer, tool: &str, capabilities: Value, more: Value) -> Answer {
    let mut message = call(tool, json!({}));
    message["params"]["_meta"] = meta();
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    for (name, value) in more.as_object().unwrap() {
        let place = if name == "inputResponses" { &mut message["params"] } else { &mut message["params"]["_meta"] };
        place[name] = value.clone();
    }
    let sent = bearer(&t.token("mcp:read")).header("mcp-protocol-version", "2026-07-28");
    let sent = sent.header("mcp-method", "tools/call").header("mcp-name", tool);
    t.send(sent.body(Body::from(message.to_string())).unwrap()).await
}

/// The messages of a stream.
fn messages(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/event-stream")), "{answer:?}");
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    body.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}

#[tokio::test]
async fn who_lacks_a_capability_is_told_which() {
    let t = server().await;
    for (tool, capability) in [("test_missing_capability", "sampling"), ("test_streaming_elicitation", "elicitation")] {
        let answer = modern(&t, tool, json!({"roots": {}}), json!({})).await;
        assert_eq!(answer.status, 400);
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &answer.json()["id"]), (&json!(-32021), &json!(7)));
        assert_eq!(error["data"], json!({"requiredCapabilities": {capability: {}}}));
        let legacy = t.post(&t.token("mcp:read"), &call(tool, json!({}))).await;
        assert_eq!((legacy.status.as_u16(), &legacy.json()["error"]), (200, error));
    }
}

#[tokio::test]
async fn a_tool_asks_and_answers_the_call_that_brings_what_it_asked_for() {
    let t = server().await;
    let cases = [
        (
            "test_missing_capability",
            "sampling",
            "hello",
            "sampling/createMessage",
            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "Hello."}}),
            json!({"text": "Hello."}),
        ),
        (
            "test_streaming_elicitation",
            "elicitation",
            "name",
            "elicitation/create",
            json!({"action": "accept", "content": {"name": "Ada"}}),
            json!({"action": "accept", "name": "Ada"}),
        ),
    ];
    for (tool, capability, name, method, response, result) in cases {
        let asked = modern(&t, tool, json!({capability: {}}), json!({})).await.json();
        assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
        assert_eq!(asked["result"]["inputRequests"][name]["method"], method);
        let responses = |response: Value| json!({"inputResponses": {name: response}});
        let answered = modern(&t, tool, json!({capability: {}}), responses(response)).await.json();
        assert_eq!(answered["result"]["resultType"], "complete", "{answered}");
        assert_eq!(answered["result"]["structuredContent"], result);
        let nonsense = modern(&t, tool, json!({capability: {}}), responses(json!({"a": 1}))).await.json();
        assert_eq!(nonsense["result"]["isError"], true, "{nonsense}");
    }
    let declined = json!({"inputResponses": {"name": {"action": "decline"}}});
    let declined = modern(&t, "test_streaming_elicitation", json!({"elicitation": {}}), declined).await.json();
    assert_eq!(declined["result"]["structuredContent"], json!({"action": "decline", "name": null}));
}

#[tokio::test]
async fn log_messages_go_to_those_who_ask_and_no_lower_than_they_ask() {
    let t = server().await;
    let call_at = async |level: &str| {
        let answer =
            modern(&t, "test_logging_tool", json!({}), json!({"io.modelcontextprotocol/logLevel": level})).await;
        let mut messages = messages(&answer);
        let sent = messages.pop().unwrap()["result"]["structuredContent"]["sent"].clone();
        assert_eq!(sent, messages.len());
        assert!(messages.iter().all(|message| message["method"] == "notifications/message"));
        messages.iter().map(|message| message["params"]["level"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(call_at("debug").await, ["debug", "info", "warning"]);
    assert_eq!(call_at("info").await, ["info", "warning"]);
    assert_eq!(call_at("warning").await, ["warning"]);
    for more in [json!({}), json!({"io.modelcontextprotocol/logLevel": "error"})] {
        let silent = modern(&t, "test_logging_tool", json!({}), more).await;
        assert_eq!(silent.header("content-type"), Some("application/json"));
        assert_eq!(silent.json()["result"]["structuredContent"]["sent"], 0);
    }
}

#[tokio::test]
async fn logging_is_declared_where_a_tool_logs_to_those_who_can_ask_for_it() {
    let (logs, silent) = (server().await, TestServer::start().await);
    for (t, declared) in [(&logs, true), (&silent, false)] {
        let discovered =
            t.send(crate::support::modern(&t.token("mcp:read"), "server/discover", json!({}))).await.json();
        assert_eq!(discovered["result"]["capabilities"]["logging"].is_object(), declared, "{discovered}");
        let initialized = t.post(&t.token("mcp:read"), &initialize("2025-11-25")).await.json();
        assert!(initialized["result"]["capabilities"]["tools"].is_object(), "{initialized}");
        assert!(initialized["result"]["capabilities"]["logging"].is_null());
    }
}

#[tokio::test]
async fn progress_comes_before_the_answer_whatever_the_revision_and_the_transport() {
    let t = server().await;
    let answer =
        modern(&t, "test_streaming_elicitation", json!({"elicitation": {}}), json!({"progressToken": "p"})).await;
    let given = messages(&answer);
    let progress = json!({"progressToken": "p", "progress": 1.0, "total": 2.0});
    assert_eq!((&given[0]["method"], &given[0]["params"]), (&json!("notifications/progress"), &progress));
    assert_eq!((given.len(), &given[1]["result"]["resultType"]), (2, &json!("input_required")));
    let mut message = call("test_streaming_elicitation", json!({}));
    message["params"]["_meta"] = json!({"progressToken": 3});
    let given = messages(&t.post(&t.token("mcp:read"), &message).await);
    assert_eq!((&given[0]["params"]["progressToken"], &given[1]["error"]["code"]), (&json!(3), &json!(-32021)));

    let token = t.token_with(json!({"aud": "http://127.0.0.1:8990/sse/oauth"}));
    let get = request("GET", "/sse/oauth").header("authorization", format!("Bearer {token}"));
    let stream = t.router.clone().oneshot(get.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = stream.into_body().into_data_stream();
    let mut event = async || String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    let place = event().await.trim().strip_prefix("event: endpoint\ndata: ").unwrap().to_owned();
    let post = request("POST", &place).header("authorization", format!("Bearer {token}"));
    let post = post.header("content-type", "application/json").body(Body::from(message.to_string()));
    assert_eq!(t.send(post.unwrap()).await.status, 202);
    for (member, value) in [("/params/progressToken", json!(3)), ("/error/code", json!(-32021))] {
        let event = event().await;
        let message: Value =
            serde_json::from_str(event.trim().strip_prefix("event: message\ndata: ").unwrap()).unwrap();
        assert_eq!(message.pointer(member), Some(&value), "{event}");
    }

    let text = "[[surface]]\nid = \"a\"\nkind = \"no-auth\"\ntools = [\"conformance\"]";
    let settings = Settings { clock: Clock::stopped(), ..Settings::parse(text).unwrap() };
    let (input, mut output) = (message.to_string(), Vec::new());
    converse(&settings, Some("a"), None, input.as_bytes(), &mut output).await.unwrap();
    let lines = String::from_utf8(output).unwrap();
    let given: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&given[0]["params"]["progressToken"], &given[1]["error"]["code"]), (&json!(3), &json!(-32021)));
}
