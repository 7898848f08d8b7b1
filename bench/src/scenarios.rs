//! What is measured: a file for each, and its line in the list.
mod authorize;
mod client_credentials;
mod code_exchange;
mod discovery;
mod introspection;
mod jwks;
mod refresh;
mod sign_in;
mod tokens;

use crate::scenario::Scenario;

/// In the order of tables.
pub const SCENARIOS: &[&dyn Scenario] = &[
    &discovery::Discovery,
    &jwks::Jwks,
    &client_credentials::ES256,
    &client_credentials::OPAQUE,
    &client_credentials::EDDSA,
    &client_credentials::RS256,
    &introspection::JWT,
    &introspection::OPAQUE,
    &refresh::CHAINS_16,
    &refresh::CHAINS_64,
    &code_exchange::WITHOUT_ID_TOKEN,
    &code_exchange::WITH_ID_TOKEN,
    &authorize::REMEMBERED,
    &authorize::ASKED,
    &sign_in::SignIn,
    &tokens::ALONE,
    &tokens::IN_A_CROWD,
];
