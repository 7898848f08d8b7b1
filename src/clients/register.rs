//! Dynamic client registration (RFC 7591): open to strangers, within budgets, and never forgotten while used.
use crate::{
    app::App,
    audit,
    config::RegistrationPolicy,
    error::OAuthError,
    grants,
    model::{Client, ClientId, ClientMetadata, ClientSource},
    oauth::{
        client_metadata::{Registered, RegistrationRules, parse_registration},
        redirect_uri::{RedirectKind, kind},
    },
    secrets::{ClientSecret, Digest},
    storage,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::net::IpAddr;

const MAX_REDIRECT_URIS: usize = 20;

/// Registers the client described by `body` and answers its effective metadata (RFC 7591 §3.2.1).
pub async fn register(app: &App, body: &[u8], bearer: Option<&str>, address: IpAddr) -> Result<Value, OAuthError> {
    allow(app, bearer)?;
    let Registered { metadata, fingerprint } =
        parse_registration(body, &rules(app, &grants::for_strangers(&app.config)))?;
    let now = app.clock.now();
    let secret = metadata.token_endpoint_auth_method.has_secret().then(ClientSecret::random);
    let asked = Client {
        id: ClientId::random(),
        source: ClientSource::Dcr,
        secret_hash: secret.as_ref().map(ClientSecret::digest),
        previous_secret_hash: None,
        metadata,
        fingerprint,
        created_at: now,
        seen_at: now,
        disabled_at: None,
        fresh_until: None,
    };
    let client = match known(app, &asked).await? {
        Some(client) => client,
        None => insert(app, &asked, address).await?,
    };
    let mut answer = serde_json::to_value(&client.metadata).map_err(OAuthError::server_error)?;
    if let Some(members) = answer.as_object_mut() {
        members.retain(|name, _| !ClientMetadata::OURS.contains(&name.as_str()));
    }
    answer["client_id"] = json!(client.id);
    answer["client_id_issued_at"] = json!(client.created_at.unix_timestamp());
    if let Some(secret) = secret {
        answer["client_secret"] = json!(secret.expose());
        answer["client_secret_expires_at"] = json!(0);
    }
    Ok(answer)
}

pub(super) fn rules<'a>(app: &'a App, grant_types: &'a [&'a str]) -> RegistrationRules<'a> {
    RegistrationRules {
        grant_types,
        private_key_jwt: app.config.client_authentication.private_key_jwt,
        known_schemes: &app.config.registration.private_use_schemes,
        max_redirect_uris: MAX_REDIRECT_URIS,
    }
}

fn allow(app: &App, bearer: Option<&str>) -> Result<(), OAuthError> {
    match (app.config.registration.policy, &app.config.registration.initial_access_token) {
        (RegistrationPolicy::Open, _) => Ok(()),
        (RegistrationPolicy::Token, Some(expected))
            if bearer.is_some_and(|token| Digest::of(token).matches(&Digest::of(expected.expose_secret()))) =>
        {
            Ok(())
        }
        (RegistrationPolicy::Token, _) => Err(OAuthError::invalid_token("registration needs an initial access token")),
        (RegistrationPolicy::Off, _) => Err(OAuthError::access_denied("dynamic client registration is switched off")),
    }
}

/// The same public registration again is the same client, and costs no budget.
async fn known(app: &App, asked: &Client) -> Result<Option<Client>, OAuthError> {
    let Some(fingerprint) = &asked.fingerprint else { return Ok(None) };
    Ok(storage::clients::seen_again(&app.db, fingerprint, asked.seen_at).await?)
}

async fn insert(app: &App, asked: &Client, address: IpAddr) -> Result<Client, OAuthError> {
    app.registrations.allow(address, redirect_hosts(asked))?;
    if storage::clients::count_unused(&app.db).await? >= i64::from(app.config.registration.max_unused) {
        return Err(OAuthError::temporarily_unavailable("too many unused registrations are kept").retry_after(3_600));
    }
    let client = storage::clients::register(&app.db, asked).await?;
    let name = json!({"client_name": client.metadata.client_name, "redirect_uris": client.metadata.redirect_uris});
    audit::Event::new("registration").client(&client.id).from(address).details(name).record(app).await;
    Ok(client)
}

fn redirect_hosts(client: &Client) -> Vec<String> {
    let host = |uri: &String| match kind(uri) {
        RedirectKind::Https { host } | RedirectKind::Loopback { host } => host,
        RedirectKind::PrivateUse { scheme } => scheme,
    };
    client.metadata.redirect_uris.iter().map(host).collect()
}
