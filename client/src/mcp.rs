//! MCP over HTTP as far as a caller needs it: the stateless revision first, every earlier one after it.
mod elicitation;
mod events;
mod legacy;
pub mod mirror;

use crate::{
    credential::Credential,
    error::{Failure, Result},
    http::{self, Answer, Headers, Http},
};
pub use elicitation::Elicitation;
use events::Events;
use legacy::Legacy;
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use url::Url;

pub const MODERN: &str = "2026-07-28";
/// Codes that only a server of the stateless revision answers with: mismatch, capability, version.
const MODERN_ERRORS: [i64; 3] = [-32020, -32021, UNSUPPORTED_VERSION];
const UNSUPPORTED_VERSION: i64 = -32022;
/// How often a server may ask back before an answer is given up.
const MAX_ROUNDS: usize = 8;

pub type Params = Map<String, Value>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// Ask in the newest revision, fall back to `initialize`.
    #[default]
    Auto,
    /// The stateless revision only.
    #[value(name = "2026-07-28")]
    Modern,
    /// `initialize` and a session, 2024-11-05 to 2025-11-25.
    Legacy,
}

/// A caller of one MCP server.
pub struct Client<'a> {
    http: &'a Http,
    url: Url,
    protocol: Protocol,
    elicitation: Elicitation,
    pub credential: Credential,
    legacy: Option<Legacy>,
    last_id: u64,
}

/// What came back for one request.
enum Reply {
    Result(Value),
    /// The server is not of the stateless revision.
    NotModern,
}

impl<'a> Client<'a> {
    pub fn new(
        http: &'a Http,
        url: &Url,
        protocol: Protocol,
        elicitation: Elicitation,
        credential: Credential,
    ) -> Self {
        Self { http, url: url.clone(), protocol, elicitation, credential, legacy: None, last_id: 0 }
    }

    /// One request and its result, in the newest revision that the server speaks.
    pub async fn request(&mut self, method: &str, params: Params) -> Result<Value> {
        if self.protocol != Protocol::Legacy && self.legacy.is_none() {
            match self.modern(method, &params).await? {
                Reply::Result(result) => return Ok(result),
                Reply::NotModern if self.protocol == Protocol::Modern => {
                    return Err(Failure::new("protocol", format!("{} does not speak {MODERN}", self.url)));
                }
                Reply::NotModern => {}
            }
        }
        self.legacy_request(method, params).await
    }

    /// All pages of a list.
    pub async fn list(&mut self, method: &str, member: &str) -> Result<Vec<Value>> {
        let (mut items, mut params) = (Vec::new(), Params::new());
        loop {
            let mut page = self.request(method, params.clone()).await?;
            if let Some(found) = page.get_mut(member).and_then(Value::as_array_mut) {
                items.append(found);
            }
            let next = page["nextCursor"].as_str().filter(|cursor| params.get("cursor") != Some(&json!(cursor)));
            match next {
                Some(cursor) => drop(params.insert("cursor".to_owned(), cursor.into())),
                None => return Ok(items),
            }
        }
    }

    async fn modern(&mut self, method: &str, params: &Params) -> Result<Reply> {
        let mirrored = match method {
            "tools/call" => self.mirrored(params).await?,
            _ => Headers::new(),
        };
        let mut params = params.clone();
        for _ in 0..MAX_ROUNDS {
            let result = match self.modern_once(method, &params, &mirrored).await? {
                Reply::Result(result) => result,
                Reply::NotModern => return Ok(Reply::NotModern),
            };
            if result["resultType"] != "input_required" {
                return Ok(Reply::Result(result));
            }
            self.elicitation.answer_all(&result, &mut params)?;
        }
        Err(Failure::new("input_required", "the server keeps asking for input"))
    }

