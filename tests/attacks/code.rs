//! Attacks on the authorization code and on its binding to the client (RFC 7636).
mod pkce;
mod redemption;

use crate::support::app::TestApp;
use keyward::{model::Code, secrets::Digest, storage::codes};

/// What is on record of a code.
async fn on_record(t: &TestApp, code: &str) -> Code {
    codes::find(&t.db, &Digest::of(code)).await.unwrap().unwrap()
}
