//! Takes a request whole before its answer goes out: an answer given while the body is still on its way would cost the
//! client its connection (RFC 9112 §9.3). What nobody wanted to read is not kept.
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Read of a body that nobody wants, so that the client gets to see our answer.
const DRAINED: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// A body that is read on by us where the server stopped, and whether anybody began.
#[derive(Clone)]
struct Shared(Arc<Mutex<(Body, bool)>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Body, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is left.
    async fn drain(mut self) -> bool {
        let mut seen = 0;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut self).poll_frame(context)).await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAINED {
                return false;
            }
        }
        true
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let (body, begun) = &mut *self.lock();
        *begun = true;
        Pin::new(body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().0.size_hint()
    }
}

/// Middleware. Nested use changes nothing.
pub async fn take(request: Request, next: Next) -> Response {
    let until = Instant::now() + PATIENCE;
    let (parts, body) = request.into_parts();
    // Whoever waits to be asked for the body has not sent it (RFC 9110 §10.1.1).
    let waits = parts.headers.contains_key(header::EXPECT);
    let body = Shared(Arc::new(Mutex::new((body, false))));
    let mut response = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    let is_asked = !waits || body.lock().1;
    if !is_asked || timeout_at(until, body.drain()).await != Ok(true) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
