//! Clients and workloads that the operator wrote down: read by the rules that hold for all, and put on record at each start.
use super::register::rules;
use crate::{
    app::App,
    audit::Event,
    config::{ClientSettings, Config, Faults, Workload, shown},
    events::EventType,
    grants,
    grants::{authorization_code, client_credentials, jwt_bearer, refresh_token, token_exchange},
    model::{AuthMethod, Client, ClientId, ClientMetadata, ClientSource},
    oauth::{client_metadata::parse_registration, redirect_uri, resource::Resources},
    secrets::Digest,
    storage,
};
use anyhow::anyhow;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Settings were judged when they were read. What was left out before is enabled again.
pub async fn write(app: &App) -> anyhow::Result<()> {
    for client in read_all(app)? {
        storage::clients::put_seed(&app.db, &client).await?;
        if storage::clients::take_back(&app.db, &client.id).await? {
            Event::new(EventType::ClientEnabled)
                .client(&client.id)
                .details(json!({"by": "configuration"}))
                .record(app)
                .await;
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
            let event = Event::new(EventType::ClientDisabled).warning().client(&id);
            event.details(json!({"by": "configuration"})).record(app).await;
            left_out.push(id);
        }
    }
    Ok(left_out)
}

fn read_all(app: &App) -> anyhow::Result<Vec<Client>> {
    let (config, now) = (&app.config, app.clock.now());
    let clients = config.clients.iter().map(|(name, settings)| {
        let metadata = metadata(config, name, settings).map_err(|wrong| wrong.error(&["clients", name]))?;
        let digest = |secret: &SecretString| Digest::of(secret.expose_secret());
        Ok(Client {
            secret_hash: settings.secret.as_ref().map(digest),
            previous_secret_hash: settings.previous_secret.as_ref().map(digest),
            ..seed(settings.id.as_deref().unwrap_or(name), metadata, now)
        })
    });
    let workloads = config.workloads().map(|(name, rule)| {
        let metadata = workload(config, name, rule).map_err(|wrong| wrong.error(&["workloads", name]))?;
        Ok(seed(rule.client(name), metadata, now))
    });
    clients.chain(workloads).collect()
}

/// What is wrong with clients and workloads by the rules that hold for all.
pub fn check(config: &Config, resources: &Resources, faults: &mut Faults) {
    for (name, settings) in &config.clients {
        let mut all_good = true;
        for (place, text) in wrong_redirect_uris(config, settings) {
            faults.add(&["clients", name, "redirect_uris", &place.to_string()], text);
            all_good = false;
        }
        if let Err(Wrong { setting, text }) = metadata(config, name, settings)
            && all_good
        {
            faults.add(&[&["clients", name], setting.as_slice()].concat(), text);
        }
        let named = settings.resource.as_deref();
        if let Some(resource) = named.filter(|named| resources.find(named).is_none()) {
            let text = format!("resource {resource:?} is not among the resources");
            faults.add_about(&["clients", name, "resource"], &[&["resources"]], text);
        }
    }
    for (issuer, settings) in &config.trusted_issuers {
        for (name, rule) in &settings.workloads {
            if let Err(Wrong { setting, text }) = workload(config, name, rule) {
                let path = ["trusted_issuers", issuer, "workloads", name];
                faults.add(&[path.as_slice(), setting.as_slice()].concat(), text);
            }
        }
    }
}

/// For the operator: the setting, if it is one alone, and the rule.
struct Wrong {
    setting: Option<&'static str>,
    text: String,
}

impl Wrong {
    fn of(setting: &'static str, text: String) -> Self {
        Self { setting: Some(setting), text }
    }

    fn error(self, table: &[&str]) -> anyhow::Error {
        anyhow!("{}: {}", [table, self.setting.as_slice()].concat().join("."), self.text)
    }
}

/// Those that no client may register, each by its place in the list: whoever wrote it down is here to mend it.
fn wrong_redirect_uris(config: &Config, settings: &ClientSettings) -> impl Iterator<Item = (usize, String)> {
    let known = &config.registration.private_use_schemes;
    settings.redirect_uris.iter().enumerate().filter_map(|(place, uri)| {
        let rule = redirect_uri::check_registrable(uri, known).err()?.description;
        let cure = redirect_uri::left_out(uri, known).map(|_| "; registration.private_use_schemes says which it knows");
        Some((place, format!("{} is refused: {rule}{}", shown(uri), cure.unwrap_or_default())))
    })
}

fn metadata(config: &Config, name: &str, settings: &ClientSettings) -> Result<ClientMetadata, Wrong> {
    let id = settings.id.as_deref().unwrap_or(name);
    let grant_types: Vec<_> = match settings.grant_types.as_slice() {
        [] if settings.redirect_uris.is_empty() => vec![client_credentials::NAME],
        [] => vec![authorization_code::NAME, refresh_token::NAME],
        named => named.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = grant_types.iter().find(|name| !grants::NAMES.contains(name)) {
        let text = format!("{unknown:?} is no grant type of ours: {}", grants::NAMES.join(", "));
        return Err(Wrong::of("grant_types", text));
    }
    let keys = settings.keys().map_err(|_| Wrong::of("jwks", "this is neither a table nor a JSON object".into()))?;
    let public = settings.secret.is_none() && keys.is_none() && settings.jwks_uri.is_none();
    let confidential = [client_credentials::NAME, token_exchange::NAME];
    if let Some(unproven) = grant_types.iter().find(|name| public && confidential.contains(name)) {
        return Err(Wrong { setting: None, text: format!("{unproven} needs a secret, jwks or jwks_uri") });
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
    let mut metadata = parse(config, &body)?;
    metadata.token_endpoint_audience = settings.token_endpoint_audience;
    metadata.default_resource.clone_from(&settings.resource);
    Ok(metadata)
}

/// What tokens of a workload are issued to. Nobody authenticates as it: its keys are its issuer's.
fn workload(config: &Config, name: &str, rule: &Workload) -> Result<ClientMetadata, Wrong> {
    let body = json!({
        "client_name": rule.client(name),
        "grant_types": [jwt_bearer::NAME],
        "scope": rule.scope,
        "token_endpoint_auth_method": "none",
    });
    let mut metadata = parse(config, &body)?;
    metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    metadata.default_resource = rule.resources.first().cloned();
    Ok(metadata)
}

fn parse(config: &Config, body: &Value) -> Result<ClientMetadata, Wrong> {
    let settings = ["redirect_uris", "grant_types", "scope", "jwks_uri", "jwks"];
    let parsed = parse_registration(body.to_string().as_bytes(), &rules(config, grants::NAMES));
    // What would be left out of a registration was judged before, one by one.
    parsed.map(|registered| registered.metadata).map_err(|error| {
        let text = error.description.to_string();
        Wrong { setting: settings.into_iter().find(|setting| text.contains(setting)), text }
    })
}

fn seed(id: &str, metadata: ClientMetadata, now: OffsetDateTime) -> Client {
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
