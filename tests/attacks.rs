//! What an attacker tries, one numbered attack to a test: what comes back, and what did not change.
mod answers;
mod assertions;
mod authorize;
mod catalogue;
mod client_credentials;
mod clients;
mod clocks;
mod code;
mod device;
mod dpop;
pub mod par;
mod registration;
mod registration_management;
mod request_objects;
mod robustness;
mod tokens;
