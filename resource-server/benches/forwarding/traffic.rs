//! Calls of one tool over many connections, each answer checked.
use super::parts::Part;
use anyhow::ensure;
use axum::http::header;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

pub struct Calls {
    client: reqwest::Client,
    connections: usize,
    message: String,
}

impl Calls {
    pub fn new(connections: usize) -> anyhow::Result<Self> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": "read_note", "arguments": {"id": "a-note", "part": 3}, "_meta": meta});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        Ok(Self { client: reqwest::Client::builder().no_proxy().build()?, connections, message })
    }

    /// What a call took of the part's processor time, in microseconds, and the calls in a second. Tokens are used in
    /// order, and again from the first one; where there are many, the calls end with them.
    pub async fn send(&self, part: &Part, tokens: &[String], during: Duration) -> anyhow::Result<(f64, u64)> {
        let (tokens, next): (Arc<[String]>, _) = (tokens.into(), Arc::new(AtomicUsize::new(0)));
        let (before, began) = (part.took()?, Instant::now());
        let mut all = JoinSet::new();
        for _ in 0..self.connections {
            let (client, message, url) = (self.client.clone(), self.message.clone(), part.url.clone());
            let (tokens, next) = (Arc::clone(&tokens), Arc::clone(&next));
            all.spawn(async move {
                let mut sent = 0_u32;
                while began.elapsed() < during {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if tokens.len() > 1 && number >= tokens.len() {
                        break;
                    }
                    let request = client.post(&url).bearer_auth(&tokens[number % tokens.len()]).body(message.clone());
                    let request = request
                        .header(header::CONTENT_TYPE, "application/json")
                        .header(header::ACCEPT, "application/json, text/event-stream")
                        .header("mcp-protocol-version", "2026-07-28")
                        .header("mcp-method", "tools/call")
                        .header("mcp-name", "read_note");
                    let response = request.send().await?;
                    let (status, body) = (response.status(), response.text().await?);
                    ensure!(status.is_success() && body.contains("a note"), "{status}: {body}");
                    sent += 1;
                }
                Ok(sent)
            });
        }
        let mut sent = 0;
        while let Some(ended) = all.join_next().await {
            sent += ended??;
        }
        let took = (part.took()? - before) / f64::from(sent.max(1));
        Ok((took, u64::from(sent) / began.elapsed().as_secs().max(1)))
    }
}
