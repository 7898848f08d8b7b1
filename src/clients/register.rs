//! Dynamic client registration (RFC 7591): open to strangers within budgets; clients in use are never deleted.
use crate::{
    app::App,
    audit,
    config::{RegistrationPolicy, client_metadata::rules, grant_types},
    error::{ErrorCode, OAuthError},
    events::EventType,
    issuers::statement,
    limits::{source, yields_to},
    model::{Client, ClientId, ClientMetadata, ClientSource, Scopes},
    oauth::{
        client_metadata::{self, ParsedRegistration, parse_registration},
        redirect_uri::{LeftOutUri, RedirectKind, kind},
    },
    secrets::{ClientSecret, Digest, RegistrationAccessToken},
    storage::{
        self,
        clients::RegistrationResult,
        initial_access_tokens::{self, InitialAccessToken},
        registration_access_tokens,
    },
    trace::Verdict,
};
use keyward_limits::source::Source;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::net::IpAddr;
use time::OffsetDateTime;

/// Attempts to make room for a new client.
const MAX_TRIES: u32 = 5;

/// Registers the client described by `body` and answers its effective metadata (RFC 7591 §3.2.1).
pub async fn register(app: &App, body: &[u8], bearer: Option<&str>, address: IpAddr) -> Result<Value, OAuthError> {
    app.trace.success(EventType::DcrRegisterStart, None, "somebody registers a client");
    match judge(app, body, bearer, address).await {
        Ok((client, answer)) => {
            app.trace.success(EventType::DcrRegisterSuccess, Some(&client.id), "the client is on record");
            Ok(answer)
        }
        Err(error) => {
            use ErrorCode::{InvalidClientMetadata, InvalidRedirectUri, InvalidSoftwareStatement};
            let invalid = matches!(error.code, InvalidClientMetadata | InvalidRedirectUri | InvalidSoftwareStatement);
            let event = if invalid { EventType::DcrValidationError } else { EventType::DcrRegisterError };
            app.trace.failure(event, None, &error);
            Err(error)
        }
    }
}

async fn judge(app: &App, body: &[u8], bearer: Option<&str>, address: IpAddr) -> Result<(Client, Value), OAuthError> {
    let now = app.clock.now();
    let permission = allow(app, bearer, now).await?;
    let (body, statement) = statement::apply(app, body, address).await?;
    let ParsedRegistration { metadata, any_secret_method, mut fingerprint, left_out } =
        parse_registration(&body, &rules(&app.config, &grant_types::for_strangers(&app.config)))?;
    let mut asked = Client::new(ClientId::random(), ClientSource::Dcr, metadata, now);
    asked.policy.any_secret_method = any_secret_method;
    if let Some(statement) = statement {
        statement.put_into(&mut asked);
        fingerprint = client_metadata::fingerprint(&asked.metadata, asked.policy.vouched_by.as_deref());
    }
    limit_scope(&mut asked, permission.as_ref().and_then(|token| token.scope.clone()));
    // A registration is not shared with others if its client can change or delete it, or has a limit of its own.
    let shared = !app.config.registration.management && asked.policy.scope_limit.is_none();
    asked.fingerprint = fingerprint.filter(|_| shared);
    let secret = asked.metadata.token_endpoint_auth_method.has_secret().then(ClientSecret::random);
    asked.secret_hash = secret.as_ref().map(ClientSecret::digest);
    let client = match known(app, &asked).await? {
        Some(client) => client,
        None => insert(app, &asked, permission.as_ref(), &left_out, address).await?,
    };
    tell_left_out(app, &client.id, &left_out);
    let token = if app.config.registration.management { Some(management(app, &client).await?) } else { None };
    let answer = information(app, &client, secret.as_ref(), token.as_ref())?;
    Ok((client, answer))
}

/// Records the redirect URIs that were left out, because few developers compare the response (RFC 7591 §3.2.1) with
/// their request.
pub(super) fn tell_left_out(app: &App, client: &ClientId, left_out: &[LeftOutUri]) {
    for LeftOutUri { rule, .. } in left_out {
        let detail = "a redirect URI was left out, the others are registered";
        app.trace.add(
            EventType::DcrRedirectUriLeftOut,
            Some(client),
            detail,
            Verdict::Success,
            Some(rule.clone().into()),
        );
    }
}

/// Adds to an event's details each redirect URI that was left out, with the reason.
pub(super) fn with_left_out(mut details: Value, left_out: &[LeftOutUri]) -> Value {
    if !left_out.is_empty() {
        let shown = |one: &LeftOutUri| json!({"redirect_uri": short(&one.uri), "rule": one.rule});
        details["left_out"] = left_out.iter().map(shown).collect();
    }
    details
}

/// Cuts a stranger's text for the trail.
fn short(uri: &str) -> String {
    uri.chars().take(200).collect()
}

async fn management(app: &App, client: &Client) -> Result<RegistrationAccessToken, OAuthError> {
    let token = RegistrationAccessToken::random();
    registration_access_tokens::insert(&app.db, &token.digest(), &client.id).await?;
    Ok(token)
}

