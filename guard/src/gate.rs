//! The gate before an MCP endpoint: a list of checks, each of which may refuse, then the server.
mod explain;
mod forwarded;
mod steps;
mod streams;
mod visits;

pub use explain::{Explanation, Judgement};
pub use steps::DryRun;

use crate::{
    bodies::{self, Bodies},
    challenge::{Refusal, RequestId},
    check::{Allowance, Check},
    clock::Clock,
    credential::Credential,
    observer::{Nobody, Observer, Passage},
    origin::{self, Allowed},
    request_id::Id,
    scopes::Policy,
    sessions::Sessions,
    transport::ForStream,
};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;
use steps::Walk;
use visits::Visit;

pub struct Gate {
    pub credential: Arc<dyn Credential>,
    pub sessions: Arc<Sessions>,
    allowed: Allowed,
    policy: Arc<Policy>,
    backend: Backend,
    allowance: Option<Arc<dyn Allowance>>,
    /// Of the program, after those of its own.
    checks: Arc<[Check]>,
    observer: Arc<dyn Observer>,
    bodies: Arc<Bodies>,
    clock: Clock,
}

/// What stands behind a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A service of the program, of which nothing is known.
    Service,
    /// An MCP server in this very process that leaves sessions to the gate.
    Endpoint,
    /// An MCP server that is asked over the network: clients see of its tools what they may call.
    Upstream,
}

impl Gate {
    /// The gates of one server know the same sessions.
    pub fn new(
        allowed: Allowed,
        credential: Arc<dyn Credential>,
        policy: Arc<Policy>,
        sessions: Arc<Sessions>,
        clock: Clock,
    ) -> Self {
        Self {
            credential,
            sessions,
            allowed,
            policy,
            backend: Backend::Service,
            allowance: None,
            checks: Arc::new([]),
            observer: Arc::new(Nobody),
            bodies: Arc::default(),
            clock,
        }
    }

    #[must_use]
    pub fn backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Counts how often each caller asks.
    #[must_use]
    pub fn allowance(self, allowance: Option<Arc<dyn Allowance>>) -> Self {
        Self { allowance, ..self }
    }

    #[must_use]
    pub fn checks(self, checks: Arc<[Check]>) -> Self {
        Self { checks, ..self }
    }

    #[must_use]
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Has one room for messages with other gates.
    #[must_use]
    pub fn bodies(self, bodies: Arc<Bodies>) -> Self {
        Self { bodies, ..self }
    }
}

/// One place under each of its origins: its authority, and the gate of that identifier.
pub struct Gates(pub Vec<(String, Gate)>);

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

/// Middleware.
pub async fn pass(State(gates): State<Arc<Gates>>, Id(id): Id, request: Request, next: Next) -> Response {
    let Some(gate) = gates.choose(&request) else { return Refusal::not_found().into_response(&id) };
    let origin = gate.allowed.check(request.headers(), request.uri()).ok().flatten();
    let mut response = if origin.is_some() && origin::is_preflight(&request) {
        origin::preflight(request.headers(), &gate.credential.headers())
    } else {
        answer(gate, &id, request, next).await
    };
    origin::expose(response.headers_mut(), origin);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(gate: &Gate, id: &RequestId, request: Request, next: Next) -> Response {
    let mut notes = Extensions::new();
    gate.observer.arrived(&request, id, &mut notes);
    let mut walk = Walk::new(request, Passage::new(notes));
    let (mut passage, response) = match gate.admit(&mut walk).await {
        Err(refusal) => refuse(walk.passage, walk.owns_session, refusal, id),
        Ok(caller) => {
            let owns_session = walk.owns_session;
            let (request, visit, passage) = walk.forward(caller);
            match run(request, &visit, next).await {
                Ok(response) => (passage, gate.settle(response, visit)),
                Err(refusal) => refuse(passage, owns_session, refusal, id),
            }
        }
    };
    passage.status = response.status();
    gate.observer.answered(passage).await;
    response
}

/// Only what is said to a session's owner may be said on its stream.
fn refuse(mut passage: Passage, owns_session: bool, refusal: Refusal, id: &RequestId) -> (Passage, Response) {
    passage.refuse(&refusal);
    let mut response = refusal.into_response(id);
    if owns_session {
        response.extensions_mut().insert(ForStream);
    }
    (passage, response)
}

/// The server's answer, unless others need the room that the message takes.
async fn run(request: Request, visit: &Visit, next: Next) -> Result<Response, Refusal> {
    let Some(held) = &visit.held else { return Ok(next.run(request).await) };
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = held.yields() => Err(bodies::busy()),
    }
}
