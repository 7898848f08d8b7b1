//! MCP over standard input and output: a message a line, judged and answered as if it had come by HTTP, but for who
//! logs in: that counts for the whole process.
use crate::{
    messages::messages,
    settings::{Secret, Settings},
    surfaces, wire,
};
use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
};
use base64ct::{Base64, Encoding};
use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tower::ServiceExt;
use url::Url;
use uuid::Uuid;

/// What a request came on that came from this process's own client; it takes the place of a session.
#[derive(Clone, Debug)]
pub(crate) struct Connection(pub Arc<str>);

/// What a request is part of, if anything: this process's conversation, or a legacy session. Requests of 2026-07-28
/// have none of the latter.
pub(crate) fn connection(parts: &Parts) -> Option<&str> {
    let process = parts.extensions.get::<Connection>().map(|process| &*process.0);
    let session = || wire::single(&parts.headers, &wire::SESSION_ID).ok().flatten();
    process.or_else(|| session().filter(|_| !wire::speaks_modern(&parts.headers)))
}

/// Answers what `input` says on `output` until it ends, one message after another. The surface is the one of this id,
/// or the first of kind `session`; `credential` is a session token or an API key.
pub async fn converse(
    settings: &Settings,
    surface: Option<&str>,
    credential: Option<Secret>,
    input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let (router, url) = surfaces::alone(settings, surface)?;
    let bridge = Bridge { router, url, credential, connection: Connection(Uuid::now_v7().to_string().into()) };
    let mut lines = input.lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let mut answers = bridge.answer(line).await?;
        while let Some(answer) = answers.next().await {
            output.write_all(format!("{}\n", answer?).as_bytes()).await?;
            output.flush().await?;
        }
    }
    Ok(())
}

struct Bridge {
    router: Router,
    url: Url,
    credential: Option<Secret>,
    connection: Connection,
}

impl Bridge {
    /// Nothing is said to notifications, and more than the answer if there is something to tell before it.
    async fn answer(&self, line: String) -> anyhow::Result<BoxStream<'static, anyhow::Result<Value>>> {
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        let request = self.request(line, &message)?;
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        if response.status() == StatusCode::ACCEPTED {
            return Ok(stream::empty().boxed());
        }
        let id = message.get("id").cloned();
        let answers = messages(response).map(move |text| Ok(answered(serde_json::from_str(&text?)?, id.as_ref())));
        Ok(answers.filter_map(|answer| ready(answer.transpose())).boxed())
    }

    fn request(&self, line: String, message: &Value) -> anyhow::Result<Request> {
        let mut request = Request::new(Body::from(line));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.path().parse()?;
        request.extensions_mut().insert(self.connection.clone());
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(self.url.authority())?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(credential) = &self.credential {
            let value = HeaderValue::from_str(&format!("Bearer {}", credential.expose()));
            let value = value.ok().context("the credential has characters that none has")?;
            headers.insert(header::AUTHORIZATION, value);
        }
        headers.extend(mirrored(message));
        Ok(request)
    }
}

/// The message; or, if it is a refusal that HTTP has its own words for, the error that it is to a request.
fn answered(body: Value, id: Option<&Value>) -> Option<Value> {
    if body.get("jsonrpc").is_some() {
        return Some(body);
    }
    let error = json!({"code": -32000, "message": body["error_description"], "data": body});
    id.map(|id| json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

/// What a message of 2026-07-28 must say in headers too, where there are any.
fn mirrored(message: &Value) -> Vec<(HeaderName, HeaderValue)> {
    let version = message["params"]["_meta"][wire::META_VERSION].as_str();
    let Some(version) = version.filter(|version| !wire::LEGACY.contains(version)) else { return Vec::new() };
    let method = message["method"].as_str().unwrap_or_default();
    let name = wire::named_by(method).and_then(|member| message["params"][member].as_str());
    let all = [(wire::PROTOCOL_VERSION, Some(version)), (wire::METHOD, Some(method)), (wire::NAME, name)];
    all.into_iter().filter_map(|(header, text)| Some((header, encoded(text?)))).collect()
}

fn encoded(text: &str) -> HeaderValue {
    let plain = HeaderValue::from_str(text).ok().filter(|_| text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
    let in_base64 = || HeaderValue::from_str(&format!("=?base64?{}?=", Base64::encode_string(text.as_bytes())));
    plain.or_else(|| in_base64().ok()).unwrap_or(HeaderValue::from_static(""))
}
