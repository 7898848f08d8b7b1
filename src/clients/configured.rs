//! Clients and workloads that the operator wrote down: read by the rules that hold for all, and put on record at each start.
use super::register::rules;
use crate::{
    app::App,
    audit::Event,
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

/// The error is for the operator and names the client. What was left out before is enabled again.
pub async fn write(app: &App) -> anyhow::Result<()> {
    for client in read_all(app)? {
        storage::clients::put_seed(&app.db, &client).await?;
        if storage::clients::take_back(&app.db, &client.id).await? {
            Event::new("client_enabled").client(&client.id).details(json!({"by": "configuration"})).record(app).await;
        }
        app.clients.forget(&client.id);
    }
    Ok(())
}

/// Disables those that were written down before and are no more, but for `others`, unless the settings keep them.
/// Answers which.
pub async fn leave_out(app: &App, others: &[&str]) -> anyhow::Result<Vec<ClientId>> {
    if !app.config.disable_removed_clients {
        return Ok(vec![]);
    }
    let written: Vec<_> = read_all(app)?.into_iter().map(|client| client.id).collect();
    let mut left_out = Vec::new();
    for id in storage::clients::enabled_seeds(&app.db).await? {
        let stays = written.contains(&id) || others.contains(&id.as_str());
        if !stays && storage::clients::leave_out(&app.db, &id, app.clock.now()).await? {
            app.clients.forget(&id);
            let event = Event::new("client_disabled").warning().client(&id);
            event.details(json!({"by": "configuration"})).record(app).await;
            left_out.push(id);
        }
    }
    Ok(left_out)
}

fn read_all(app: &App) -> anyhow::Result<Vec<Client>> {
    let clients = app
        .config
        .clients
        .iter()
        .map(|(name, settings)| read(app, name, settings).with_context(|| format!("clients.{name}")));
    let workloads = app.config.workloads();
    let workloads =
        workloads.map(|(name, rule)| workload(app, name, rule).with_context(|| format!("workloads.{name}")));
    clients.chain(workloads).collect()
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
