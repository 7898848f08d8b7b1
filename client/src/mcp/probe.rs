//! How a server answers a request that comes without credentials, or with some that are tried out.
use super::{
    elicitation::Elicitation,
    legacy::NEWEST,
    message::{Params, client_info},
    modern::{modern_headers, modern_message},
};
use crate::{
    address::Address,
    bounds,
    error::Result,
    http::{Answer, Headers, Http, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

const EITHER: &str = "application/json, text/event-stream";
const EVENTS: &str = "text/event-stream";

/// A request with no other credentials than these headers, to see the challenge (RFC 9728 §5.1). Where the newest
/// revision is not understood, as clients of the older ones begin.
pub async fn probe(http: &Http, url: &Address, with: &Headers) -> Result<Answer> {
    let answer = probe_with(http, url, "tools/list", with).await?;
    if !is_not_understood(answer.status) {
        return Ok(answer);
    }
    Ok(as_before(http, url, with).await?.unwrap_or(answer))
}

/// The same for another method, in the newest revision.
pub async fn probe_with(http: &Http, url: &Address, method: &str, with: &Headers) -> Result<Answer> {
    let message = modern_message(&1.into(), method, &Params::new(), Elicitation::Decline);
    let headers = [modern_headers(method, &Params::new()), with.clone()].concat();
    first(http.post_json(url, &message, &accepting(headers, EITHER)).await?).await
}

/// Why this is no answer of an MCP server, as far as can be seen; none of that is about a login.
pub fn stray(answer: &Answer) -> Option<String> {
    let status = answer.status;
    let elsewhere = answer.header("location").filter(|_| (300..400).contains(&status));
    let said = match (status, elsewhere.and_then(|to| answer.url.join(to).ok())) {
        (401 | 403, _) => return None,
        (200..300, _) if answer.is_json() || answer.is_events() => return None,
        (200..300, _) => "what it answers is no JSON".to_owned(),
        (_, Some(to)) => format!("it answers HTTP {status} and leads to {}", to.shown()),
        (_, None) => format!("it answers HTTP {status}"),
    };
    Some(format!("{said}; is that the address of an MCP server?"))
}

fn is_not_understood(status: u16) -> bool {
    matches!(status, 400 | 404 | 405)
}

/// With `initialize`, or with the stream of revision 2024-11-05. None: nothing of the kind is there.
async fn as_before(http: &Http, url: &Address, with: &Headers) -> Result<Option<Answer>> {
    let params = json!({
        "protocolVersion": NEWEST, "capabilities": Elicitation::Decline.capabilities(), "clientInfo": client_info(),
    });
    let message: Value = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = first(http.post_json(url, &message, &accepting(with.clone(), EITHER)).await?).await?;
    if let Some(session) = answer.header("mcp-session-id") {
        let goodbye = [with.clone(), vec![("mcp-session-id".to_owned(), session.to_owned())]].concat();
        // Whether it is heard, is the server's affair.
        http.send(Method::DELETE, url, &goodbye, None).await.ok();
    }
    if !is_not_understood(answer.status) {
        return Ok(Some(answer));
    }
    let stream = http.send(Method::GET, url, &accepting(with.clone(), EVENTS), None).await?;
    let counts = [401, 403].contains(&stream.status()) || (stream.is_events() && stream.status() == 200);
    if counts { first(stream).await.map(Some) } else { Ok(None) }
}

fn accepting(mut headers: Headers, kinds: &str) -> Headers {
    headers.push(("accept".to_owned(), kinds.to_owned()));
    headers
}

/// Of a stream no more than that it is one.
async fn first(reply: Reply) -> Result<Answer> {
    if reply.is_events() { Ok(reply.with_body(Vec::new())) } else { reply.read(bounds::DOCUMENT).await }
}
