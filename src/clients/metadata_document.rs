//! Clients whose identifier is the URL of their metadata document: fetched for signed-in users, cached while fresh.
use super::keys;
use crate::{
    app::App,
    audit::Event,
    config::{client_metadata::rules, grant_types},
    error::{ErrorCode, OAuthError, ProtocolError},
    events::EventType,
    fetch::{FetchError, FetchedContent},
    limits,
    model::{AuthMethod, Client, ClientId, ClientMetadata, ClientSource, UserId},
    oauth::client_metadata::document::Document,
    storage,
    trace::Verdict,
};
use serde_json::json;
use std::{borrow::Cow, sync::Arc};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

/// Seconds: bounds for the cache time that the host gives its document (OAuth Client ID Metadata Document §4.4).
const MIN_CACHE_SECONDS: u64 = 300;
const MAX_CACHE_SECONDS: u64 = 86_400;

pub enum Resolution {
    Client(Arc<Client>),
    Unknown,
    /// The document has to be fetched, which never happens for anonymous visitors, nor while a user decides.
    AfterSignIn,
}

/// The client with this identifier, for an authorization request. Errors and invalid documents are not cached. While
/// the host is unreachable the last document is used, but no longer than the longest cache time.
pub async fn resolve(app: &App, id: &str, visitor: Option<UserId>) -> Result<Resolution, OAuthError> {
    resolve_for(app, id, visitor.map(Asker::Person)).await
}

/// Finds the client without a fetch: a stored document is used as long as if the host were unreachable.
pub async fn on_record(app: &App, id: &str) -> Result<Resolution, OAuthError> {
    let now = app.clock.now();
    Ok(match app.clients.find(id).await? {
        Some(client) if is_settled(&client, now) || may_serve(&client, now) => Resolution::Client(client),
        None if !app.config.client_metadata_documents.is_url(id) => Resolution::Unknown,
        _ => Resolution::AfterSignIn,
    })
}

/// Fetches the document of a client that a trusted issuer has vouched for. The caller then looks the client up.
pub async fn introduced(app: &App, id: &str) -> Result<(), OAuthError> {
    let resolved = resolve_for(app, id, Some(Asker::Issuer)).await;
    // The token endpoint does not know this error code (RFC 6749 §5.2).
    let known = |error: OAuthError| match error.code {
        ErrorCode::InvalidClientMetadata => OAuthError::invalid_request(error.description),
        _ => error,
    };
    resolved.map(drop).map_err(known)
}

/// Fetches queued documents in the background; the fetcher limits how many at once.
pub async fn refresh_due(app: &Arc<App>) {
    let mut fetches = JoinSet::new();
    for id in app.clients.due.take() {
        let app = app.clone();
        fetches.spawn(async move {
            if let Err(error) = resolve_for(&app, id.as_str(), Some(Asker::Itself)).await {
                tracing::info!(client = %id, %error, "the document could not be fetched again; the stored one stays");
            }
        });
    }
    while fetches.join_next().await.is_some() {}
}

