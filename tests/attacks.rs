//! What an attacker tries, one numbered attack to a test: what comes back, and what did not change.
mod answers;
mod authorize;
mod clients;
mod code;
mod dpop;
mod registration;
mod robustness;
mod tokens;
