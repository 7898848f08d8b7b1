//! Kinds of credential: how a caller shows who they are, and how those who do not are told.
//!
//! A kind is a file here with a `KIND`, and a line in [`KINDS`].
pub(crate) mod oauth;

use crate::{caller::Caller, challenge::Refusal};
use axum::http::request::Parts;
use futures_util::future::BoxFuture;
use serde_json::Value;

/// What a gate asks for.
pub(crate) trait Credential: Send + Sync {
    /// Judges the credential of a request, and takes it off: it was for us, and goes no further.
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>>;

    /// The credential is good, and not for this; `scope` names all to ask for (RFC 6750 §3.1).
    fn insufficient_scope(&self, caller: &Caller, id: &Value, scope: &str, data: Value) -> Refusal;
}
