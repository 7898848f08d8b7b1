//! The gate of a surface: Host and Origin, then the credential, then the message, its scopes and arguments, then the
//! server.
mod checks;
mod forwarded;
mod streams;

use crate::{
    bodies::{self, Bodies, Held},
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    credentials::{Credential, oauth::AccessTokens},
    guard::Guard,
    origin::{self, Allowed},
    request_id::Id,
    scopes::Policy,
    sessions::Sessions,
    source::{self, source_of},
    sse,
    stdio::Connection,
    surface::Surface,
    trace::Trace,
    wire::{self, Message},
};
use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use keyward_limits::source::Source;
use std::sync::Arc;

pub(crate) struct Gate {
    pub allowed: Allowed,
    pub credential: Arc<dyn Credential>,
    policy: Arc<Policy>,
    /// Whose tools' arguments are judged here too.
    surface: Option<Arc<Surface>>,
    pub sessions: Arc<Sessions>,
    bodies: Arc<Bodies>,
    pub clock: Clock,
}

/// Who was let in, and for what; the answer is judged by it.
struct Visit {
    method: Method,
    caller: Caller,
    modern: bool,
    /// The legacy session the request named, which is the caller's.
    session: Option<Named>,
    /// By the transport that Streamable HTTP replaced, whose sessions are streams.
    streams: bool,
    /// Whom it counts for, and what its message takes.
    source: Source,
    held: Option<Arc<Held>>,
}

/// A session, as the client knows it, and as the server behind does.
struct Named {
    id: String,
    inner: String,
}

impl Gate {
    /// Of an OAuth protected resource.
    pub fn of_guard(guard: Guard) -> Self {
        let (mut policy, clock) = (guard.policy.clone(), guard.clock.clone());
        policy.begin_with(&guard.challenge_scope);
        let policy = Arc::new(policy);
        let sessions = Arc::new(Sessions::new(&guard.identifier, guard.session_key.clone()));
        Self::new(guard.allowed.clone(), Arc::new(AccessTokens::new(guard, &policy)), policy, sessions, clock)
    }

    /// The gates of a surface know the same sessions.
    pub fn new(
        allowed: Allowed,
        credential: Arc<dyn Credential>,
        policy: Arc<Policy>,
        sessions: Arc<Sessions>,
        clock: Clock,
    ) -> Self {
        Self { allowed, credential, policy, surface: None, sessions, bodies: Arc::default(), clock }
    }

    /// Judges what this surface's tools are called with.
    pub fn surface(mut self, surface: Arc<Surface>) -> Self {
        self.surface = Some(surface);
        self
    }

    /// Has one room for messages with other gates.
    pub fn bodies(mut self, bodies: Arc<Bodies>) -> Self {
        self.bodies = bodies;
        self
    }

