//! What an attacker tries, one numbered attack to a test: what comes back, and what did not change.
mod authorize;
mod code;
