//! Clients and workloads that the operator wrote down: read by the rules that hold for all, and put on record at each start.
use super::register::rules;
use crate::{
    app::App,
    config::{ClientSettings, Workload},
    grants,
    grants::{authorization_code, client_credentials, jwt_bearer, refresh_token, token_exchange},
    model::{AuthMethod, Client, ClientId, ClientMetadata, ClientSource},
    oauth::{
        client_metadata::{Registered, parse_registration},
        redirect_uri::LeftOut,
    },
    secrets::Digest,
    storage,
};
use anyhow::{Context, anyhow, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// The error is for the operator and names the client.
pub async fn write(app: &App) -> anyhow::Result<()> {
    let clients = app
        .config
        .clients
        .iter()
        .map(|(name, settings)| read(app, name, settings).with_context(|| format!("clients.{name}")));
    let workloads = app.config.workloads();
    let workloads =
        workloads.map(|(name, rule)| workload(app, name, rule).with_context(|| format!("workloads.{name}")));
    for client in clients.chain(workloads).collect::<anyhow::Result<Vec<_>>>()? {
        storage::clients::put_seed(&app.db, &client).await?;
        app.clients.forget(&client.id);
    }
    Ok(())
}

fn read(app: &App, name: &str, settings: &ClientSettings) -> anyhow::Result<Client> {
    let id = settings.id.as_deref().unwrap_or(name);
    let grant_types: Vec<_> = match settings.grant_types.as_slice() {
        [] if settings.redirect_uris.is_empty() => vec![client_credentials::NAME],
        [] => vec![authorization_code::NAME, refresh_token::NAME],
        named => named.iter().map(String::as_str).collect(),
    };
    let unknown = grant_types.iter().find(|name| !grants::NAMES.contains(name));
    ensure!(unknown.is_none(), "{:?} is no grant type of ours: {}", unknown, grants::NAMES.join(", "));
    let keys = settings.keys()?;
    let public = settings.secret.is_none() && keys.is_none() && settings.jwks_uri.is_none();
    let confidential = [client_credentials::NAME, token_exchange::NAME];
    let unproven = grant_types.iter().find(|name| public && confidential.contains(name));
    ensure!(unproven.is_none(), "{} needs a secret, jwks or jwks_uri", unproven.unwrap_or(&""));
    if let Some(resource) = &settings.resource {
        ensure!(app.resources.find(resource).is_some(), "resource {resource:?} is not among the resources");
    }
    let method = match (&settings.secret, public) {
        (Some(_), _) => None,
        (None, true) => Some("none"),
        (None, false) => Some("private_key_jwt"),
    };
    let body = json!({
        "client_name": settings.name.as_deref().unwrap_or(id),
        "redirect_uris": settings.redirect_uris,
        "grant_types": grant_types,
        "scope": settings.scope,
        "token_endpoint_auth_method": method,
        "jwks": keys,
        "jwks_uri": settings.jwks_uri,
    });
    let mut metadata = parse(app, &body)?;
    metadata.token_endpoint_audience = settings.token_endpoint_audience;
    metadata.default_resource.clone_from(&settings.resource);
    let digest = |secret: &SecretString| Digest::of(secret.expose_secret());
    Ok(Client {
        secret_hash: settings.secret.as_ref().map(digest),
        previous_secret_hash: settings.previous_secret.as_ref().map(digest),
        ..seed(app, id, metadata)
    })
}

/// What tokens of a workload are issued to. Nobody authenticates as it: its keys are its issuer's.
fn workload(app: &App, name: &str, rule: &Workload) -> anyhow::Result<Client> {
    let id = rule.client(name);
    let body = json!({
        "client_name": id,
        "grant_types": [jwt_bearer::NAME],
        "scope": rule.scope,
        "token_endpoint_auth_method": "none",
    });
    let mut metadata = parse(app, &body)?;
    metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    metadata.default_resource = rule.resources.first().cloned();
    Ok(seed(app, id, metadata))
}

fn parse(app: &App, body: &Value) -> anyhow::Result<ClientMetadata> {
    let Registered { metadata, left_out, .. } =
        parse_registration(body.to_string().as_bytes(), &rules(app, grants::NAMES))
            .map_err(|error| anyhow!("{}", error.description))?;
    // Whoever wrote it down is here to mend it.
    if let Some(LeftOut { uri, rule }) = left_out.first() {
        bail!("redirect_uris has {uri:?}: {rule}. registration.private_use_schemes says which it knows");
    }
    Ok(metadata)
}

fn seed(app: &App, id: &str, metadata: ClientMetadata) -> Client {
    let now = app.clock.now();
    Client {
        id: ClientId::from(id),
        source: ClientSource::Seed,
        metadata,
        secret_hash: None,
        previous_secret_hash: None,
        fingerprint: None,
        created_at: now,
        seen_at: now,
        disabled_at: None,
        fresh_until: None,
    }
}