    async fn admit(&self, request: Request, trace: &mut Trace) -> Result<(Request, Visit), Refusal> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(trace.outcome.clone());
        trace.check = "credential";
        let caller = self.credential.admit(&mut parts).await?;
        trace.caller = Some(caller.clone());
        let source = source::of_caller(&caller, source_of(&parts.extensions));
        if let Some(allowance) = self.surface.as_ref().and_then(|surface| surface.allowance.as_ref()) {
            allowance.spend(source)?;
        }
        parts.extensions.insert(caller.clone());
        if let Some(access) = caller.access.clone() {
            parts.extensions.insert(access);
        }
        if parts.method == Method::POST {
            let is_parsed = self.surface.as_ref().is_some_and(|surface| !surface.forwards);
            let (body, held) = self.bodies.read(body, caller.is_known(), source, is_parsed).await?;
            let held = Arc::new(held);
            parts.extensions.insert(Arc::clone(&held));
            let (request, visit) = self.admit_message(parts, body, caller, source, trace)?;
            return Ok((request, Visit { held: Some(held), ..visit }));
        }
        trace.check = "sign_in";
        self.credential.check_sign_in(&caller, None)?;
        trace.check = "session";
        let session = self.session(&parts.headers, &caller, source)?;
        let listens = parts.method == Method::GET && parts.extensions.get() == Some(&sse::Legacy::Stream);
        let streams = [Method::GET, Method::DELETE].contains(&parts.method) && session.is_some();
        if !(listens || streams) || wire::speaks_modern(&parts.headers) {
            return Err(Refusal::method_not_allowed("POST"));
        }
        let method = parts.method.clone();
        let request = forwarded::bare(parts, session.as_ref().map(|session| &*session.inner));
        Ok((request, Visit { method, caller, modern: false, session, streams: listens, source, held: None }))
    }

    fn admit_message(
        &self,
        mut parts: Parts,
        body: Bytes,
        mut caller: Caller,
        source: Source,
        trace: &mut Trace,
    ) -> Result<(Request, Visit), Refusal> {
        // Only what is said to a session's owner may be said on its stream.
        let session = self.session(&parts.headers, &caller, source);
        trace.owns_session = session.as_ref().is_ok_and(Option::is_some);
        trace.check = "message";
        let length = body.len();
        let message = Self::read(&parts.headers, body)?;
        trace.message(&message, length);
        trace.check = "sign_in";
        self.credential.check_sign_in(&caller, Some(&message))?;
        let modern = message.modern;
        let is_process = parts.extensions.get::<Connection>().is_some();
        if modern && !is_process && caller.known.connection.is_some() {
            caller = caller.without_connection();
            parts.extensions.insert(caller.clone());
            trace.caller = Some(caller.clone());
        }
        if modern && parts.extensions.get::<sse::Legacy>().is_some() {
            let text = "Invalid Request: this transport ended before the revision 2026-07-28";
            return Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, message.id(), -32600, text, None));
        }
        trace.check = "session";
        let session = if modern { None } else { session? };
        if message.is_response()
            && !session.as_ref().is_some_and(|session| self.sessions.answer(&session.id, message.id()))
        {
            let text = "Invalid Request: nobody waits for this response";
            return Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, message.id(), -32600, text, None));
        }
        trace.check = "scope";
        self.check_scopes(&message, &caller)?;
        trace.check = "schema";
        self.check_schema(&message)?;
        trace.check = "policy";
        self.check_rules(&message)?;
        trace.check = "environment";
        self.check_environment(&message)?;
        let streams = parts.extensions.get::<sse::Legacy>().is_some();
        let request = forwarded::message(parts, message, session.as_ref().map(|session| &*session.inner))?;
        Ok((request, Visit { method: Method::POST, caller, modern, session, streams, source, held: None }))
    }

    /// The message, and what is said of it.
    pub fn read(headers: &HeaderMap, body: Bytes) -> Result<Message, Refusal> {
        forwarded::require_json(headers)?;
        Message::read(headers, body)
    }

    /// A session that ended, or is another's, is not found: the client opens a new one.
    fn session(&self, headers: &HeaderMap, caller: &Caller, source: Source) -> Result<Option<Named>, Refusal> {
        let Ok(session) = wire::single(headers, &wire::SESSION_ID) else {
            let text = "the Mcp-Session-Id header must occur once, in visible ASCII";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", text));
        };
        let Some(session) = session else { return Ok(None) };
        let mut owners = std::iter::once(&caller.principal).chain(&caller.joins);
        if let Some(inner) = owners.find_map(|owner| self.sessions.touch(session, owner, source, self.clock.now())) {
            return Ok(Some(Named { id: session.to_owned(), inner }));
        }
        Err(Refusal::new(StatusCode::NOT_FOUND, "session_not_found", "there is no such session"))
    }

    /// Sessions are known here by being seen: opened in an answer, ended by a DELETE that succeeded. The server's own id
    /// stays behind. The one that the answer belongs to.
    fn note_session(&self, visit: &Visit, response: &mut Response) -> Option<String> {
        let told = response.headers_mut().remove(wire::SESSION_ID).filter(|_| !visit.modern);
        let (named, success) = (visit.session.as_ref().filter(|_| !visit.modern), response.status().is_success());
        if visit.method == Method::DELETE && success {
            if let Some(session) = named {
                self.sessions.end(&session.id);
                if let Some(accounts) = self.surface.as_ref().and_then(|surface| surface.accounts.as_ref()) {
                    accounts.logins.unbind(&session.id);
                }
            }
            return None;
        }
        let same = named.filter(|session| told.as_ref().is_some_and(|told| *told == *session.inner));
        let opened = || told.filter(|_| success).and_then(|told| self.open_session(told.to_str().ok()?, visit));
        let id = same.map(|session| session.id.clone()).or_else(opened);
        if let Some(value) = id.as_ref().and_then(|id| HeaderValue::from_str(id).ok()) {
            response.headers_mut().insert(wire::SESSION_ID, value);
        }
        id.or_else(|| named.map(|session| session.id.clone())).filter(|_| success)
    }

    /// Those of our own server are in this process only, and gone once they are forgotten.
    fn open_session(&self, told: &str, visit: &Visit) -> Option<String> {
        let (owner, now) = (visit.caller.principal.clone(), self.clock.now());
        if visit.streams || self.surface.as_ref().is_some_and(|surface| !surface.forwards) {
            self.sessions.bind(told, owner, visit.source, now);
            return Some(told.to_owned());
        }
        self.sessions.open(told, owner, visit.source, now)
    }
}

