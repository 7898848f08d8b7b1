//! MCP over HTTP as far as a caller needs it: the stateless revision first, every earlier one after it.
mod elicitation;
mod events;
mod legacy;
pub mod mirror;
mod modern;

use crate::{
    credential::Credential,
    error::{Failure, Result},
    http::{self, Answer, Headers, Http},
};
pub use elicitation::Elicitation;
use legacy::Legacy;
use modern::{Reply, modern_headers, modern_message};
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use url::Url;

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
    url: Url,
    protocol: Protocol,
    elicitation: Elicitation,
    pub credential: Credential,
    legacy: Option<Legacy>,
    last_id: u64,
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
