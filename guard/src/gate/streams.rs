//! The events of an answer, on their way to the client: what the server asks is noted, and lists are shortened.
use super::{Backend, Gate};
use crate::{
    caller::Caller,
    events::{self, Events, Rewritten, essence},
    json,
    scopes::Policy,
    sessions::Sessions,
    tool_lists,
    wire::read_id,
};
use axum::{
    body::{Body, Bytes},
    http::header,
    response::Response,
};
use futures_util::{StreamExt, future::ready, stream};
use std::{io, sync::Arc};

/// Bytes of an id that is remembered.
const LONGEST_ID: usize = 1024;

/// Whose stream it is.
struct Watch {
    session: Option<String>,
    sessions: Arc<Sessions>,
    /// By which lists of tools are shortened, if they are.
    policy: Option<Arc<Policy>>,
    caller: Caller,
}

impl Gate {
    /// Nothing is to be seen in what our own tools say.
    pub(super) fn watch(&self, response: Response, session: Option<String>, caller: Caller) -> Response {
        if self.backend == Backend::Endpoint || essence(response.headers()).as_deref() != Some("text/event-stream") {
            return response;
        }
        let policy = Some(&self.policy).filter(|_| self.backend == Backend::Upstream).cloned();
        let watch = Watch { session, sessions: Arc::clone(&self.sessions), policy, caller };
        let (mut parts, body) = response.into_parts();
        let mut events = Events::default();
        let chunks = body.into_data_stream().map(Some).chain(stream::once(ready(None)));
        let seen = chunks.filter_map(move |chunk| {
            let given = match chunk {
                Some(Ok(chunk)) => events.push(&chunk, |event| watch.see(event)),
                Some(Err(error)) => Err(io::Error::other(error)),
                None => Ok(events.rest()),
            };
            ready(Some(given).filter(|given| !given.as_ref().is_ok_and(Bytes::is_empty)))
        });
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from_stream(seen))
    }
}

impl Watch {
    fn see(&self, event: &str) -> Rewritten {
        let data = events::data(event);
        // Servers of 2025-03-26 may send several at once.
        let batch = json::parts(&data).filter(|_| data.starts_with('[')).map(|(_, message)| message);
        for message in batch.chain([&*data]) {
            let id = || json::member(message, "id").filter(|id| id.len() <= LONGEST_ID);
            let asks = json::member(message, "method").and_then(|_| read_id(id()?));
            if let Some((session, id)) = self.session.as_ref().zip(asks) {
                self.sessions.ask(session, id);
            }
        }
        let shorter = self.policy.as_ref().and_then(|policy| tool_lists::shortened(policy, &self.caller, &data));
        shorter.map_or(Rewritten::Same, |data| Rewritten::Other(events::with_data(event, &data)))
    }
}
