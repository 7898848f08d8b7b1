//! Takes a request whole before anybody answers it: an answer given while the body is still on its way would cost
//! the client its connection (RFC 9112 §9.3).
use crate::{challenge::Refusal, request_id::Id};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures_util::StreamExt;
use std::time::Duration;

/// Bytes of a request body.
const LONGEST: usize = 1024 * 1024;
/// Read of a body that is too long, so that the client gets to see our answer.
const DRAINED: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Middleware. Nested use changes nothing.
pub(crate) async fn take(Id(id): Id, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body took more than 30 seconds");
    match tokio::time::timeout(PATIENCE, read(body)).await.map_err(late).flatten() {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refusal) => refusal.header(header::CONNECTION, HeaderValue::from_static("close")).into_response(&id),
    }
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "the body could not be read");
        let chunk = chunk.map_err(broken)?;
        seen += chunk.len();
        if seen <= LONGEST {
            bytes.extend_from_slice(&chunk);
        } else if seen > DRAINED {
            break;
        }
    }
    let too_long = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "content_too_large", "the body exceeds 1 MiB");
    if seen <= LONGEST { Ok(bytes.into()) } else { Err(too_long()) }
}
