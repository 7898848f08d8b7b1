//! Client authentication (RFC 6749 §2.3, OAuth 2.1 §2.4): by `none`, secret or signed assertion.
use super::{keys, metadata_document};
use crate::{
    app::App,
    audit::WrongTry,
    error::OAuthError,
    events::{AccountKind, FailureReason},
    model::{AuthMethod, Client, ClientId, ClientSource},
    oauth::{
        basic::Basic,
        client_assertion::{self, ClientAssertion},
        client_id,
        params::Params,
        resource::Resource,
    },
    secrets::{ClientSecret, Digest},
    storage::used_assertions::{self, Assertion},
};
use std::{net::IpAddr, sync::Arc};
use time::OffsetDateTime;

/// The credentials in the request; at most one method (RFC 6749 §2.3).
enum Credentials<'a> {
    Basic(Basic),
    Post { id: &'a str, secret: &'a str },
    Identified { id: &'a str },
    Assertion { id: Option<&'a str>, assertion: ClientAssertion<'a> },
}

impl<'a> Credentials<'a> {
    fn parse(authorization: Option<&str>, params: &'a Params) -> Result<Self, OAuthError> {
        let (id, secret) = (params.get("client_id")?, params.get("client_secret")?);
        if params.count("client_assertion") + params.count("client_assertion_type") > 0 {
            return match (authorization, secret) {
                (None, None) => Self::parse_assertion(id, params),
                _ => Err(two_methods()),
            };
        }
        match (authorization, id, secret) {
            (Some(_), _, Some(_)) => Err(two_methods()),
            (Some(header), ..) => {
                Basic::parse(header).map(Self::Basic).map_err(|_| OAuthError::invalid_client("malformed Basic header"))
            }
            (None, Some(id), Some(secret)) => Ok(Self::Post { id, secret }),
            (None, Some(id), None) => Ok(Self::Identified { id }),
            (None, None, _) => Err(OAuthError::invalid_client("client_id or an Authorization header is missing")),
        }
    }

    /// RFC 7521 §4.2.
    fn parse_assertion(id: Option<&'a str>, params: &'a Params) -> Result<Self, OAuthError> {
        if params.get("client_assertion_type")? != Some(client_assertion::TYPE) {
            return Err(OAuthError::invalid_client("client_assertion_type is missing or not supported"));
        }
        let assertion = params.get("client_assertion")?;
        let assertion = assertion.ok_or_else(|| OAuthError::invalid_client("client_assertion is missing"))?;
        let assertion = ClientAssertion::parse(assertion).map_err(OAuthError::invalid_client)?;
        Ok(Self::Assertion { id, assertion })
    }
}

fn two_methods() -> OAuthError {
    OAuthError::invalid_request("use one client authentication method, not two (RFC 6749 section 2.3)")
}

fn refused() -> OAuthError {
    // An unknown client, a disabled client and wrong credentials must give the same error (RFC 6749 §5.2).
    OAuthError::invalid_client("unknown client, or its authentication failed")
}

/// An assertion that is valid unless it was used before; whoever uses it up finds that out.
pub struct PresentedAssertion {
    client: ClientId,
    jti: Digest,
    expires_at: OffsetDateTime,
}

impl PresentedAssertion {
    /// The parts of the assertion that storage uses up together with another change.
    #[must_use]
    pub fn to_spend(&self) -> Assertion<'_> {
        (&self.client, &self.jti, self.expires_at)
    }

    #[must_use]
    pub fn used_before(&self) -> OAuthError {
        refuse(self.client.as_str(), "it was used before")
    }
}

