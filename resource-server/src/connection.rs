//! The connection of a request, so that a login can count for later requests on it.
use axum::http::request::Parts;
use keyward_guard::wire;
use std::sync::Arc;

/// The connection of this process's own client, used in place of a session.
#[derive(Clone, Debug)]
pub(crate) struct Connection(pub Arc<str>);

/// The connection: this process's own, or a legacy session. Requests of the revision 2026-07-28 have no session.
pub(crate) fn connection(parts: &Parts) -> Option<&str> {
    let process = parts.extensions.get::<Connection>().map(|process| &*process.0);
    let session = || wire::single(&parts.headers, &wire::SESSION_ID).ok().flatten();
    process.or_else(|| session().filter(|_| !wire::speaks_modern(&parts.headers)))
}

/// Whether the request came from this process's own client, which is alone on its connection.
pub(crate) fn is_own(parts: &Parts) -> bool {
    parts.extensions.get::<Connection>().is_some()
}