/// The client for authentication with the keys of its document. A stale document is queued for the next time; after a
/// day of failed fetches its keys are no longer trusted.
pub async fn for_proof(app: &App, client: Arc<Client>) -> Result<Option<Arc<Client>>, OAuthError> {
    let now = app.clock.now();
    let proves_itself = client.metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
    if !proves_itself || is_settled(&client, now) {
        return Ok(Some(client));
    }
    if may_serve(&client, now) {
        app.clients.due.add(&client.id);
        return Ok(Some(client));
    }
    match resolve_for(app, client.id.as_str(), Some(Asker::Itself)).await {
        Ok(Resolution::Client(client)) => Ok(Some(client).filter(|client| client.disabled_at.is_none())),
        Ok(Resolution::Unknown | Resolution::AfterSignIn)
        | Err(OAuthError { code: ErrorCode::InvalidRequest | ErrorCode::InvalidClientMetadata, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the client can be used without a fetch.
pub async fn is_known(app: &App, id: &str) -> Result<bool, OAuthError> {
    let now = app.clock.now();
    Ok(app.clients.find(id).await?.is_some_and(|client| is_settled(&client, now)))
}

fn is_settled(client: &Client, now: OffsetDateTime) -> bool {
    client.fresh_until.is_none_or(|until| until > now) || client.disabled_at.is_some()
}

/// Whether a stale document may still be used.
fn may_serve(client: &Client, now: OffsetDateTime) -> bool {
    client.seen_at + Duration::seconds(MAX_CACHE_SECONDS.cast_signed()) > now
}

/// The party on whose behalf something may be fetched.
#[derive(Clone, Copy)]
enum Asker {
    Person(UserId),
    /// An issuer that vouches for it.
    Issuer,
    /// The client itself; anybody can send requests in its name.
    Itself,
}

async fn resolve_for(app: &App, id: &str, asker: Option<Asker>) -> Result<Resolution, OAuthError> {
    let (documents, now) = (&app.config.client_metadata_documents, app.clock.now());
    let settled = |client: &Client| is_settled(client, now);
    let mut known = app.clients.find(id).await?;
    if known.as_ref().is_some_and(|client| !settled(client)) {
        // Another node may have fetched it meanwhile.
        app.clients.forget(&ClientId::from(id));
        known = app.clients.find(id).await?;
    }
    match known {
        Some(client) if settled(&client) => {
            if client.source == ClientSource::Cimd {
                app.trace.success(EventType::CimdFetchCacheHit, Some(&client.id), "the document is fresh");
            }
            return Ok(Resolution::Client(client));
        }
        None if !documents.is_url(id) => return Ok(Resolution::Unknown),
        _ => {}
    }
    let host = documents.host(id)?;
    if !documents.lets_client_in(id) {
        return Err(OAuthError::invalid_client("apps that this host describes are not let in here"));
    }
    let Some(asker) = asker else { return Ok(Resolution::AfterSignIn) };
    let about = Some(&ClientId::from(id));
    let age = if known.is_some() { "the document is out of date" } else { "the document is not known" };
    app.trace.success(EventType::CimdFetchCacheMiss, about, age);
    app.trace.success(EventType::CimdFetchStart, about, "the document is asked for");
    let fetched = fetch(app, id, &host, asker).await;
    let failed = match fetched.and_then(|fetched| Ok((judge(app, id, &fetched)?, fetched.max_age))) {
        Ok((metadata, max_age)) => return store(app, id, metadata, max_age).await,
        Err(failed) => failed,
    };
    failed.record(app, id, asker).await;
    match known.filter(|client| failed.may_pass() && may_serve(client, now)) {
        Some(stale) => Ok(Resolution::Client(stale)),
        None => Err(failed.told()),
    }
}

enum FetchFailure {
    /// Nothing was fetched, because a budget is used up.
    Limited(OAuthError),
    Refused {
        event: EventType,
        /// Shown only in the log and the audit trail: a stranger could use it to explore this server's network.
        rule: Cow<'static, str>,
        may_pass: bool,
        /// Whether the client may see the rule: the document was found and is the client's own, so its author should
        /// learn what to fix.
        is_telling: bool,
    },
}

impl FetchFailure {
    fn refused(event: EventType, rule: impl Into<Cow<'static, str>>, may_pass: bool) -> Self {
        Self::Refused { event, rule: rule.into(), may_pass, is_telling: false }
    }

    fn may_pass(&self) -> bool {
        matches!(self, Self::Limited(_) | Self::Refused { may_pass: true, .. })
    }

    /// Fetch budgets also bound how fast the audit trail grows.
    async fn record(&self, app: &App, id: &str, asker: Asker) {
        let client = ClientId::from(id);
        match self {
            Self::Limited(error) => {
                tracing::warn!(client = id, "cimd_fetch_limited");
                app.trace.failure(EventType::CimdFetchError, Some(&client), error);
            }
            Self::Refused { event, rule, may_pass, .. } => {
                tracing::warn!(client = id, %rule, "{event}");
                // The decision trace only has our own words, so texts of a host or of the operating system are kept out
                // of it.
                let known = if *may_pass { "the host did not answer properly".into() } else { rule.clone() };
                let result = if *event == EventType::CimdSsrfBlocked { Verdict::Blocked } else { Verdict::Failure };
                app.trace.add(*event, Some(&client), "the document cannot be used", result, Some(known));
                let event = Event::new(*event).failed().client(&client).details(json!({ "rule": rule }));
                let event = match asker {
                    Asker::Person(user) => event.user(user),
                    Asker::Issuer | Asker::Itself => event,
                };
                event.record(&app.audit).await;
            }
        }
    }

    /// The error for the client: the same for all failures, except when the client's own document breaks a rule.
    fn told(self) -> OAuthError {
        match self {
            Self::Limited(error) => error,
            Self::Refused { rule, is_telling: true, .. } => OAuthError::invalid_client_metadata(format!(
                "the document that describes this app is not valid: {rule}"
            )),
            Self::Refused { .. } => {
                OAuthError::invalid_request("the document that describes this app is missing or not valid")
            }
        }
    }
}

async fn fetch(app: &App, id: &str, host: &str, asker: Asker) -> Result<Arc<FetchedContent>, FetchFailure> {
    let itself = keys::itself(&ClientId::from(id));
    let allowed = match asker {
        Asker::Person(user) => app.fetch.budget.allow(user, host),
        Asker::Issuer => app.fetch.budget.allow_host(limits::FetchParty::Known(host)),
        Asker::Itself => app.fetch.budget.allow_host(limits::FetchParty::Stranger(host, itself)),
    };
    allowed.map_err(FetchFailure::Limited)?;
    let fetched = match asker {
        Asker::Person(_) | Asker::Issuer => app.fetch.fetcher.json(id).await,
        Asker::Itself => app.fetch.fetcher.json_for_stranger(id, itself).await,
    };
    fetched.map_err(|error| match error {
        FetchError::Forbidden(rule) => FetchFailure::refused(EventType::CimdSsrfBlocked, rule, false),
        FetchError::Unacceptable(rule) => FetchFailure::refused(EventType::CimdFetchError, rule, false),
        FetchError::Unavailable(cause) => FetchFailure::refused(EventType::CimdFetchError, cause, true),
    })
}

fn judge(app: &App, id: &str, fetched: &FetchedContent) -> Result<ClientMetadata, FetchFailure> {
    let refused = |is_telling| {
        move |error: ProtocolError| {
            let event = EventType::CimdValidationError;
            FetchFailure::Refused { event, rule: error.description, may_pass: false, is_telling }
        }
    };
    let document = Document::parse(id, &fetched.body).map_err(refused(false))?;
    let names_method = document.names_method();
    let metadata =
        document.metadata(&rules(&app.config, &grant_types::for_documents(&app.config))).map_err(refused(true))?;
    if !names_method {
        // SEP-3149 of MCP
        let rule =
            "the document names no method in token_endpoint_auth_methods_supported: that means none until MCP ends it";
        app.trace.warning(EventType::CimdNoAuthMethod, Some(&ClientId::from(id)), rule);
    }
    Ok(metadata)
}

async fn store(app: &App, id: &str, metadata: ClientMetadata, max_age: u64) -> Result<Resolution, OAuthError> {
    app.trace.success(EventType::CimdFetchSuccess, Some(&ClientId::from(id)), "the document is valid");
    let now = app.clock.now();
    let fresh_for = max_age.clamp(MIN_CACHE_SECONDS, MAX_CACHE_SECONDS).cast_signed();
    let client = Client {
        fresh_until: Some(now + Duration::seconds(fresh_for)),
        ..Client::new(ClientId::from(id), ClientSource::Cimd, metadata, now)
    };
    let described_by = app.config.client_metadata_documents.publisher(id)?;
    storage::clients::put_document(&app.db, &client, &described_by.key()).await?;
    app.clients.forget(&client.id);
    Ok(app.clients.find(id).await?.map_or(Resolution::Unknown, Resolution::Client))
}