/// Finds the client and authenticates it. Nothing is used up before this succeeds.
pub async fn client(
    app: &App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<Arc<Client>, OAuthError> {
    let (client, assertion) = judge(app, authorization, params, address).await?;
    if let Some(assertion) = assertion
        && !used_assertions::insert(&app.db, assertion.to_spend()).await?
    {
        return Err(assertion.used_before());
    }
    Ok(client)
}

/// As [`client`], for requests that may still fail without using anything up: an assertion that was used before is
/// refused now, and a fresh one is returned, to be used up together with the later change.
pub async fn client_to_spend(
    app: &App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<(Arc<Client>, Option<PresentedAssertion>), OAuthError> {
    let (client, assertion) = judge(app, authorization, params, address).await?;
    match assertion {
        Some(used) if used_assertions::contains(&app.db, used.to_spend()).await? => Err(used.used_before()),
        unused => Ok((client, unused)),
    }
}

async fn judge(
    app: &App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<(Arc<Client>, Option<PresentedAssertion>), OAuthError> {
    let credentials = Credentials::parse(authorization, params)?;
    let client = match &credentials {
        Credentials::Identified { id } => identified(app, id).await?.ok_or_else(refused)?,
        Credentials::Assertion { id, assertion } => {
            if id.is_some_and(|id| id != assertion.client_id) {
                return Err(OAuthError::invalid_client("client_id and the assertion name different clients"));
            }
            let (client, presented) = with_assertion(app, assertion, address).await?;
            return Ok((client, Some(presented)));
        }
        Credentials::Post { id, secret } => {
            with_secret(app, &[(id, secret)], AuthMethod::ClientSecretPost, address).await?
        }
        Credentials::Basic(basic) => {
            let candidates: Vec<_> = basic.candidates().collect();
            let client = if basic.names_only() {
                named(app, &candidates).await?
            } else {
                with_secret(app, &candidates, AuthMethod::ClientSecretBasic, address).await?
            };
            if params.get("client_id")?.is_some_and(|id| id != client.id.as_str()) {
                let rule = "client_id and the Authorization header name different clients";
                return Err(OAuthError::invalid_client(rule));
            }
            client
        }
    };
    Ok((client, None))
}

/// A public client, which cannot authenticate.
async fn identified(app: &App, id: &str) -> Result<Option<Arc<Client>>, OAuthError> {
    let client = app.clients.find(id).await?.filter(|client| client.disabled_at.is_none());
    Ok(client.filter(|client| client.is_public()))
}

/// Some clients without a secret send `Basic` with nothing after the colon: that only identifies them.
async fn named(app: &App, candidates: &[(&str, &str)]) -> Result<Arc<Client>, OAuthError> {
    for (id, _) in candidates {
        if let Some(client) = identified(app, id).await? {
            return Ok(client);
        }
    }
    Err(refused())
}

async fn with_secret(
    app: &App,
    candidates: &[(&str, &str)],
    method: AuthMethod,
    address: IpAddr,
) -> Result<Arc<Client>, OAuthError> {
    let mut refused_client = None;
    for (id, secret) in candidates {
        let client = app.clients.find(id).await?;
        let presented = ClientSecret::presented(secret).digest();
        // Compared even without a stored digest, so that the time reveals nothing.
        let nothing = Digest::of("");
        let mut matches = false;
        for slot in 0..2 {
            let expected = client.as_deref().and_then(|client| client.secret_hashes()[slot]);
            matches |= presented.matches(expected.unwrap_or(&nothing)) & expected.is_some();
        }
        let Some(client) = client else { continue };
        let reason = match () {
            () if !matches => FailureReason::WrongSecret,
            () if client.disabled_at.is_some() => FailureReason::Disabled,
            () if !accepts(&client, method) => FailureReason::OtherMethod,
            () => return Ok(client),
        };
        refused_client = Some((client, reason));
    }
    // A right secret always passes; only wrong ones are throttled (RFC 6749 §2.3.1).
    let account = candidates.first().map_or("", |(id, _)| id);
    if app.limits.guesses.wrong(AccountKind::Client, account, address)? {
        let client = refused_client.as_ref().map(|(client, _)| &client.id);
        let reason = refused_client.as_ref().map_or(FailureReason::Unknown, |(_, reason)| *reason);
        let wrong = WrongTry { kind: AccountKind::Client, account, user: None, client, reason, address };
        wrong.begins_wait(&app.audit).await;
    }
    Err(refused())
}

fn refuse(client: &str, rule: &'static str) -> OAuthError {
    tracing::info!(client, rule, "client_assertion_refused");
    refused()
}

/// RFC 7523 §3: everything is checked before the `jti` is used up.
async fn with_assertion(
    app: &App,
    assertion: &ClientAssertion<'_>,
    address: IpAddr,
) -> Result<(Arc<Client>, PresentedAssertion), OAuthError> {
    let refuse = |rule| refuse(&assertion.client_id, rule);
    let client = app.clients.find(&assertion.client_id).await?.filter(|client| client.disabled_at.is_none());
    let client = client.ok_or_else(|| refuse("the client is unknown or disabled"))?;
    if !app.config.client_authentication.private_key_jwt {
        return Err(refuse("private_key_jwt is switched off"));
    }
    let other_audiences = other_audiences(app, &client);
    let audiences: Vec<_> = [&app.config.issuer].into_iter().chain(&other_audiences).map(String::as_str).collect();
    let once = assertion.check(&audiences, app.clock.now().unix_timestamp()).map_err(refuse)?;
    // Keys are only fetched for an assertion that is right except for its signature, which is not checked yet.
    let client = metadata_document::for_proof(app, client).await?;
    let client = client.ok_or_else(|| refuse("the document of the client is gone"))?;
    if !keys::have_signed(app, &client, assertion.jws(), address).await? {
        return Err(refuse("none of the client's keys signed it"));
    }
    // Each used assertion is stored as a row, and any stranger can be such a client, so there is a budget.
    if client.source != ClientSource::Seed {
        app.limits.assertions.allow(keys::itself(&client.id))?;
    }
    let presented =
        PresentedAssertion { client: client.id.clone(), jti: Digest::of(&once.jti), expires_at: once.expires_at };
    Ok((client, presented))
}

/// RFC 7523 allowed the token endpoint as audience, and some URL libraries add a slash to a bare host.
fn other_audiences(app: &App, client: &Client) -> Vec<String> {
    let documents = &app.config.client_metadata_documents;
    let by_host = || client_id::host(client.id.as_str()).is_ok_and(|host| documents.may_address_token_endpoint(&host));
    let by_document = client.source == ClientSource::Cimd && by_host();
    if !client.policy.token_endpoint_audience && !by_document {
        return vec![];
    }
    vec![format!("{}/token", app.config.base()), format!("{}/", app.config.issuer)]
}

fn accepts(client: &Client, method: AuthMethod) -> bool {
    let registered = client.metadata.token_endpoint_auth_method;
    client.disabled_at.is_none()
        && (registered == method || (client.policy.any_secret_method && registered.has_secret()))
}

fn unauthenticated() -> OAuthError {
    OAuthError::invalid_client("introspection needs client authentication")
}

/// The party that may introspect (RFC 7662 §2.1): a resource server with its own credentials, or a confidential client.
pub enum Introspector<'a> {
    ResourceServer(&'a Resource),
    Client(Arc<Client>),
}

pub async fn introspector<'a>(
    app: &'a App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<Introspector<'a>, OAuthError> {
    let credentials = Credentials::parse(authorization, params)?;
    let candidates: Vec<_> = match &credentials {
        Credentials::Basic(basic) if basic.names_only() => return Err(unauthenticated()),
        Credentials::Basic(basic) => basic.candidates().collect(),
        Credentials::Post { id, secret } => vec![(*id, *secret)],
        Credentials::Assertion { .. } => vec![],
        Credentials::Identified { .. } => return Err(unauthenticated()),
    };
    for (id, secret) in candidates {
        let known = app.resources.iter().find(|resource| {
            resource.introspection.as_ref().is_some_and(|own| own.id == id && own.secret.matches(&Digest::of(secret)))
        });
        if let Some(resource) = known {
            return Ok(Introspector::ResourceServer(resource));
        }
    }
    client(app, authorization, params, address).await.map(Introspector::Client)
}
