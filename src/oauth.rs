//! The protocol's rules, pure: no IO, no clock, no framework. Each file is read beside its RFC.
pub mod authentication_context;
pub mod authorization_request;
pub mod basic;
pub mod client_assertion;
pub mod client_id;
pub mod client_metadata;
pub mod display_name;
pub mod dpop;
pub mod id_jag;
pub mod json;
pub mod jws;
pub mod look_alikes;
pub mod params;
pub mod pkce;
pub mod redirect_uri;
pub mod resource;
pub mod token_exchange;
mod uri;
