//! The people and clients that `keyward demo` comes with. Their secrets are published: never outside the demo.
use crate::{
    accounts::sign_in::new_user,
    app::App,
    config::Config,
    grants::{authorization_code, refresh_token},
    model::{ApplicationType, AuthMethod, Client, ClientId, ClientMetadata, ClientSource, Role},
    secrets::Digest,
    storage::{Db, clients, settings, users},
};
use anyhow::ensure;
use secrecy::ExposeSecret;

/// The demo's MCP server, as settings below `resources.demo`.
pub const RESOURCE: &str = include_str!("demo/resource.toml");

pub const PEOPLE_TO_TRY: &[(&str, &str)] = &[("alice", "password123"), ("bob", "hunter2"), ("admin", "admin123")];

const PEOPLE: &[(&str, &str, Role)] = &[
    ("admin", "admin123", Role::Admin),
    ("testuser", "TestPass123!", Role::User),
    ("readonly", "ReadOnly123!", Role::Readonly),
    ("service_bot", "ServiceBot123!", Role::Service),
    ("alice", "password123", Role::User),
    ("bob", "hunter2", Role::User),
    ("demo_user", "demo_password", Role::User),
];

/// Client identifier, secret of the confidential ones, redirect URIs. Loopback URIs match with any port.
const CLIENTS: &[(&str, Option<&str>, &[&str])] = &[
    (
        "dev-public-client",
        None,
        &[
            "http://localhost:3000/callback",
            "https://dev.example/callback",
            "http://127.0.0.1/callback",
            "http://[::1]/callback",
        ],
    ),
    (
        "dev-confidential-client",
        Some("dev-confidential-secret"),
        &["http://localhost:3000/callback", "http://127.0.0.1/callback"],
    ),
    ("demo_client", Some("demo_secret"), &["http://localhost:3000/callback", "http://127.0.0.1/callback"]),
];

const MARK: &str = "demo";

/// Adds whoever is missing, and marks the database as one whose secrets are known.
pub async fn seed(app: &App) -> anyhow::Result<()> {
    settings::get_or_insert(&app.db, MARK, b"1").await?;
    for (username, password, role) in PEOPLE {
        if users::find_by_username(&app.db, username).await?.is_none() {
            let mut user = new_user(app, username, password, *role).await?;
            user.name = Some(display_name(username));
            user.email = Some(format!("{username}@demo.example"));
            users::insert(&app.db, &user).await?;
        }
    }
    for (id, secret, redirect_uris) in CLIENTS {
        clients::put_seed(&app.db, &client(app, id, *secret, redirect_uris)).await?;
    }
    Ok(())
}

/// `alice` is Alice.
fn display_name(username: &str) -> String {
    let mut letters = username.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn client(app: &App, id: &str, secret: Option<&str>, redirect_uris: &[&str]) -> Client {
    let now = app.clock.now();
    Client {
        id: ClientId::from(id),
        source: ClientSource::Seed,
        metadata: ClientMetadata {
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            token_endpoint_auth_method: if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None },
            any_secret_method: secret.is_some(),
            grant_types: vec![authorization_code::NAME.into(), refresh_token::NAME.into()],
            response_types: vec!["code".into()],
            application_type: ApplicationType::Native,
            client_name: Some(format!("Demo fixture {id}")),
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            contacts: vec![],
            scope: None,
            software_id: None,
            software_version: None,
            id_token_signed_response_alg: None,
            dpop_bound_access_tokens: false,
        },
        secret_hash: secret.map(Digest::of),
        fingerprint: None,
        created_at: now,
        seen_at: now,
        disabled_at: None,
        fresh_until: None,
    }
}

pub async fn is_demo(db: &Db) -> sqlx::Result<bool> {
    Ok(settings::find(db, MARK).await?.is_some())
}

/// Outside the demo none of its secrets may be configured.
pub fn refuse_published_secrets(config: &Config) -> anyhow::Result<()> {
    let passwords = PEOPLE.iter().map(|(_, password, _)| *password);
    let secrets = CLIENTS.iter().filter_map(|(_, secret, _)| *secret);
    let published: Vec<_> = passwords.chain(secrets).chain(["demo-resource-secret"]).collect();
    let introspection = config.resources.values().filter_map(|resource| resource.introspection.as_ref());
    let configured = introspection.map(|credentials| &credentials.secret);
    for secret in configured.chain(&config.registration.initial_access_token) {
        ensure!(
            !published.contains(&secret.expose_secret()),
            "a configured secret is one that `keyward demo` publishes; choose another"
        );
    }
    Ok(())
}
