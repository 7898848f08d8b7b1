//! Known attacks, one test each, named after what the attacker gets: nothing.
mod answers;
mod clients;
mod registration;
mod robustness;
mod tokens;