    /// What the tool's schema wants repeated in headers; a tool that cannot be looked up is called without.
    async fn mirrored(&mut self, params: &Params) -> Result<Headers> {
        let Reply::Result(list) =
            self.modern_once("tools/list", &Params::new(), &Headers::new()).await.or_else(|failure| {
                // The call itself will tell what is wrong, and may be allowed where the list is not.
                if failure.http_status == Some(401) { Err(failure) } else { Ok(Reply::NotModern) }
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

    async fn modern_once(&mut self, method: &str, params: &Params, mirrored: &Headers) -> Result<Reply> {
        let mut reply = self.modern_attempt(method, params, mirrored).await?;
        if let Attempt::Version(supported) = &reply {
            if !supported.iter().any(|version| version == MODERN) {
                return Ok(Reply::NotModern);
            }
            reply = self.modern_attempt(method, params, mirrored).await?;
        }
        match reply {
            Attempt::Reply(reply) => Ok(reply),
            Attempt::Version(_) => Err(Failure::new("protocol", "the server refuses the version it says it supports")),
        }
    }

    async fn modern_attempt(&mut self, method: &str, params: &Params, mirrored: &Headers) -> Result<Attempt> {
        let id = self.next_id();
        let message = modern_message(id, method, params, self.elicitation);
        let mut headers = modern_headers(method, params);
        headers.extend(mirrored.iter().cloned());
        let response = self.post(&self.url, &message, &headers).await?;
        let status = response.status().as_u16();
        if is_events(&response) && status == 200 {
            return Ok(Attempt::Reply(Reply::Result(self.streamed(response, id).await?)));
        }
        let answer = read_whole(&self.url, response).await?;
        Ok(judge_modern(&answer)?.unwrap_or(Attempt::Reply(Reply::NotModern)))
    }

    /// The result for this request out of a stream; whatever the server asks meanwhile has no way to be answered.
    async fn streamed(&self, response: Response, id: u64) -> Result<Value> {
        let mut events = Events::new(response);
        while let Some(event) = events.next().await? {
            let Some(message) = event.json() else { continue };
            if message["id"] == id && message.get("method").is_none() {
                return result_of(&message, 200);
            }
        }
        Err(Failure::new("protocol", "the event stream ends without an answer"))
    }

    /// The id of the next request.
    pub fn begin_at(&mut self, id: u64) {
        self.last_id = id.saturating_sub(1);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A POST with the credential; 401 and 403 are failures that carry the challenge.
    async fn post(&self, url: &Url, message: &Value, headers: &Headers) -> Result<Response> {
        let response = self.send(Method::POST, url, headers, Some(message)).await?;
        refused(self.http, url, response).await
    }

    /// Once more where the server names a nonce (RFC 9449 §9).
    async fn send(&self, method: Method, url: &Url, headers: &Headers, body: Option<&Value>) -> Result<Response> {
        let attempt = || async {
            let mut headers = headers.clone();
            headers.extend(self.credential.headers(self.http, method.as_str(), url)?);
            if method == Method::GET {
                headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
            } else if body.is_some() {
                headers.push(("accept".to_owned(), "application/json, text/event-stream".to_owned()));
            }
            match body {
                Some(body) => self.http.post_json(url, body, &headers).await,
                None => self.http.send(method.clone(), url, &headers, None).await,
            }
        };
        let response = attempt().await?;
        let wants_nonce = response.status() == 401
            && self.credential.is_dpop()
            && response.headers().contains_key("dpop-nonce")
            && http::challenges(response.headers()).iter().any(|c| c.get("error") == Some("use_dpop_nonce"));
        if wants_nonce { attempt().await } else { Ok(response) }
    }
}

enum Attempt {
    Reply(Reply),
    /// The versions the server has instead.
    Version(Vec<String>),
}

/// None: no server of the stateless revision speaks so.
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
    result_of(&message, answer.status).map(|result| Some(Attempt::Reply(Reply::Result(result))))
}

/// Older servers that look at the session before anything else.
fn wants_initialize(message: &Value) -> bool {
    let text = message["error"]["message"].as_str().unwrap_or_default().to_ascii_lowercase();
    text.contains("initializ") || text.contains("session")
}

fn modern_message(id: u64, method: &str, params: &Params, elicitation: Elicitation) -> Value {
    let mut params = params.clone();
    let meta = params.entry("_meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        meta.insert("io.modelcontextprotocol/protocolVersion".to_owned(), MODERN.into());
        meta.insert("io.modelcontextprotocol/clientInfo".to_owned(), client_info());
        meta.insert("io.modelcontextprotocol/clientCapabilities".to_owned(), capabilities(elicitation));
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn modern_headers(method: &str, params: &Params) -> Headers {
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

fn client_info() -> Value {
    json!({"name": "mcp-auth", "version": env!("CARGO_PKG_VERSION")})
}

/// The authorization extensions this client speaks, and elicitation where somebody answers.
fn capabilities(elicitation: Elicitation) -> Value {
    let mut capabilities = json!({"extensions": {
        "io.modelcontextprotocol/oauth-client-credentials": {},
        "io.modelcontextprotocol/enterprise-managed-authorization": {},
    }});
    if elicitation == Elicitation::Defaults {
        capabilities["elicitation"] = json!({});
    }
    capabilities
}

/// A request with no other credentials than these headers, to see the challenge (RFC 9728 §5.1).
pub async fn probe(http: &Http, url: &Url, with: &Headers) -> Result<Answer> {
    let message = modern_message(1, "tools/list", &Params::new(), Elicitation::Decline);
    let mut headers = modern_headers("tools/list", &Params::new());
    headers.extend(with.iter().cloned());
    headers.push(("accept".to_owned(), "application/json, text/event-stream".to_owned()));
    let response = http.post_json(url, &message, &headers).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    if is_events(&response) {
        return Ok(Answer { url: url.clone(), status, headers, body: Vec::new() });
    }
    http::read(url, response).await
}

fn is_events(response: &Response) -> bool {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("text/event-stream")
}

/// Results may be as large as they like.
async fn read_whole(url: &Url, response: Response) -> Result<Answer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { url: url.clone(), status, headers, body: response.bytes().await?.to_vec() })
}

async fn refused(http: &Http, url: &Url, response: Response) -> Result<Response> {
    let status = response.status().as_u16();
    if status != 401 && status != 403 {
        return Ok(response);
    }
    let answer = http::read(url, response).await?;
    let challenges = answer.challenges();
    let error = challenges.iter().find_map(|challenge| challenge.get("error"));
    let code = error.unwrap_or(if status == 401 { "unauthorized" } else { "forbidden" }).to_owned();
    let described = challenges.iter().find_map(|challenge| challenge.get("error_description"));
    let mut message = format!("{url} answers {status}");
    for part in [error, described].into_iter().flatten() {
        message = format!("{message}, {part}");
    }
    http.trace(|| format!("  refused: {message}"));
    Err(Failure { challenges, ..Failure::new(code, message).with_status(status) })
}

/// The result of a JSON-RPC response, or its error as a failure with that code.
fn result_of(message: &Value, status: u16) -> Result<Value> {
    if let Some(error) = message.get("error") {
        let code = error["code"].to_string();
        let text = error["message"].as_str().unwrap_or("no message");
        let data = error.get("data").map(|data| format!(" {data}")).unwrap_or_default();
        return Err(
            Failure::new(code.clone(), format!("the server answers error {code}: {text}{data}")).with_status(status)
        );
    }
    message.get("result").cloned().ok_or_else(|| Failure::new("protocol", "the answer is no JSON-RPC response"))
}

fn http_failure(answer: &Answer) -> Failure {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
    let text = if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) };
    Failure::new("http", format!("{} answers HTTP {}{text}", answer.url, answer.status)).with_status(answer.status)
}
