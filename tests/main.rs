//! The one test binary: a module per room or story.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails
mod attacks;
mod audit;
mod cimd;
mod client_credentials;
mod client_keys;
mod clients;
mod debug;
mod device;
mod dpop;
mod fetch;
mod fuzz;
mod hostile;
mod id_jag;
mod logos;
mod machine;
mod opaque_tokens;
mod openid;
mod par;
mod process;
mod refresh;
mod registration_management;
mod registration_tokens;
mod resources;
mod rotation;
mod sign_in;
mod signed_introspection;
mod software_statements;
mod step_up;
mod storage;
mod stories;
mod token_exchange;
mod wire;
mod workloads;
mod support {
    pub mod app;
    pub mod browser;
    pub mod client_key;
    pub mod db;
    pub mod dpop;
    pub mod guarded;
    pub mod internet;
    pub mod issuer;
    pub mod node;
    pub mod process;
    pub mod remote;
}
