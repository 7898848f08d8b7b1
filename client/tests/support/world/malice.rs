//! What a hostile server makes of answers that would have been right.
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A link to a script, a new line that forges one of ours, C1 controls, directions, separators, tags.
const SPEECH: &str = "\u{1b}]8;;javascript:alert(1)\u{7}x\u{1b}[2J\r\nmcp-auth: FORGED\nFORGED\u{9b}2J\u{85}FORGED\
    \u{2028}FORGED\u{202e}\u{2066}\u{200f}\u{feff}\u{e0041}\u{8}\u{7f}\0";
/// Members whose text nobody compares with anything.
const SPOKEN: [&str; 11] = [
    "name",
    "description",
    "text",
    "uri",
    "title",
    "resource_name",
    "user_code",
    "client_name",
    "error_description",
    "asked",
    "mimeType",
];

pub async fn spoil(malice: &str, path: &str, response: Response) -> Response {
    match malice {
        "speaks" => spoken(response).await,
        "refuses" if path == "/mcp" => {
            let error = json!({"code": -32000, "message": SPEECH, "data": {SPEECH: SPEECH}});
            axum::Json(json!({"jsonrpc": "2.0", "id": 1, "error": error})).into_response()
        }
        "refuses" => {
            let error = json!({"error": format!("no{SPEECH}"), "error_description": SPEECH});
            (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
        }
        "babbles" => (StatusCode::INTERNAL_SERVER_ERROR, SPEECH).into_response(),
        "welcomes" => axum::response::Html("<p>Welcome").into_response(),
        "sends-to-script" => (StatusCode::FOUND, [("location", "javascript:alert(1)")]).into_response(),
        "sends-on" => (StatusCode::FOUND, [("location", path.to_owned())]).into_response(),
        "silent" => pending().await,
        "dribbles" => endless(response, " ", 1, Duration::from_millis(100)),
        "floods" => endless(response, " ", 1 << 16, Duration::ZERO),
        "heartbeats" => endless(events(), ": still here\n\n", 1, Duration::from_millis(100)),
        "other-events" => {
            let event = "data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n\n";
            endless(events(), event, 1 << 12, Duration::ZERO)
        }
        "one-event" => endless(events(), "x", 1 << 16, Duration::ZERO),
        "waits" => {
            ([(header::CONTENT_TYPE, "text/event-stream")], "id: 1\nretry: 18446744073709551615\n\n").into_response()
        }
        "pages" => paged(response).await,
        other => panic!("no malice {other}"),
    }
}

fn events() -> Response {
    [(header::CONTENT_TYPE, "text/event-stream")].into_response()
}

/// The same head, and this again and again.
fn endless(response: Response, text: &str, times: usize, pause: Duration) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let bytes = stream::unfold(Bytes::from(text.repeat(times)), move |bytes| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(bytes.clone()), bytes))
    });
    Response::from_parts(parts, Body::from_stream(bytes))
}

async fn spoken(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let Ok(mut value) = serde_json::from_slice(&body) else { return Response::from_parts(parts, body.into()) };
    speak(&mut value);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}

fn speak(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(speak),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if SPOKEN.contains(&&**name) => text.push_str(SPEECH),
                    other => speak(other),
                }
            }
            members.insert(SPEECH.to_owned(), SPEECH.into());
        }
        _ => {}
    }
}

/// Every page has another one; the cursors begin again at some time.
async fn paged(response: Response) -> Response {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return Response::from_parts(parts, body.into()) };
    if value["result"].is_object() {
        value["result"]["nextCursor"] = (PAGE.fetch_add(1, Ordering::Relaxed) % 5).to_string().into();
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}
