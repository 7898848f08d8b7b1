//! The session that a request belongs to, and what its answer opens or ends.
use super::{Backend, Gate};
use crate::{bodies::HeldBody, caller::Caller, challenge::Refusal, error_code::ErrorCode, wire};
use axum::{
    http::{HeaderMap, HeaderValue, Method},
    response::Response,
};
use keyward_limits::source::Source;
use std::sync::Arc;

/// Who was let in, and for what; the answer is judged by it.
pub(super) struct Visit {
    pub method: Method,
    pub caller: Caller,
    pub modern: bool,
    /// The legacy session the request named, which is the caller's.
    pub session: Option<NamedSession>,
    /// By the transport that Streamable HTTP replaced, whose sessions are streams.
    pub streams: bool,
    /// Whom it counts for, and what its message takes.
    pub source: Source,
    pub held: Option<Arc<HeldBody>>,
}

/// A session, as the client knows it, and as the server behind does.
pub(super) struct NamedSession {
    pub id: String,
    pub inner: String,
}

impl Gate {
    /// A session that ended, or is another's, is not found: the client opens a new one.
    pub(super) fn named_session(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        source: Source,
    ) -> Result<Option<NamedSession>, Refusal> {
        let Ok(session) = wire::single(headers, &wire::SESSION_ID) else {
            let text = "the Mcp-Session-Id header must occur once, in visible ASCII";
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        };
        let Some(session) = session else { return Ok(None) };
        let mut owners = std::iter::once(&caller.principal).chain(&caller.joins);
        if let Some(inner) = owners.find_map(|owner| self.sessions.touch(session, owner, source, self.clock.now())) {
            return Ok(Some(NamedSession { id: session.to_owned(), inner }));
        }
        Err(Refusal::new(ErrorCode::SessionNotFound, "there is no such session"))
    }

    /// The answer as the client gets it.
    pub(super) fn settle(&self, mut response: Response, visit: Visit) -> Response {
        let session = self.note_session(&visit, &mut response);
        self.watch(response, session, visit.caller)
    }

    /// Sessions are known here by being seen: opened in an answer, ended by a DELETE that succeeded. The server's own id
    /// stays behind. The one that the answer belongs to.
    fn note_session(&self, visit: &Visit, response: &mut Response) -> Option<String> {
        let told = response.headers_mut().remove(wire::SESSION_ID).filter(|_| !visit.modern);
        let (named, success) = (visit.session.as_ref().filter(|_| !visit.modern), response.status().is_success());
        if visit.method == Method::DELETE && success {
            if let Some(session) = named {
                self.sessions.end(&session.id);
                self.observer.session_ended(&session.id);
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
        if visit.streams || self.backend == Backend::Endpoint {
            self.sessions.bind(told, owner, visit.source, now);
            return Some(told.to_owned());
        }
        self.sessions.open(told, owner, visit.source, now)
    }
}
