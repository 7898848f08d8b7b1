//! An upstream server with HTTP and SSE (2024-11-05): its stream announces a URL for messages, which is replaced by
//! ours.
use super::{Upstream, bad_gateway};
use crate::{
    answers::{server_error, session_id},
    sse::{self, Streams},
};
use axum::{
    body::{Body, BodyDataStream, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt, stream};
use keyward_guard::{
    caller::Caller,
    challenge::Refusal,
    events::{self, Events, Rewritten},
    request_id::Id,
    wire::{self, Message},
};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc, time::Interval};
use url::Url;

pub(crate) struct Relay {
    upstream: Arc<Upstream>,
    /// Sends the gate's own responses onto the stream.
    streams: Arc<Streams>,
    /// The upstream URL for messages of each open stream.
    places: Mutex<HashMap<String, Url>>,
}

/// An open stream, until it is dropped.
struct Opened {
    id: String,
    caller: Caller,
    relay: Arc<Relay>,
    body: BodyDataStream,
    events: Events,
    answers: mpsc::Receiver<String>,
    heartbeat: Interval,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.relay.lock().remove(&self.id);
        self.relay.streams.close(&self.id);
    }
}

impl Relay {
    pub fn new(upstream: Upstream, streams: Arc<Streams>) -> Self {
        Self { upstream: Arc::new(upstream), streams, places: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Url>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages are only sent to the configured server, whatever URL the stream announces.
    fn rewrite(&self, id: &str, event: &str) -> Rewritten {
        if events::name(event) != Some("endpoint") {
            return Rewritten::Same;
        }
        let place = self.upstream.url.join(&events::data(event)).ok();
        let Some(place) = place.filter(|place| place.origin() == self.upstream.url.origin()) else {
            return Rewritten::Broken("the MCP server behind this one takes messages elsewhere");
        };
        self.lock().insert(id.to_owned(), place);
        Rewritten::Other(events::with_data(event, &self.streams.place(id)))
    }
}

/// Behind the gate: opens a stream.
pub(crate) async fn listen(State(relay): State<Arc<Relay>>, Id(id): Id, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let Some(caller) = parts.extensions.get::<Caller>().cloned() else { return server_error(&id) };
    if parts.method != Method::GET {
        return Refusal::method_not_allowed("GET").into_response(&id);
    }
    let Some(session) = session_id() else { return server_error(&id) };
    let Ok(name) = session.to_str().map(str::to_owned) else { return server_error(&id) };
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    let upstream = &relay.upstream;
    let response = match upstream.send(upstream.url.clone(), &parts, &caller, Bytes::new()).await {
        Ok(response) => response,
        Err(reason) => return bad_gateway(reason, None, &id),
    };
    let end = Box::pin(tokio::time::sleep(caller.left(&upstream.clock)));
    let (mut parts, body) = response.into_parts();
    let (answers, body) = (relay.streams.open(&name), body.into_data_stream());
    let heartbeat = relay.streams.heartbeat();
    let opened = Opened { id: name, caller, relay, body, events: Events::default(), answers, heartbeat };
    parts.headers.insert(wire::SESSION_ID, session);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from_stream(stream::unfold(opened, next).take_until(end)))
}

/// Events of the upstream server, mixed with the gate's responses.
async fn next(mut opened: Opened) -> Option<(io::Result<Bytes>, Opened)> {
    let given = tokio::select! {
        Some(answer) = opened.answers.recv(), if opened.events.between() => {
            Ok(format!("event: message\ndata: {answer}\n\n").into())
        }
        _ = opened.heartbeat.tick(), if opened.events.between() => {
            opened.relay.streams.live(&opened.id, &opened.caller.principal).then(|| Ok(": alive\n\n".into()))?
        }
        chunk = opened.body.next() => {
            let Opened { id, relay, events, .. } = &mut opened;
            let chunk = chunk?.map_err(io::Error::other);
            chunk.and_then(|chunk| events.push(&chunk, |event| relay.rewrite(id, event)))
        }
    };
    Some((given, opened))
}

/// Behind the gate: forwards a message; the server responds on the stream.
pub(crate) async fn receive(State(relay): State<Arc<Relay>>, Id(id): Id, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(caller) = parts.extensions.get::<Caller>().cloned() else { return server_error(&id) };
    // This transport has its session in the query.
    let session = parts.headers.remove(wire::SESSION_ID);
    let session = session.as_ref().and_then(|session| session.to_str().ok()).unwrap_or_default();
    let Some(place) = relay.lock().get(session).cloned() else { return sse::no_stream(&id) };
    if parts.method != Method::POST {
        return Refusal::method_not_allowed("POST").into_response(&id);
    }
    let Ok(body) = to_bytes(body, usize::MAX).await else { return server_error(&id) };
    let message = parts.extensions.get::<Message>();
    match relay.upstream.ask(place, &parts, &caller, body).await.map(|response| response.status()) {
        Ok(status) if status.is_success() => sse::accepted(),
        Ok(StatusCode::NOT_FOUND) => sse::no_stream(&id),
        Ok(_) => bad_gateway("the MCP server behind this one refused the message", message, &id),
        Err(reason) => bad_gateway(reason, message, &id),
    }
}
