//! People and clients for `keyward demo`. Their secrets are published, so they exist only there.
pub mod documents;

use crate::{
    app::App,
    model::{
        ApplicationType, AuthMethod, Client, ClientId, ClientMetadata, ClientPolicy, ClientSource, Role,
        grant_type::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN},
    },
    people::sign_in::new_user,
    published,
    secrets::Digest,
    storage::{clients, settings, users},
};

/// The demo's MCP server, as settings below `resources.demo`.
pub const RESOURCE: &str = include_str!("demo/resource.toml");

/// Other surfaces of the demo's MCP server that need access tokens. Each is a resource of its own, since clients
/// request tokens for the URL they were given (RFC 8707 §2).
const OTHER_RESOURCES: &[(&str, &str)] = &[
    ("demo_alias", "/mcp"),
    (DEMO_CLIENT_CREDENTIALS, "/mcp/client-credentials"),
    ("demo_device", "/mcp/device"),
    ("demo_sse", "/sse/oauth"),
    ("demo_sse_client_credentials", "/sse/client-credentials"),
    ("demo_sse_device", "/sse/device"),
];
const DEMO_CLIENT_CREDENTIALS: &str = "demo_client_credentials";

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

struct Fixture {
    id: &'static str,
    secret: Option<&'static str>,
    /// Loopback URIs match with any port.
    redirect_uris: &'static [&'static str],
    grant_types: &'static [&'static str],
    /// The scope it may have for itself.
    scope: Option<&'static str>,
    /// The short name of the resource for requests without user that name none.
    default_resource: Option<&'static str>,
}

const FOR_PEOPLE: &[&str] = &[AUTHORIZATION_CODE, REFRESH_TOKEN];
const FOR_ITSELF: &[&str] = &[CLIENT_CREDENTIALS];

const CLIENTS: &[Fixture] = &[
    Fixture {
        id: "dev-public-client",
        secret: None,
        redirect_uris: &[
            "http://localhost:3000/callback",
            "https://dev.example/callback",
            "http://127.0.0.1/callback",
            "http://[::1]/callback",
        ],
        grant_types: FOR_PEOPLE,
        scope: None,
        default_resource: None,
    },
    Fixture {
        id: "dev-confidential-client",
        secret: Some("dev-confidential-secret"),
        redirect_uris: &["http://localhost:3000/callback", "http://127.0.0.1/callback"],
        grant_types: &[AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS],
        scope: Some("mcp:tools:list mcp:tools:echo mcp:tools:read mcp:tools:write"),
        default_resource: None,
    },
    // A device without a browser never gets a redirect, so it has no redirect URI.
    Fixture {
        id: "dev-device-client",
        secret: None,
        redirect_uris: &[],
        grant_types: &[DEVICE_CODE, REFRESH_TOKEN],
        scope: None,
        default_resource: None,
    },
    Fixture {
        id: "demo_client",
        secret: Some("demo_secret"),
        redirect_uris: &["http://localhost:3000/callback", "http://127.0.0.1/callback"],
        grant_types: FOR_PEOPLE,
        scope: None,
        default_resource: None,
    },
    Fixture {
        id: "dev-admin-client",
        secret: Some("dev-admin-secret"),
        redirect_uris: &[],
        grant_types: FOR_ITSELF,
        scope: Some("mcp:admin mcp:tools:admin mcp:read mcp:write"),
        default_resource: None,
    },
    Fixture {
        id: "dev-service-client",
        secret: Some("dev-service-secret"),
        redirect_uris: &[],
        grant_types: FOR_ITSELF,
        scope: Some("mcp:read mcp:write"),
        default_resource: None,
    },
    Fixture {
        id: "test-client-id",
        secret: Some("test-client-secret"),
        redirect_uris: &[],
        grant_types: FOR_ITSELF,
        scope: Some("mcp:tools:read mcp:tools:write"),
        default_resource: Some(DEMO_CLIENT_CREDENTIALS),
    },
];

/// Identifiers of the demo's clients, which come from no settings.
#[must_use]
pub fn client_ids() -> Vec<&'static str> {
    CLIENTS.iter().map(|fixture| fixture.id).collect()
}

/// Adds missing people and clients, and marks the database as one whose secrets are published.
pub async fn seed(app: &App) -> anyhow::Result<()> {
    settings::get_or_insert(&app.db, published::MARK, b"1").await?;
    for (username, password, role) in PEOPLE {
        if users::find_by_username(&app.db, username).await?.is_none() {
            let mut user = new_user(app, username, password, *role).await?;
            user.name = Some(display_name(username));
            user.email = Some(format!("{username}@demo.example"));
            users::insert(&app.db, &user).await?;
        }
    }
    for fixture in CLIENTS {
        clients::put_seed(&app.db, &client(app, fixture)).await?;
    }
    Ok(())
}

/// One line for each person and client, to be printed.
#[must_use]
pub fn identities() -> String {
    let role = |role: &Role| format!("{role:?}").to_lowercase();
    let people = PEOPLE.iter().map(|(name, password, is)| format!("    {name} / {password} ({})\n", role(is)));
    let clients = CLIENTS.iter().map(|fixture| match fixture.secret {
        Some(secret) => format!("    {} / {secret}\n", fixture.id),
        None => format!("    {}\n", fixture.id),
    });
    format!("  People:\n{}\n  Clients:\n{}", people.collect::<String>(), clients.collect::<String>())
}

/// `Alice` for `alice`.
fn display_name(username: &str) -> String {
    let mut letters = username.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn client(app: &App, fixture: &Fixture) -> Client {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (now, secret) = (app.clock.now(), fixture.secret);
    let method = if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
    let metadata = ClientMetadata {
        application_type: ApplicationType::Native,
        client_name: Some(format!("Demo fixture {}", fixture.id)),
        scope: fixture.scope.map(str::to_owned),
        ..ClientMetadata::new(method, owned(fixture.grant_types), owned(fixture.redirect_uris))
    };
    let settings = fixture.default_resource.and_then(|name| app.config.resources.get(name));
    Client {
        policy: ClientPolicy {
            any_secret_method: secret.is_some(),
            default_resource: settings.map(|settings| settings.identifier.clone()),
            ..ClientPolicy::default()
        },
        secret_hash: secret.map(Digest::of),
        ..Client::new(ClientId::from(fixture.id), ClientSource::Seed, metadata, now)
    }
}

/// Settings for all resources but the first, with the first one's scopes.
#[must_use]
pub fn other_resources(origin: &str) -> String {
    let scopes = RESOURCE.split_once("[resources.demo.scopes]").map_or("", |(_, scopes)| scopes);
    let written = OTHER_RESOURCES.iter().map(|(name, path)| {
        format!(
            "\n[resources.{name}]\nidentifier = '{origin}{path}'\nname = 'Keyward demo server ({path})'\n\
             default_scopes = ['mcp:read']\n[resources.{name}.scopes]{scopes}"
        )
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_resource_server::Settings;

    #[test]
    fn whatever_the_demo_publishes_is_refused_elsewhere() {
        let passwords = PEOPLE.iter().map(|(_, password, _)| (*password).to_owned());
        let secrets = CLIENTS.iter().filter_map(|fixture| fixture.secret).map(str::to_owned);
        for secret in passwords.chain(secrets).chain(Settings::published().unwrap()) {
            assert!(published::is_secret(&secret), "{secret}");
        }
        assert!(published::is_secret("demo-resource-secret") && RESOURCE.contains("demo-resource-secret"));
        assert!(documents::KEY.contains(published::KEY), "the key of a client's document");
    }
}
