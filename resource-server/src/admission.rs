//! Who may look inside and control tests: in the demo whoever is on this machine, elsewhere who has the operator's token.
use crate::{
    attempts::{Asker, Attempts},
    keys::Keys,
    settings::{KeySettings, Secret},
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use keyward_guard::{ErrorCode, challenge::Refusal, clock::Clock, request_id::Id, wire};
use keyward_limits::source::is_forwarded;
use std::{net::SocketAddr, sync::Arc};

pub(crate) struct Admission {
    demo: bool,
    operator: Option<Keys>,
    attempts: Attempts,
    clock: Clock,
}

impl Admission {
    /// `None` if nobody could get access.
    pub fn new(demo: bool, operator: Option<&Secret>, clock: &Clock) -> Option<Arc<Self>> {
        let (attempts, clock) = (Attempts::new(clock.clone()), clock.clone());
        let operator = operator.map(|secret| Keys::new(&[KeySettings { secret: secret.clone(), scope: None }]));
        (demo || operator.is_some()).then(|| Arc::new(Self { demo, operator, attempts, clock }))
    }

    fn judge(&self, request: &Request) -> Result<(), Refusal> {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let is_here = address.is_some_and(|address| address.0.ip().to_canonical().is_loopback());
        // Behind a proxy the client's machine is unknown.
        if self.demo && is_here && !is_forwarded(request.headers()) {
            return Ok(());
        }
        if self.knows(request) {
            return Ok(());
        }
        let challenge = HeaderValue::from_static("Bearer realm=\"administration\"");
        let text = "this needs the operator's token";
        let refusal = Refusal::new(ErrorCode::Unauthorized, text);
        let refusal = refusal.header(header::WWW_AUTHENTICATE, challenge);
        let brought = request.headers().contains_key(header::AUTHORIZATION);
        Err(if brought { self.attempts.noise(Asker::of(request.extensions()), refusal) } else { refusal })
    }

    fn knows(&self, request: &Request) -> bool {
        let value = wire::single(request.headers(), &header::AUTHORIZATION).ok().flatten().unwrap_or_default();
        let presented = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let found = presented
            .zip(self.operator.as_ref())
            .and_then(|((_, text), keys)| keys.find(text.trim(), self.clock.now()));
        found.is_some()
    }
}

/// Middleware.
pub(crate) async fn admit(
    State(admission): State<Arc<Admission>>,
    Id(id): Id,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match admission.judge(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(&id),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
