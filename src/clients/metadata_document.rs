//! Clients whose identifier is the URL of their metadata document: fetched for who signed in, kept while fresh.
use super::register::rules;
use crate::{
    app::App,
    error::OAuthError,
    fetch::{FetchError, Fetched},
    grants,
    model::{Client, ClientId, ClientSource, UserId},
    oauth::client_metadata::document::parse_document,
    storage,
};
use std::sync::Arc;
use time::Duration;

/// A document is fetched again after the time its host gave it, within these bounds (OAuth Client ID Metadata
/// Document §4.4).
const SHORTEST: u64 = 300;
const LONGEST: u64 = 86_400;

pub enum Resolved {
    Client(Arc<Client>),
    Unknown,
    /// The document has to be fetched, which we do for no anonymous visitor.
    AfterSignIn,
}

/// The client with this identifier, for an authorization request. Errors and invalid documents are never kept. While
/// the host is not to be reached the last document serves, but no longer than the longest a document may be kept.
pub async fn resolve(app: &App, id: &str, visitor: Option<UserId>) -> Result<Resolved, OAuthError> {
    resolve_for(app, id, visitor.map(Asker::Person)).await
}

/// The same for a client that an issuer we trust has vouched for; whether there is one, is for others to find out.
pub async fn introduced(app: &App, id: &str) -> Result<(), OAuthError> {
    resolve_for(app, id, Some(Asker::Issuer)).await.map(drop)
}

/// On whose behalf something may be fetched.
#[derive(Clone, Copy)]
enum Asker {
    Person(UserId),
    Issuer,
}

async fn resolve_for(app: &App, id: &str, visitor: Option<Asker>) -> Result<Resolved, OAuthError> {
    let (documents, now) = (&app.config.client_metadata_documents, app.clock.now());
    let settled = |client: &Client| client.fresh_until.is_none_or(|until| until > now) || client.disabled_at.is_some();
    let mut known = app.clients.find(id).await?;
    if known.as_ref().is_some_and(|client| !settled(client)) {
        // Another node may have fetched it since.
        app.clients.forget(&ClientId::from(id));
        known = app.clients.find(id).await?;
    }
    match known {
        Some(client) if settled(&client) => return Ok(Resolved::Client(client)),
        None if !documents.is_url(id) => return Ok(Resolved::Unknown),
        _ => {}
    }
    let host = documents.host(id)?;
    if !documents.lets_client_in(id) {
        return Err(OAuthError::invalid_client("apps that this host describes are not let in here"));
    }
    let Some(visitor) = visitor else { return Ok(Resolved::AfterSignIn) };
    let failed = match fetch(app, id, &host, visitor).await {
        Ok(fetched) => return store(app, id, &fetched).await,
        Err(failed) => failed,
    };
    match known.filter(|client| failed.may_pass && client.seen_at + Duration::seconds(LONGEST.cast_signed()) > now) {
        Some(stale) => Ok(Resolved::Client(stale)),
        None => Err(failed.error),
    }
}

struct Failed {
    /// The same whatever the host did.
    error: OAuthError,
    may_pass: bool,
}

async fn fetch(app: &App, id: &str, host: &str, visitor: Asker) -> Result<Arc<Fetched>, Failed> {
    let allowed = match visitor {
        Asker::Person(user) => app.fetches.allow(user, host),
        Asker::Issuer => app.fetches.allow_host(host),
    };
    allowed.map_err(|error| {
        tracing::warn!(client = id, "cimd_fetch_limited");
        Failed { error, may_pass: true }
    })?;
    app.fetcher.json(id).await.map_err(|error| {
        if let FetchError::Forbidden(rule) = error {
            tracing::warn!(client = id, rule, "cimd_ssrf_blocked");
        } else {
            tracing::warn!(client = id, %error, "cimd_fetch_error");
        }
        Failed {
            error: OAuthError::invalid_request("the document that describes this app cannot be fetched"),
            may_pass: matches!(error, FetchError::Unavailable(_)),
        }
    })
}

async fn store(app: &App, id: &str, fetched: &Fetched) -> Result<Resolved, OAuthError> {
    let metadata =
        parse_document(id, &fetched.body, &rules(app, &grants::for_documents(&app.config))).map_err(|error| {
            tracing::warn!(client = id, rule = %error.description, "cimd_validation_error");
            let description = format!("the document that describes this app is not valid: {}", error.description);
            OAuthError::invalid_client_metadata(description)
        })?;
    tracing::debug!(client = id, "cimd_fetch_success");
    let now = app.clock.now();
    let fresh_for = fetched.max_age.clamp(SHORTEST, LONGEST).cast_signed();
    let client = Client {
        id: ClientId::from(id),
        source: ClientSource::Cimd,
        metadata,
        secret_hash: None,
        previous_secret_hash: None,
        fingerprint: None,
        created_at: now,
        seen_at: now,
        disabled_at: None,
        fresh_until: Some(now + Duration::seconds(fresh_for)),
    };
    storage::clients::put_document(&app.db, &client).await?;
    app.clients.forget(&client.id);
    Ok(app.clients.find(id).await?.map_or(Resolved::Unknown, Resolved::Client))
}
