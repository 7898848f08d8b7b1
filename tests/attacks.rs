//! Known attacks, one test each, named after what the attacker gets: nothing.
mod clients;
mod registration;
mod robustness;
mod tokens;
