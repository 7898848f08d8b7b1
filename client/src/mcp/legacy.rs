//! Revisions 2024-11-05 to 2025-11-25: `initialize`, an optional session, streams that resume, the old SSE transport.
use super::{
    client::{Client, LegacySession, unless_refused},
    elicitation::Elicitation,
    events::Events,
    message::{Params, client_info, http_failure, result_of},
};
use crate::{
    address::Address,
    bounds,
    error::{Failure, Result},
    http::{Headers, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const NEWEST: &str = "2025-11-25";

impl Client<'_> {
    pub(super) async fn legacy_request(&mut self, method: &str, params: Params) -> Result<Value> {
        if self.legacy.is_none() {
            self.initialize().await?;
        }
        let result = self.exchange_while_listening(method, &params).await;
        match result {
            // The server has forgotten the session: a new one is opened, once.
            Err(failure) if failure.http_status == Some(404) && self.has_session() => {
                self.initialize().await?;
                self.exchange_while_listening(method, &params).await
            }
            other => other,
        }
    }

    /// Exchanges a message. A client that offers elicitation keeps the session's own stream open meanwhile, because
    /// servers may ask there.
    async fn exchange_while_listening(&mut self, method: &str, params: &Params) -> Result<Value> {
        if self.elicitation == Elicitation::Decline || !self.has_session() {
            return self.exchange(method, params).await;
        }
        let mut listener = self.listener();
        let Some(mut events) = listener.own_stream().await else { return self.exchange(method, params).await };
        tokio::select! {
            result = self.exchange(method, params) => result,
            () = listener.answer_events(&mut events) => Err(Failure::new("protocol", "the session's stream cannot end first")),
        }
    }

    /// A second caller of the same session, which listens while this one exchanges a message.
    fn listener(&self) -> Self {
        let legacy = self.legacy.as_ref().map(|legacy| LegacySession {
            version: legacy.version.clone(),
            id: legacy.id.clone(),
            stream: None,
        });
        Client { legacy, ..Client::new(self.http, &self.url, self.protocol, self.elicitation, self.credential.clone()) }
    }

    async fn own_stream(&self) -> Option<Events> {
        let response = self.send(Method::GET, &self.url, &self.legacy_headers(), None).await.ok()?;
        (response.status() == 200 && response.is_events()).then(|| Events::new(response))
    }

    /// Answers the requests of that stream. When the stream ends, it waits for ever.
    async fn answer_events(&mut self, events: &mut Events) {
        while let Ok(Some(event)) = events.next().await {
            if let Some(message) = event.json().filter(|message| message.get("method").is_some()) {
                let _ = self.answer_server(&message).await;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Ends the session, so that the server need not wait until it times out.
    pub async fn close(&mut self) {
        if self.has_session() {
            let headers = self.legacy_headers();
            let _ = self.send(Method::DELETE, &self.url, &headers, None).await;
        }
        self.legacy = None;
    }

    fn has_session(&self) -> bool {
        self.legacy.as_ref().is_some_and(|legacy| legacy.id.is_some())
    }

    async fn initialize(&mut self) -> Result<()> {
        self.legacy = Some(LegacySession { version: String::new(), id: None, stream: None });
        let capabilities = self.elicitation.capabilities();
        let params = json!({"protocolVersion": NEWEST, "capabilities": capabilities, "clientInfo": client_info()});
        let Value::Object(params) = params else { return Ok(()) };
        let result = match self.exchange("initialize", &params).await {
            Err(failure) if matches!(failure.http_status, Some(400 | 404 | 405)) => {
                self.open_stream(failure).await?;
                self.exchange("initialize", &params).await?
            }
            other => other?,
        };
        let version = result["protocolVersion"].as_str().unwrap_or_default().to_owned();
        if let Some(legacy) = &mut self.legacy {
            legacy.version = version;
        }
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let to = self.post_url();
        self.post(&to, &message, &self.legacy_headers()).await?;
        Ok(())
    }

    /// HTTP with SSE, revision 2024-11-05: the first event of the stream says where to post.
    async fn open_stream(&mut self, otherwise: Failure) -> Result<()> {
        let response = self.send(Method::GET, &self.url, &Headers::new(), None).await?;
        let response = unless_refused(self.http, response).await?;
        if !response.is_events() {
            return Err(otherwise);
        }
        let mut events = Events::new(response);
        let endpoint = events.next().await?.filter(|event| event.name == "endpoint").ok_or(otherwise)?;
        let endpoint = self.url.join(endpoint.data.trim()).ok().filter(|url| url.origin() == self.url.origin());
        let endpoint =
            endpoint.ok_or_else(|| Failure::new("protocol", "the stream names an endpoint of another origin"))?;
        if let Some(legacy) = &mut self.legacy {
            legacy.stream = Some((events, endpoint));
        }
        Ok(())
    }

    fn post_url(&self) -> Address {
        let stream = self.legacy.as_ref().and_then(|legacy| legacy.stream.as_ref());
        stream.map_or_else(|| self.url.clone(), |(_, endpoint)| endpoint.clone())
    }

    fn legacy_headers(&self) -> Headers {
        let mut headers = Headers::new();
        if let Some(legacy) = &self.legacy {
            // Servers of revision 2025-03-26 and older ignore this header.
            if !legacy.version.is_empty() {
                headers.push(("mcp-protocol-version".to_owned(), legacy.version.clone()));
            }
            if let Some(id) = &legacy.id {
                headers.push(("mcp-session-id".to_owned(), id.clone()));
            }
        }
        headers
    }

    async fn exchange(&mut self, method: &str, params: &Params) -> Result<Value> {
        let id = self.ids.next(method);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let (to, headers) = (self.post_url(), self.legacy_headers());
        let response = self.post(&to, &message, &headers).await?;
        if let Some((mut events, endpoint)) = self.legacy.as_mut().and_then(|legacy| legacy.stream.take()) {
            let reply = self.reply(&mut events, &id).await;
            if let Some(legacy) = &mut self.legacy {
                legacy.stream = Some((events, endpoint));
            }
            return reply?.ok_or_else(|| Failure::new("protocol", "the event stream ends without an answer"));
        }
        if method == "initialize" {
            let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
            if let Some(legacy) = &mut self.legacy {
                legacy.id = session;
            }
        }
        if response.is_events() && response.status() == 200 {
            return self.resumed(response, &id).await;
        }
        let answer = response.read(bounds::RESULT).await?;
        match answer.json().filter(|message| message["jsonrpc"] == "2.0") {
            Some(message) => result_of(&message, answer.status),
            None => Err(http_failure(&answer)),
        }
    }

    /// Reads the answer from a stream. A stream that closes before the answer is resumed after its last event (MCP
    /// 2025-11-25, resumability).
    async fn resumed(&mut self, response: Reply, id: &Value) -> Result<Value> {
        let mut events = Events::new(response);
        for _ in 0..bounds::RESUMPTIONS {
            if let Some(result) = self.reply(&mut events, id).await? {
                return Ok(result);
            }
            let Some(last) = events.last_id().map(str::to_owned) else { break };
            tokio::time::sleep(Duration::from_millis(events.retry().unwrap_or(1000))).await;
            let mut headers = self.legacy_headers();
            headers.push(("last-event-id".to_owned(), last));
            let response = self.send(Method::GET, &self.url, &headers, None).await?;
            let response = unless_refused(self.http, response).await?;
            if !response.is_events() {
                break;
            }
            events = Events::new(response);
        }
        Err(Failure::new("protocol", "the event stream ends without an answer"))
    }

    /// Reads events until the answer comes, and answers the server's requests meanwhile.
    async fn reply(&mut self, events: &mut Events, id: &Value) -> Result<Option<Value>> {
        while let Some(event) = events.next().await? {
            let Some(message) = event.json() else { continue };
            if message.get("method").is_some() {
                self.answer_server(&message).await?;
            } else if message["id"] == *id {
                return result_of(&message, 200).map(Some);
            }
        }
        Ok(None)
    }

    async fn answer_server(&mut self, request: &Value) -> Result<()> {
        let Some(id) = request.get("id") else { return Ok(()) };
        let unknown = json!({"code": -32601, "message": "not offered by this client"});
        let reply = match self.elicitation.answer(request) {
            _ if request["method"] == "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
            Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            None => json!({"jsonrpc": "2.0", "id": id, "error": unknown}),
        };
        let to = self.post_url();
        self.post(&to, &reply, &self.legacy_headers()).await.map(drop)
    }
}
