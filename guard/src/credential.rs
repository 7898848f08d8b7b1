//! A kind of credential: how callers show who they are, and how those who do not are told.
use crate::{caller::Caller, challenge::Refusal, metadata::ProtectedResource, wire::Message};
use axum::http::request::Parts;
use futures_util::future::BoxFuture;
use serde_json::Value;

/// What a gate asks for.
pub trait Credential: Send + Sync {
    /// Judges the credential of a request, and takes it off: it was for us, and goes no further.
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>>;

    /// The credential is good, and not for this; `scope` names all to ask for (RFC 6750 §3.1).
    fn insufficient_scope(&self, caller: &Caller, id: &Value, scope: &str, data: Value) -> Refusal;

    /// The authentication scheme; [`NO_SCHEME`](crate::caller::NO_SCHEME) where anybody may call.
    fn scheme(&self) -> &'static str {
        "Bearer"
    }

    /// Headers that it is brought in, beside `Authorization`.
    fn headers(&self) -> Vec<&str> {
        Vec::new()
    }

    /// What must be known of the sign-in behind the credential, for this message or for any (RFC 9470 §3).
    fn check_sign_in(&self, _: &Caller, _: Option<&Message>) -> Result<(), Refusal> {
        Ok(())
    }

    /// As who a message is sent that belongs to no session, if not as the caller.
    fn outside_sessions(&self, _: &Caller, _: &Parts) -> Option<Caller> {
        None
    }

    /// Of an OAuth protected resource.
    fn metadata(&self) -> Option<ProtectedResource> {
        None
    }
}
