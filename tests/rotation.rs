//! Signing keys are rotated, and not one verification fails.
mod drill;
mod emergency;
mod traffic;

use crate::support::{app::TestApp, tokens::text};
use keyward::{app::App, model::KeyStatus};
use std::collections::BTreeSet;

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// The published keys, by name.
async fn published(t: &TestApp) -> BTreeSet<String> {
    let set = t.get("/jwks").await.json();
    set["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect()
}

/// The keys of this status as a node knows them, by name.
fn with_status(app: &App, status: KeyStatus) -> BTreeSet<String> {
    app.keys.ring().all().iter().filter(|key| key.status == status).map(|key| key.kid.clone()).collect()
}
