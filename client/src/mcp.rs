//! MCP over HTTP as far as a caller needs it: the stateless revision first, every earlier one after it.
mod elicitation;
mod events;
mod legacy;
pub mod mirror;
mod modern;

use crate::{
    address::Address,
    bounds,
    credential::Credential,
    error::{Failure, Result},
    http::{self, Answer, Headers, Http, Reply},
};
pub use elicitation::Elicitation;
use legacy::Legacy;
use modern::{Outcome, modern_headers, modern_message};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

pub const MODERN: &str = "2026-07-28";
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
    url: Address,
    protocol: Protocol,
    elicitation: Elicitation,
    pub credential: Credential,
    legacy: Option<Legacy>,
    ids: Ids,
}

/// The ids of requests: numbers in order, but for the one that the person named.
#[derive(Clone, Default)]
struct Ids {
    last: i64,
    named: Option<(String, Value)>,
}

impl Ids {
    fn next(&mut self, method: &str) -> Value {
        if let Some((_, id)) = self.named.as_ref().filter(|(named, _)| named == method) {
            return id.clone();
        }
        self.last += 1;
        self.last.into()
    }
}

impl<'a> Client<'a> {
    pub fn new(
        http: &'a Http,
        url: &Address,
        protocol: Protocol,
        elicitation: Elicitation,
        credential: Credential,
    ) -> Self {
        Self { http, url: url.clone(), protocol, elicitation, credential, legacy: None, ids: Ids::default() }
    }

    /// One request and its result, in the newest revision that the server speaks.
    pub async fn request(&mut self, method: &str, params: Params) -> Result<Value> {
        if self.protocol != Protocol::Legacy && self.legacy.is_none() {
            match self.modern(method, &params).await? {
                Outcome::Result(result) => return Ok(result),
                Outcome::NotModern if self.protocol == Protocol::Modern => {
                    return Err(Failure::new("protocol", format!("{} does not speak {MODERN}", self.url.shown())));
                }
                Outcome::NotModern => {}
            }
        }
        self.legacy_request(method, params).await
    }

    /// All pages of a list.
    pub async fn list(&mut self, method: &str, member: &str) -> Result<Vec<Value>> {
        let (mut items, mut params, mut seen) = (Vec::new(), Params::new(), HashSet::new());
        for _ in 0..bounds::PAGES {
            let mut page = self.request(method, params.clone()).await?;
            if let Some(found) = page.get_mut(member).and_then(Value::as_array_mut) {
                items.append(found);
            }
            let Some(cursor) = page["nextCursor"].as_str() else { return Ok(items) };
            if !seen.insert(cursor.to_owned()) {
                break;
            }
            params.insert("cursor".to_owned(), cursor.into());
        }
        Err(Failure::new("protocol", format!("{} has pages without end", self.url.shown())))
    }

    /// Requests of this method have this id; no other request of the session has it too.
    pub fn call_it(&mut self, method: &str, id: Value) {
        self.ids.last = id.as_i64().unwrap_or_default().clamp(0, i64::MAX >> 1);
        self.ids.named = Some((method.to_owned(), id));
    }

    /// A POST with the credential; 401 and 403 are failures that carry the challenge.
    async fn post(&self, url: &Address, message: &Value, headers: &Headers) -> Result<Reply> {
        let response = self.send(Method::POST, url, headers, Some(message)).await?;
        refused(self.http, response).await
    }

    /// Once more where the server names a nonce (RFC 9449 §9).
    async fn send(&self, method: Method, url: &Address, headers: &Headers, body: Option<&Value>) -> Result<Reply> {
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
pub async fn probe(http: &Http, url: &Address, with: &Headers) -> Result<Answer> {
    probe_with(http, url, "tools/list", with).await
}

/// The same for another method.
pub async fn probe_with(http: &Http, url: &Address, method: &str, with: &Headers) -> Result<Answer> {
    let message = modern_message(&1.into(), method, &Params::new(), Elicitation::Decline);
    let mut headers = modern_headers(method, &Params::new());
    headers.extend(with.iter().cloned());
    headers.push(("accept".to_owned(), "application/json, text/event-stream".to_owned()));
    let reply = http.post_json(url, &message, &headers).await?;
    if reply.is_events() { Ok(reply.head(Vec::new())) } else { reply.read(bounds::DOCUMENT).await }
}

async fn refused(http: &Http, reply: Reply) -> Result<Reply> {
    let status = reply.status();
    if status != 401 && status != 403 {
        return Ok(reply);
    }
    let answer = reply.read(bounds::DOCUMENT).await?;
    let challenges = answer.challenges();
    let error = challenges.iter().find_map(|challenge| challenge.get("error"));
    let code = error.unwrap_or(if status == 401 { "unauthorized" } else { "forbidden" }).to_owned();
    let described = challenges.iter().find_map(|challenge| challenge.get("error_description"));
    let mut message = format!("{} answers {status}", answer.url.shown());
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
    Failure::new("http", format!("{} answers HTTP {}{text}", answer.url.shown(), answer.status))
        .with_status(answer.status)
}
