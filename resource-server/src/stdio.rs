//! MCP over standard input and output: one message a line, handled as over HTTP, except that a login counts for the
//! whole process.
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

/// Answers the messages of `input` on `output` until the input ends, one after another. Uses the surface with this id,
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
            // JSON may have line breaks between tokens.
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
    /// Notifications get no response; other messages may get further messages before their response.
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

/// The message. A refusal in HTTP's own format becomes the JSON-RPC error of the request.
fn answered(text: String, id: Option<&Value>) -> anyhow::Result<Option<String>> {
    if json::member(&text, "jsonrpc").is_some() {
        return Ok(Some(text));
    }
    let body: Value = serde_json::from_str(&text)?;
    let error = json!({"code": RpcCode::Refused as i64, "message": body["error_description"], "data": body});
    Ok(id.map(|id| json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()))
}

/// The headers in which a message of the revision 2026-07-28 repeats its members over HTTP.
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