/// The client information response (RFC 7591 §3.2.1, RFC 7592 §3).
pub(super) fn information(
    app: &App,
    client: &Client,
    secret: Option<&ClientSecret>,
    token: Option<&RegistrationAccessToken>,
) -> Result<Value, OAuthError> {
    let mut answer = serde_json::to_value(&client.metadata).map_err(OAuthError::server_error)?;
    answer["client_id"] = json!(client.id);
    answer["client_id_issued_at"] = json!(client.created_at.unix_timestamp());
    if let Some(secret) = secret {
        answer["client_secret"] = json!(secret.expose());
        answer["client_secret_expires_at"] = json!(0);
    }
    if let Some(token) = token {
        answer["registration_access_token"] = json!(token.expose());
        answer["registration_client_uri"] = json!(format!("{}/register/{}", app.config.base(), client.id));
    }
    Ok(answer)
}

/// The initial access token that permits this registration, if it has a limit of uses.
async fn allow(app: &App, bearer: Option<&str>, now: OffsetDateTime) -> Result<Option<InitialAccessToken>, OAuthError> {
    let settings = &app.config.registration;
    match settings.policy {
        RegistrationPolicy::Open => return Ok(None),
        RegistrationPolicy::Token => {}
        RegistrationPolicy::Off => {
            return Err(OAuthError::access_denied("dynamic client registration is switched off"));
        }
    }
    let presented = Digest::of(bearer.ok_or_else(not_permitted)?);
    let configured = settings.initial_access_token.as_ref().map(|token| Digest::of(token.expose_secret()));
    if configured.is_some_and(|configured| presented.matches(&configured)) {
        return Ok(None);
    }
    initial_access_tokens::find(&app.db, &presented, now).await?.map(Some).ok_or_else(not_permitted)
}

fn not_permitted() -> OAuthError {
    OAuthError::invalid_token("registration needs an initial access token")
}

/// Cuts the registered default scopes to the limit.
pub(super) fn limit_scope(client: &mut Client, limit: Option<String>) {
    if let Some(limit) = limit.as_deref().and_then(Scopes::parse) {
        let within = client.registered_scopes().map(|scope| scope.filter(|name| limit.contains(name)));
        client.metadata.scope = within.filter(|scope| !scope.is_empty()).map(|scope| scope.to_string());
    }
    client.policy.scope_limit = limit;
}

/// The same public registration again returns the same client, and costs no budget.
async fn known(app: &App, asked: &Client) -> Result<Option<Client>, OAuthError> {
    let Some(fingerprint) = &asked.fingerprint else { return Ok(None) };
    Ok(storage::clients::seen_again(&app.db, fingerprint, asked.seen_at).await?)
}

async fn insert(
    app: &App,
    asked: &Client,
    permission: Option<&InitialAccessToken>,
    left_out: &[LeftOutUri],
    address: IpAddr,
) -> Result<Client, OAuthError> {
    app.limits.registrations.allow(address, redirect_hosts(&asked.metadata))?;
    let client = store(app, asked, permission, source(address)).await?;
    let name = json!({"client_name": client.metadata.client_name, "redirect_uris": client.metadata.redirect_uris});
    let name = with_left_out(name, left_out);
    audit::Event::new(EventType::Registration).client(&client.id).from(address).details(name).record(&app.audit).await;
    Ok(client)
}

async fn store(
    app: &App,
    asked: &Client,
    permission: Option<&InitialAccessToken>,
    source: Source,
) -> Result<Client, OAuthError> {
    let (from, most) = (source.to_string(), app.config.registration.max_unused.into());
    let permission = permission.map(|token| &token.token_hash);
    // Another request may take the room that was made.
    for _ in 0..MAX_TRIES {
        match storage::clients::register(&app.db, asked, &from, most, permission).await? {
            RegistrationResult::Done(client) => return Ok(*client),
            RegistrationResult::NotPermitted => return Err(not_permitted()),
            RegistrationResult::Full => make_room(app, source).await?,
        }
    }
    Err(OAuthError::overloaded("too many clients register at once").retry_after(1))
}

/// When there are too many unused registrations, deletes the oldest ones of the source that made most. Many are deleted
/// at once, because each time costs a scan of all of them.
async fn make_room(app: &App, newcomer: Source) -> Result<(), OAuthError> {
    let most = (app.config.registration.max_unused / 100).max(1);
    let made = storage::clients::count_unused_by_source(&app.db).await?;
    let greediest = yields_to(newcomer, made).unwrap_or_else(|| newcomer.to_string());
    storage::clients::forget_oldest_unused(&app.db, &greediest, most).await?;
    app.clients.forget_all();
    Ok(())
}

pub(super) fn redirect_hosts(metadata: &ClientMetadata) -> Vec<String> {
    let host = |uri: &String| match kind(uri) {
        RedirectKind::Https { host } | RedirectKind::Loopback { host } => host,
        RedirectKind::PrivateUse { scheme } => scheme,
    };
    metadata.redirect_uris.iter().map(host).collect()
}
