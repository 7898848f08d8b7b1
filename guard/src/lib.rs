#![doc = include_str!("../README.md")]
// The map, from the top down. No file uses one that uses it.
//
// - `guard`: what the author of a server sets up; `check`, `observer`: what they may add
// - `gate`: a request on its way to the server. `gate/steps.rs` has every check in order, and each may refuse: the one of a
//   tool's scopes, for example. `gate/explain.rs` walks the same list
// - `access_tokens`: access tokens as a `credential`; `verify`: what a token is worth, by `claims`, `jwks`,
//   `introspection`, `dpop` and `step_up`
// - `scopes`: what a call needs; `tool_lists`: lists without the tools that a caller may not call
// - `wire`, `json`, `names`, `events`: messages, read exactly as other readers will
// - `sessions`, `origin`, `transport`, `bodies`, `whole`: what a request may be, before its message is read
// - `challenge`, `error_code`, `rpc_code`: how a refusal is told; `metadata`: RFC 9728
// What every accessor returns is there to be used.
#![allow(clippy::must_use_candidate)]
mod access;
mod access_tokens;
mod body_limit;
mod check;
mod check_name;
mod claims;
pub mod clock;
mod error_code;
mod guard;
mod introspection;
pub mod metadata;
mod observer;
mod places;
pub mod scopes;
mod step_up;
mod verify;

// For the other packages of this repository, and as they need it.
#[doc(hidden)]
pub mod bodies;
#[doc(hidden)]
pub mod caller;
#[doc(hidden)]
pub mod challenge;
#[doc(hidden)]
pub mod credential;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod dpop;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod gate;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod jwks;
#[doc(hidden)]
pub mod names;
#[doc(hidden)]
pub mod origin;
#[doc(hidden)]
pub mod request_id;
#[doc(hidden)]
pub mod rpc_code;
#[doc(hidden)]
pub mod sessions;
#[doc(hidden)]
pub mod source;
#[doc(hidden)]
pub mod tool_lists;
#[doc(hidden)]
pub mod transport;
#[doc(hidden)]
pub mod whole;
#[doc(hidden)]
pub mod wire;

#[doc(inline)]
pub use caller::{Caller, Principal};
#[doc(inline)]
pub use challenge::{Refusal, RequestId};
#[doc(inline)]
pub use wire::Message;

pub use access::{Access, Scheme};
pub use body_limit::BodyLimit;
pub use check::{Allowance, Call, Check};
pub use check_name::CheckName;
pub use error_code::{ErrorCode, OwnError};
pub use guard::{Guard, Place, SHORTEST_KEY};
pub use keyward_limits::source::Source;
pub use observer::{Observer, Outcome, Passage, Refused};
pub use places::{PageOrigin, ResourceAlias};
