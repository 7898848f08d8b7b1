//! What an attacker tries, one numbered attack to a test: what comes back, and what did not change.
mod answers;
mod assertions;
mod authorize;
mod client_credentials;
mod clients;
mod code;
mod device;
mod dpop;
mod id_jag;
pub mod par;
mod registration;
mod registration_management;
mod robustness;
mod token_exchange;
pub mod tokens;
mod workloads;
