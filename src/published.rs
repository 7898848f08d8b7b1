//! The secrets that `keyward demo` publishes, so that no other server uses them.
use crate::{
    config::{Config, Faults},
    storage::{Db, settings},
};
use secrecy::ExposeSecret;
use serde_json::Value;

/// Name of the setting that marks a database whose secrets are published.
pub const MARK: &str = "demo";

/// Passwords and secrets of the demo's people, clients and surfaces.
const SECRETS: &[&str] = &[
    "admin123",
    "TestPass123!",
    "ReadOnly123!",
    "ServiceBot123!",
    "password123",
    "hunter2",
    "demo_password",
    "dev-confidential-secret",
    "demo_secret",
    "dev-admin-secret",
    "dev-service-secret",
    "test-client-secret",
    "demo-resource-secret",
    "test-bearer-token",
    "test-api-key-12345",
    "testpass123",
    r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##,
    "ghp_test1234567890abcdefghijklmnopqrstuvwxyz",
    "BSA_test1234567890abcdefghijklmnopqrstuvwxyz",
    "BSA1234567890abcdefghijklmnopqrstuvwxyz",
];

/// The `x` coordinate of the demo's public key, whose private half is published.
pub const KEY: &str = "t0Nsc3CKbAb7I2ii_DgV6GsaqRMjDDI1IR2mj4vO-ac";

pub async fn is_demo(db: &Db) -> sqlx::Result<bool> {
    Ok(settings::find(db, MARK).await?.is_some())
}

/// Reports published secrets in the settings of a server that is not the demo.
pub fn refuse(config: &Config, faults: &mut Faults) {
    const TEXT: &str = "this is one that `keyward demo` publishes; choose another";
    let introspection = config.resources.iter().filter_map(|(name, resource)| {
        let path = vec!["resources", name, "introspection", "secret"];
        resource.introspection.as_ref().map(|credentials| (path, Some(&credentials.secret)))
    });
    let clients = config.clients.iter().flat_map(|(name, client)| {
        [("secret", client.secret.as_ref()), ("previous_secret", client.previous_secret.as_ref())]
            .map(|(field, secret)| (vec!["clients", name, field], secret))
    });
    let own = [
        (vec!["registration", "initial_access_token"], config.registration.initial_access_token.as_ref()),
        (vec!["debug", "admin_token"], config.debug.admin_token.as_ref()),
    ];
    for (path, secret) in introspection.chain(clients).chain(own) {
        faults.ensure(!secret.is_some_and(|secret| is_secret(secret.expose_secret())), &path, TEXT);
    }
    for (name, client) in &config.clients {
        let published = client.keys().ok().flatten().is_some_and(|keys| has_key(&keys));
        faults.ensure(!published, &["clients", name, "jwks"], TEXT);
    }
}

#[must_use]
pub fn is_secret(text: &str) -> bool {
    SECRETS.contains(&text)
}

fn has_key(jwks: &Value) -> bool {
    jwks["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["x"] == KEY))
}
