//! A caller of one MCP server: its state, and how one of its messages goes out.
use super::{elicitation::Elicitation, events::Events};
use crate::{
    address::Address,
    bounds,
    credential::Credential,
    error::{Failure, Result},
    http::{self, Headers, Http, Reply},
};
use reqwest::Method;
use serde_json::Value;

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

/// A caller of one MCP server. The files `modern` and `legacy` add how each kind of revision is spoken.
pub struct Client<'a> {
    pub(super) http: &'a Http,
    pub(super) url: Address,
    pub(super) protocol: Protocol,
    pub(super) elicitation: Elicitation,
    pub credential: Credential,
    pub(super) legacy: Option<LegacySession>,
    pub(super) ids: RequestIds,
}

/// The session with a server of a revision before 2026-07-28.
pub(super) struct LegacySession {
    pub version: String,
    pub id: Option<String>,
    /// The transport of 2024-11-05: one stream for all answers, and the address to post to.
    pub stream: Option<(Events, Address)>,
}

/// The ids of requests: numbers in order, except the id that the person chose for one method.
#[derive(Clone, Default)]
pub(super) struct RequestIds {
    last: i64,
    chosen: Option<(String, Value)>,
}

impl RequestIds {
    pub fn next(&mut self, method: &str) -> Value {
        if let Some((_, id)) = self.chosen.as_ref().filter(|(chosen, _)| chosen == method) {
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
        Self { http, url: url.clone(), protocol, elicitation, credential, legacy: None, ids: RequestIds::default() }
    }

    /// Gives requests of this method this id. No other request of the session has the same id.
    pub fn choose_id(&mut self, method: &str, id: Value) {
        self.ids.last = id.as_i64().unwrap_or_default().clamp(0, i64::MAX >> 1);
        self.ids.chosen = Some((method.to_owned(), id));
    }

    /// Posts a message with the credential. 401 and 403 are failures that hold the challenge.
    pub(super) async fn post(&self, url: &Address, message: &Value, headers: &Headers) -> Result<Reply> {
        let response = self.send(Method::POST, url, headers, Some(message)).await?;
        unless_refused(self.http, response).await
    }

    /// Sends a request with the credential, and once more where the server names a nonce (RFC 9449 §9).
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Address,
        headers: &Headers,
        body: Option<&Value>,
    ) -> Result<Reply> {
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

/// The reply; a failure with the challenge where the server refuses with 401 or 403.
pub(super) async fn unless_refused(http: &Http, reply: Reply) -> Result<Reply> {
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
