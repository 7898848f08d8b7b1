//! `no-auth`: everybody may call, without identity.
use super::kind::{Built, Kind};
use axum::http::{header, request::Parts};
use futures_util::future::{BoxFuture, FutureExt, ready};
use keyward_guard::{
    caller::{Caller, NO_SCHEME},
    challenge::Refusal,
    credential::Credential,
};
use serde_json::Value;

pub(super) const KIND: Kind =
    Kind { name: "no-auth", shown: "nothing", login: None, curl: "", build: |_| Ok(Built::everywhere(Everybody)) };

struct Everybody;

impl Credential for Everybody {
    /// Credentials that were sent anyway are removed from the request.
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        parts.headers.remove(header::AUTHORIZATION);
        ready(Ok(Caller::of_kind("no-auth", "anonymous", NO_SCHEME))).boxed()
    }

    fn scheme(&self) -> &'static str {
        NO_SCHEME
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, _: &str, data: Value) -> Refusal {
        Refusal::insufficient_scope(id, "the credential lacks a scope this call needs", data)
    }
}