/// One place under each of its origins: its authority, and the gate of that identifier.
pub(crate) struct Gates(pub Vec<(String, Gate)>);

impl Gates {
    pub fn scheme(&self) -> &'static str {
        self.0.first().map_or("none", |(_, gate)| gate.credential.scheme())
    }

    /// The first, unless the request names the authority of another.
    fn choose(&self, request: &Request) -> Option<&Gate> {
        let authority = origin::authority(request.headers(), request.uri());
        let named = self.0.iter().find(|(own, _)| authority.as_ref() == Some(own));
        named.or(self.0.first()).map(|(_, gate)| gate)
    }
}

/// These scopes, and what the credential has of those that mean something here.
pub(crate) fn beside_those_held(caller: &Caller, policy: &Policy, needed: &[String]) -> Vec<String> {
    let said = |scope: &str| caller.access.as_ref().is_some_and(|access| access.implied.contains_key(scope));
    let held = caller.scopes.iter().flatten();
    let held = held.filter(|held| (policy.knows(held) || said(held)) && !needed.contains(held));
    needed.iter().chain(held).cloned().collect()
}

/// Middleware.
pub(crate) async fn pass(State(gates): State<Arc<Gates>>, Id(id): Id, request: Request, next: Next) -> Response {
    let Some(gate) = gates.choose(&request) else { return Refusal::not_found().into_response(&id) };
    let allowed = gate.allowed.check(&request);
    let origin = allowed.as_ref().ok().cloned().flatten();
    let mut response = if origin.is_some() && origin::is_preflight(&request) {
        origin::preflight(request.headers(), &gate.credential.headers())
    } else {
        answer(gate, &id, allowed.map(drop), request, next).await
    };
    origin::expose(response.headers_mut(), origin);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(gate: &Gate, id: &RequestId, allowed: Result<(), Refusal>, request: Request, next: Next) -> Response {
    let mut trace = Trace::new(&request, id, gate.surface.as_deref());
    let admitted = match allowed {
        Ok(()) => gate.admit(request, &mut trace).await,
        Err(refusal) => Err(refusal),
    };
    let answered = match admitted {
        Ok((request, visit)) => run(request, &visit, next).await.map(|mut response| {
            let session = gate.note_session(&visit, &mut response);
            gate.watch(response, session, visit.caller)
        }),
        Err(refusal) => Err(refusal),
    };
    let response = answered.unwrap_or_else(|refusal| {
        trace.refused(&refusal);
        let mut response = refusal.into_response(id);
        if trace.owns_session {
            response.extensions_mut().insert(sse::ForStream);
        }
        response
    });
    if let Some(surface) = &gate.surface {
        surface.records.add(trace, surface, response.status()).await;
    }
    response
}

/// The server's answer, unless others need the room that the message takes.
async fn run(request: Request, visit: &Visit, next: Next) -> Result<Response, Refusal> {
    let Some(held) = &visit.held else { return Ok(next.run(request).await) };
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = held.yields() => Err(bodies::busy()),
    }
}
