//! What a request is part of beside itself, so that a login counts for more than one of them.
use axum::http::request::Parts;
use keyward_guard::wire;
use std::sync::Arc;

/// What a request came on that came from this process's own client; it takes the place of a session.
#[derive(Clone, Debug)]
pub(crate) struct Connection(pub Arc<str>);

/// What a request is part of, if anything: this process's conversation, or a legacy session. Requests of 2026-07-28
/// have none of the latter.
pub(crate) fn connection(parts: &Parts) -> Option<&str> {
    let process = parts.extensions.get::<Connection>().map(|process| &*process.0);
    let session = || wire::single(&parts.headers, &wire::SESSION_ID).ok().flatten();
    process.or_else(|| session().filter(|_| !wire::speaks_modern(&parts.headers)))
}

/// Did it come from this process's own client? Nobody else is on that connection.
pub(crate) fn is_own(parts: &Parts) -> bool {
    parts.extensions.get::<Connection>().is_some()
}
