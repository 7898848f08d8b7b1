//! MCP over standard input and output: a message a line, judged and answered as if it had come by HTTP, but for who
//! logs in: that counts for the whole process.
use crate::{
    connection::Connection,
    messages::messages,
    settings::{Secret, Settings},
    surfaces,
};
use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};
use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use keyward_guard::{json, rpc_code::RpcCode, transport::Transport, wire};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tower::ServiceExt;
use url::Url;
use uuid::Uuid;

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
            // Between its tokens JSON may have line breaks.
            let answer = answer?.replace(['\n', '\r'], " ");
            output.write_all(format!("{answer}\n").as_bytes()).await?;
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
    async fn answer(&self, line: String) -> anyhow::Result<BoxStream<'static, anyhow::Result<String>>> {
        let id = json::member(&line, "id").and_then(wire::read_id);
        let request = self.request(line)?;
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        if response.status() == StatusCode::ACCEPTED {
            return Ok(stream::empty().boxed());
        }
        let answers = messages(response).map(move |text| answered(text?, id.as_ref()));
        Ok(answers.filter_map(|answer| ready(answer.transpose())).boxed())
    }

    fn request(&self, line: String) -> anyhow::Result<Request> {
        let mirrored = mirrored(&line);
        let mut request = Request::new(Body::from(line));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.path().parse()?;
        request.extensions_mut().insert(Transport::Stdio);
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
        headers.extend(mirrored);
        Ok(request)
    }
}

/// The message; or, if it is a refusal that HTTP has its own words for, the error that it is to a request.
fn answered(text: String, id: Option<&Value>) -> anyhow::Result<Option<String>> {
    if json::member(&text, "jsonrpc").is_some() {
        return Ok(Some(text));
    }
    let body: Value = serde_json::from_str(&text)?;
    let error = json!({"code": RpcCode::Refused as i64, "message": body["error_description"], "data": body});
    Ok(id.map(|id| json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()))
}

/// What a message of 2026-07-28 must say in headers too, where there are any.
fn mirrored(message: &str) -> Vec<(HeaderName, HeaderValue)> {
    let text = |object, name| json::member(object, name).and_then(json::text);
    let params = json::member(message, "params").unwrap_or_default();
    let version = json::member(params, "_meta").and_then(|meta| text(meta, wire::META_VERSION));
    let Some(version) = version.filter(|version| !wire::LEGACY.contains(&&**version)) else { return Vec::new() };
    let method = text(message, "method").unwrap_or_default();
    let name = wire::named_by(&method).and_then(|member| text(params, member));
    let all = [(wire::PROTOCOL_VERSION, Some(version)), (wire::NAME, name), (wire::METHOD, Some(method))];
    all.into_iter().filter_map(|(header, text)| Some((header, wire::encoded(&text?)))).collect()
}
