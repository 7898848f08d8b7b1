//! Revision 2026-07-28: every request stands alone and names its own revision, client and capabilities.
use super::{
    client::Client,
    elicitation::Elicitation,
    events::Events,
    message::{Params, client_info, http_failure, result_of},
    mirror,
};
use crate::{
    bounds,
    error::{Failure, Result},
    http::{Answer, Headers, Reply},
};
use serde_json::{Value, json};

pub const MODERN: &str = "2026-07-28";

/// Error codes of servers of the stateless revision only: header mismatch, missing capability, unsupported version.
const MODERN_ERRORS: [i64; 3] = [-32020, -32021, UNSUPPORTED_VERSION];
const UNSUPPORTED_VERSION: i64 = -32022;

/// The result of one request, or the news that an older revision has to be spoken.
pub(super) enum Outcome {
    Result(Value),
    /// The server is not of the stateless revision.
    NotModern,
}

impl Client<'_> {
    pub(super) async fn modern(&mut self, method: &str, params: &Params) -> Result<Outcome> {
        let mirrored = match method {
            "tools/call" => self.mirrored(params).await?,
            _ => Headers::new(),
        };
        let mut params = params.clone();
        for _ in 0..bounds::QUESTIONS {
            let result = match self.modern_once(method, &params, &mirrored).await? {
                Outcome::Result(result) => result,
                Outcome::NotModern => return Ok(Outcome::NotModern),
            };
            if result["resultType"] != "input_required" {
                return Ok(Outcome::Result(result));
            }
            self.elicitation.answer_all(&result, &mut params)?;
        }
        Err(Failure::new("input_required", "the server keeps asking for input"))
    }

    /// The arguments that the tool's schema wants in headers. A tool that is not in the list is called without them.
    async fn mirrored(&mut self, params: &Params) -> Result<Headers> {
        let Outcome::Result(list) =
            self.modern_once("tools/list", &Params::new(), &Headers::new()).await.or_else(|failure| {
                // The call may be allowed where the list is not, and otherwise says itself what is wrong.
                if failure.http_status == Some(401) { Err(failure) } else { Ok(Outcome::NotModern) }
            })?
        else {
            return Ok(Headers::new());
        };
        let tools = list["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        match tools.iter().find(|tool| Some(&tool["name"]) == params.get("name")) {
            Some(tool) => mirror::headers(tool, params.get("arguments").unwrap_or(&Value::Null)),
            None => Ok(Headers::new()),
        }
    }

    async fn modern_once(&mut self, method: &str, params: &Params, mirrored: &Headers) -> Result<Outcome> {
        let mut reply = self.modern_attempt(method, params, mirrored).await?;
        if let Attempt::Version(supported) = &reply {
            if !supported.iter().any(|version| version == MODERN) {
                return Ok(Outcome::NotModern);
            }
            reply = self.modern_attempt(method, params, mirrored).await?;
        }
        match reply {
            Attempt::Outcome(outcome) => Ok(outcome),
            Attempt::Version(_) => Err(Failure::new("protocol", "the server refuses the version it says it supports")),
        }
    }

    async fn modern_attempt(&mut self, method: &str, params: &Params, mirrored: &Headers) -> Result<Attempt> {
        let id = self.ids.next(method);
        let message = modern_message(&id, method, params, self.elicitation);
        let mut headers = modern_headers(method, params);
        headers.extend(mirrored.iter().cloned());
        let response = self.post(&self.url, &message, &headers).await?;
        let status = response.status();
        if response.is_events() && status == 200 {
            return Ok(Attempt::Outcome(Outcome::Result(self.streamed(response, &id).await?)));
        }
        let answer = response.read(bounds::RESULT).await?;
        Ok(judge_modern(&answer)?.unwrap_or(Attempt::Outcome(Outcome::NotModern)))
    }

    /// Reads the result of this request from a stream. In this revision a server cannot ask anything on the stream.
    async fn streamed(&self, response: Reply, id: &Value) -> Result<Value> {
        let mut events = Events::new(response);
        while let Some(event) = events.next().await? {
            let Some(message) = event.json() else { continue };
            if message["id"] == *id && message.get("method").is_none() {
                return result_of(&message, 200);
            }
        }
        Err(Failure::new("protocol", "the event stream ends without an answer"))
    }
}

enum Attempt {
    Outcome(Outcome),
    /// The server refuses the version, and supports these instead.
    Version(Vec<String>),
}

/// What an answer means. None where no server of the stateless revision answers so.
fn judge_modern(answer: &Answer) -> Result<Option<Attempt>> {
    let Some(message) = answer.json().filter(|message| message["jsonrpc"] == "2.0") else {
        return if (200..300).contains(&answer.status) || answer.status >= 500 || answer.status == 429 {
            Err(http_failure(answer))
        } else {
            Ok(None)
        };
    };
    if let Some(code) = message["error"]["code"].as_i64() {
        if code == UNSUPPORTED_VERSION {
            let supported = message["error"]["data"]["supported"].as_array().cloned().unwrap_or_default();
            let supported = supported.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            return Ok(Some(Attempt::Version(supported)));
        }
        // Unknown methods are 404 in the stateless revision; a 400 of another kind is an older server's.
        let older = answer.status == 400 && !MODERN_ERRORS.contains(&code) && code != -32602;
        if older || wants_initialize(&message) || answer.status == 405 {
            return Ok(None);
        }
    }
    result_of(&message, answer.status).map(|result| Some(Attempt::Outcome(Outcome::Result(result))))
}

/// Whether the error is that of an older server, which looks for a session first.
fn wants_initialize(message: &Value) -> bool {
    let text = message["error"]["message"].as_str().unwrap_or_default().to_ascii_lowercase();
    text.contains("initializ") || text.contains("session")
}

pub(super) fn modern_message(id: &Value, method: &str, params: &Params, elicitation: Elicitation) -> Value {
    let mut params = params.clone();
    let meta = params.entry("_meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        meta.insert("io.modelcontextprotocol/protocolVersion".to_owned(), MODERN.into());
        meta.insert("io.modelcontextprotocol/clientInfo".to_owned(), client_info());
        meta.insert("io.modelcontextprotocol/clientCapabilities".to_owned(), elicitation.capabilities());
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(super) fn modern_headers(method: &str, params: &Params) -> Headers {
    let mut headers =
        vec![("mcp-protocol-version".to_owned(), MODERN.to_owned()), ("mcp-method".to_owned(), method.to_owned())];
    let name = match method {
        "tools/call" | "prompts/get" => params.get("name"),
        "resources/read" => params.get("uri"),
        _ => None,
    };
    if let Some(name) = name.and_then(Value::as_str) {
        headers.push(("mcp-name".to_owned(), mirror::encode(name)));
    }
    headers
}
