//! A request on its way through a gate to the server, and the answer on its way back.
use super::{Gate, Gates, steps::Walk, visits::Visit};
use crate::{
    bodies,
    challenge::{Refusal, RequestId},
    observer::Passage,
    origin,
    request_id::Id,
    transport::ForStream,
};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;

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
