//! The gate of a surface: Host and Origin, then the credential, then the message, its scopes and arguments, then the
//! server.
mod checks;

use crate::{
    caller::Caller,
    challenge::{Refusal, RequestId},
    clock::Clock,
    credentials::{Credential, oauth::AccessTokens},
    guard::Guard,
    origin::{self, Allowed},
    request_id::Id,
    scopes::Policy,
    sessions::Sessions,
    sse,
    surface::Surface,
    trace::Trace,
    wire::{self, Message},
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;

pub(crate) struct Gate {
    pub allowed: Allowed,
    pub credential: Arc<dyn Credential>,
    policy: Arc<Policy>,
    /// Whose tools' arguments are judged here too.
    surface: Option<Arc<Surface>>,
    pub sessions: Arc<Sessions>,
    clock: Clock,
}

/// Who was let in, and for what; the answer is judged by it.
struct Visit {
    method: Method,
    caller: Caller,
    modern: bool,
    /// The legacy session the request named, which is the caller's.
    session: Option<String>,
}

impl Gate {
    /// Of an OAuth protected resource.
    pub fn of_guard(guard: Guard) -> Self {
        let (policy, clock) = (Arc::new(guard.policy.clone()), guard.clock.clone());
        Self::new(guard.allowed.clone(), Arc::new(AccessTokens::new(guard, &policy)), policy, clock)
    }

    pub fn new(allowed: Allowed, credential: Arc<dyn Credential>, policy: Arc<Policy>, clock: Clock) -> Self {
        Self { allowed, credential, policy, surface: None, sessions: Arc::default(), clock }
    }

    /// Judges what this surface's tools are called with.
    pub fn surface(mut self, surface: Arc<Surface>) -> Self {
        self.surface = Some(surface);
        self
    }

    /// Knows the sessions of another gate of the same surface.
    pub fn sessions(mut self, sessions: Arc<Sessions>) -> Self {
        self.sessions = sessions;
        self
    }

    async fn admit(&self, request: Request, trace: &mut Trace) -> Result<(Request, Visit), Refusal> {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(trace.outcome.clone());
        trace.check = "credential";
        let caller = self.credential.admit(&mut parts).await?;
        trace.caller = Some(caller.clone());
        if let Some(allowance) = self.surface.as_ref().and_then(|surface| surface.allowance.as_ref()) {
            allowance.spend(&caller, &parts.extensions)?;
        }
        parts.extensions.insert(caller.clone());
        if let Some(access) = caller.access.clone() {
            parts.extensions.insert(access);
        }
        if parts.method == Method::POST {
            return self.admit_message(Request::from_parts(parts, body), caller, trace).await;
        }
        trace.check = "sign_in";
        self.credential.check_sign_in(&caller, None)?;
        trace.check = "session";
        let session = self.session(&parts.headers, &caller)?;
        let listens = parts.method == Method::GET && parts.extensions.get() == Some(&sse::Legacy::Stream);
        let streams = [Method::GET, Method::DELETE].contains(&parts.method) && session.is_some();
        if !(listens || streams) || wire::speaks_modern(&parts.headers) {
            return Err(Refusal::method_not_allowed("POST"));
        }
        let method = parts.method.clone();
        Ok((Request::from_parts(parts, body), Visit { method, caller, modern: false, session }))
    }

    async fn admit_message(
        &self,
        request: Request,
        caller: Caller,
        trace: &mut Trace,
    ) -> Result<(Request, Visit), Refusal> {
        let (mut parts, body) = request.into_parts();
        trace.check = "message";
        require_json(&parts.headers)?;
        let body = collect(body).await?;
        let message = Message::read(&parts.headers, &body)?;
        trace.message(&message, body.len());
        trace.check = "sign_in";
        self.credential.check_sign_in(&caller, Some(&message))?;
        let modern = message.modern;
        if modern {
            parts.headers.remove(wire::SESSION_ID);
            parts.headers.remove(wire::LAST_EVENT_ID);
        }
        if modern && parts.extensions.get::<sse::Legacy>().is_some() {
            let text = "Invalid Request: this transport ended before the revision 2026-07-28";
            return Err(Refusal::json_rpc(StatusCode::BAD_REQUEST, message.id(), -32600, text, None));
        }
        trace.check = "session";
        let session = self.session(&parts.headers, &caller)?;
        trace.check = "scope";
        self.check_scopes(&message, &caller)?;
        trace.check = "schema";
        self.check_schema(&message)?;
        trace.check = "policy";
        self.check_rules(&message)?;
        trace.check = "environment";
        self.check_environment(&message)?;
        // Written anew, so that the server reads what was judged here, repeated members and all.
        let body = Bytes::from(message.body.to_string());
        parts.headers.remove(header::TRANSFER_ENCODING);
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        parts.extensions.insert(message);
        let request = Request::from_parts(parts, Body::from(body));
        Ok((request, Visit { method: Method::POST, caller, modern, session }))
    }

    /// A session that ended, or is another's, is not found: the client opens a new one.
    fn session(&self, headers: &HeaderMap, caller: &Caller) -> Result<Option<String>, Refusal> {
        let Ok(session) = wire::single(headers, &wire::SESSION_ID) else {
            let text = "the Mcp-Session-Id header must occur once, in visible ASCII";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", text));
        };
        let Some(session) = session else { return Ok(None) };
        let mut owners = std::iter::once(&caller.principal).chain(&caller.joins);
        if owners.any(|owner| self.sessions.touch(session, owner, self.clock.now())) {
            return Ok(Some(session.to_owned()));
        }
        Err(Refusal::new(StatusCode::NOT_FOUND, "session_not_found", "there is no such session"))
    }

    /// Sessions are known here by being seen: opened in an answer, ended by a DELETE that succeeded.
    fn note_session(&self, visit: &Visit, response: &Response) {
        if visit.modern || !response.status().is_success() {
            return;
        }
        if visit.method == Method::DELETE {
            visit.session.iter().for_each(|session| self.sessions.end(session));
            return;
        }
        let opened = response.headers().get(wire::SESSION_ID).and_then(|id| id.to_str().ok());
        if let Some(opened) = opened.filter(|opened| visit.session.as_deref() != Some(*opened)) {
            self.sessions.bind(opened, visit.caller.principal.clone(), self.clock.now());
        }
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
pub(crate) fn beside_those_held(policy: &Policy, needed: &[String], held: &[String]) -> Vec<String> {
    let held = held.iter().filter(|held| policy.knows(held) && !needed.contains(held));
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
    let response = match admitted {
        Ok((request, visit)) => {
            let response = next.run(request).await;
            gate.note_session(&visit, &response);
            response
        }
        Err(refusal) => {
            trace.refused(&refusal);
            refusal.into_response(id)
        }
    };
    if let Some(surface) = &gate.surface {
        surface.records.add(trace, surface, response.status()).await;
    }
    response
}

/// The body has been taken whole, and is no longer than it may be.
async fn collect(body: Body) -> Result<Bytes, Refusal> {
    let unread = |_| Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "the body could not be read");
    to_bytes(body, usize::MAX).await.map_err(unread)
}

fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = wire::single(headers, &header::CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = "the Content-Type must be application/json";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text))
}
