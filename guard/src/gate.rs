//! The gate before an MCP endpoint: a list of checks, each of which may refuse, then the server.
mod explain;
mod forwarded;
mod passing;
mod steps;
mod streams;
mod visits;

pub use explain::{Explanation, Judgement};
pub use passing::pass;
pub use steps::DryRun;

use crate::{
    bodies::Bodies,
    caller::NO_SCHEME,
    check::{Allowance, Check},
    clock::Clock,
    credential::Credential,
    observer::{Nobody, Observer},
    origin::{self, Allowed},
    scopes::Policy,
    sessions::Sessions,
};
use axum::extract::Request;
use std::sync::Arc;

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
        self.0.first().map_or(NO_SCHEME, |(_, gate)| gate.credential.scheme())
    }

    /// The first, unless the request names the authority of another.
    fn choose(&self, request: &Request) -> Option<&Gate> {
        let authority = origin::authority(request.headers(), request.uri());
        let named = self.0.iter().find(|(own, _)| authority.as_ref() == Some(own));
        named.or(self.0.first()).map(|(_, gate)| gate)
    }
}
