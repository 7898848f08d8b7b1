//! The transport HTTP with SSE of the revision 2024-11-05, deprecated since: one stream for responses, and one URL for
//! messages.
use crate::{
    answers::{server_error, session_id},
    endpoint::Server,
    messages::messages,
};
use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response, Sse, sse::Event},
};
use futures_util::{StreamExt, stream};
use keyward_guard::{
    ErrorCode,
    bodies::HeldBody,
    caller::{Caller, Principal},
    challenge::{Refusal, RequestId},
    clock::Clock,
    request_id::Id,
    sessions::Sessions,
    transport::{ForStream, Transport},
    wire,
};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc, time::Interval};
use url::form_urlencoded;

/// Responses in the queue of a stream. Further ones wait to be queued, while they fit into the memory budget.
const WAITING: usize = 1;

/// The streams of one surface. A stream's id is that of a session, so the gate knows its owner.
pub(crate) struct Streams {
    open: Mutex<HashMap<String, mpsc::Sender<String>>>,
    server: Arc<Server>,
    sessions: Arc<Sessions>,
    /// The path for messages.
    messages: String,
    clock: Clock,
}

/// An open stream, until it is dropped.
struct Opened {
    id: String,
    owner: Principal,
    streams: Arc<Streams>,
    answers: mpsc::Receiver<String>,
    heartbeat: Interval,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.streams.close(&self.id);
    }
}

impl Streams {
    pub fn new(server: Arc<Server>, sessions: Arc<Sessions>, messages: String, clock: Clock) -> Self {
        Self { open: Mutex::default(), server, sessions, messages, clock }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<String>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL for messages of this stream.
    pub fn place(&self, id: &str) -> String {
        format!("{}?session_id={id}", self.messages)
    }

    pub fn open(&self, id: &str) -> mpsc::Receiver<String> {
        let (sender, answers) = mpsc::channel(WAITING);
        self.lock().insert(id.to_owned(), sender);
        answers
    }

    pub fn close(&self, id: &str) {
        self.lock().remove(id);
        self.sessions.end(id);
    }

    pub fn heartbeat(&self) -> Interval {
        let every = self.server.heartbeat;
        tokio::time::interval_at(tokio::time::Instant::now() + every, every)
    }

    /// Whether the session is alive. An open stream counts as its use.
    pub fn live(&self, id: &str, owner: &Principal) -> bool {
        self.sessions.touch_known(id, owner, self.clock.now()).is_ok_and(|session| session.is_some())
    }

    /// `held` is the memory that the response occupies until the client reads it.
    async fn send(&self, id: &str, response: Response, held: Option<&HeldBody>) -> Option<()> {
        let stream = self.lock().get(id).cloned()?;
        let mut messages = messages(response);
        while let Some(message) = messages.next().await {
            let message = message.ok()?;
            held.map_or(Ok(()), |held| held.answers(message.len())).ok()?;
            stream.send(message).await.ok()?;
        }
        Some(())
    }
}

/// Middleware around the gate: turns the session in the query into the header that the gate expects, and sends the
/// gate's response to a message onto the stream.
pub(crate) async fn around(
    State(streams): State<Arc<Streams>>,
    Id(id): Id,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path() != streams.messages {
        request.extensions_mut().insert(Transport::SseStream);
        let mut response = next.run(request).await;
        response.headers_mut().remove(wire::SESSION_ID);
        return response;
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "session_id");
    let Some(session) = named.and_then(|(_, session)| HeaderValue::from_str(&session).ok()) else {
        let text = "the query must name the session_id of the stream that answers go onto";
        return Refusal::new(ErrorCode::InvalidRequest, text).into_response(&id);
    };
    request.extensions_mut().insert(Transport::SseMessage);
    request.headers_mut().insert(wire::SESSION_ID, session.clone());
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    let is_owners = response.extensions().get::<ForStream>().is_some();
    if response.status() != StatusCode::OK || !is_json || !is_owners {
        return response;
    }
    let headers = response.headers().clone();
    streams.send(session.to_str().unwrap_or_default(), response, None).await;
    let mut accepted = accepted();
    for (name, value) in
        headers.iter().filter(|(name, _)| ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name))
    {
        accepted.headers_mut().append(name, value.clone());
    }
    accepted
}

/// Behind the gate: opens a stream.
pub(crate) async fn listen(State(streams): State<Arc<Streams>>, Id(id): Id, request: Request) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else { return server_error(&id) };
    if request.method() != Method::GET {
        return Refusal::method_not_allowed("GET").into_response(&id);
    }
    let Some(session) = session_id() else { return server_error(&id) };
    let Ok(name) = session.to_str().map(str::to_owned) else { return server_error(&id) };
    tracing::warn!(request_id = id.as_str(), "a client uses HTTP with SSE, which is deprecated");
    let answers = streams.open(&name);
    let endpoint = Event::default().event("endpoint").data(streams.place(&name));
    let left = caller.left(&streams.clock);
    let heartbeat = streams.heartbeat();
    let opened = Opened { id: name, owner: caller.principal, streams, answers, heartbeat };
    let events = stream::once(async { Ok::<_, Infallible>(endpoint) })
        .chain(stream::unfold(opened, next_event))
        .take_until(Box::pin(tokio::time::sleep(left)));
    let mut response = Sse::new(events).into_response();
    response.headers_mut().insert(wire::SESSION_ID, session);
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The next response, or a heartbeat; ends when the session has ended.
async fn next_event(mut opened: Opened) -> Option<(Result<Event, Infallible>, Opened)> {
    let event = tokio::select! {
        answer = opened.answers.recv() => Event::default().event("message").data(answer?),
        _ = opened.heartbeat.tick() => {
            opened.streams.live(&opened.id, &opened.owner).then(|| Event::default().comment("alive"))?
        }
    };
    Some((Ok(event), opened))
}

/// Behind the gate: sends the response onto the stream when it is ready.
pub(crate) async fn receive(State(streams): State<Arc<Streams>>, Id(id): Id, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let session = wire::single(&parts.headers, &wire::SESSION_ID).ok().flatten().map(str::to_owned);
    let Some(session) = session.filter(|session| streams.lock().contains_key(session)) else {
        return no_stream(&id);
    };
    if parts.method != Method::POST {
        return Refusal::method_not_allowed("POST").into_response(&id);
    }
    let Some(held) = parts.extensions.get::<Arc<HeldBody>>().cloned() else { return server_error(&id) };
    tokio::spawn(async move {
        let answered = async {
            let response = streams.server.post(parts, body, &id).await;
            if response.status() != StatusCode::ACCEPTED {
                streams.send(&session, response, Some(&held)).await;
            }
        };
        tokio::select! {
            () = answered => {}
            // A client that sends much and reads nothing loses its stream to make room for others.
            () = held.yields() => streams.close(&session),
        }
    });
    accepted()
}

pub(crate) fn no_stream(id: &RequestId) -> Response {
    Refusal::new(ErrorCode::SessionNotFound, "there is no such session").into_response(id)
}

pub(crate) fn accepted() -> Response {
    (StatusCode::ACCEPTED, "Accepted").into_response()
}
