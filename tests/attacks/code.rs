//! Attacks on the authorization code and on its binding to the client (RFC 7636).
mod pkce;
mod redemption;

use crate::support::app::{Answer, TestApp};
use keyward::{
    model::{ClientId, Code},
    secrets::Digest,
    storage::codes,
};

/// Redeems with exactly these parameters beside the code.
async fn redeem_with(t: &TestApp, client: &ClientId, code: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code)];
    t.post("/token", &[&form[..], more].concat()).await
}

/// What is on record of a code.
async fn on_record(t: &TestApp, code: &str) -> Code {
    codes::find(&t.db, &Digest::of(code)).await.unwrap().unwrap()
}
