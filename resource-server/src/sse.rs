//! The transport of HTTP with SSE, of the revision 2024-11-05: one stream for answers, one place for messages.

/// Marks requests of this transport.
#[derive(Clone, Copy)]
pub(crate) struct Legacy;
