//! An authorization request, judged from its raw query: the URL is the only state, and is read again at each step.
use crate::{
    app::App,
    authorization::pushed_request,
    clients::metadata_document::{Resolved, on_record, resolve},
    error::{OAuthError, ProtocolError},
    events::EventType,
    grants::{self, authorization_code, refresh_token},
    model::{Client, ClientId, Role, Scopes, UserId},
    oauth::{
        authorization_request::{AuthorizationRequest, Callback, REDIRECT_URI_MISMATCH},
        compared::Compared,
        params::Params,
        resource::{Grantable, OIDC_SCOPES, Resource, ScopeRequest},
    },
    secrets::Digest,
    tokens::id_token,
};
use std::sync::Arc;

pub struct Judged<'a> {
    pub client: Arc<Client>,
    pub callback: Callback,
    pub request: AuthorizationRequest,
    /// Empty when only our own claims about the user are asked for: then the audience is ourselves.
    pub resources: Vec<&'a Resource>,
    /// Of the `request_uri`, if the request was pushed (RFC 9126): good until the user has decided.
    pub pushed: Option<Digest>,
}

/// Who sent the request.
#[derive(Clone, Copy)]
pub enum Visitor {
    Nobody,
    Person(UserId),
    /// Somebody who decides about what a page showed: nothing is fetched meanwhile.
    Decider,
}

/// Who is told what is wrong (RFC 6749 §4.1.2.1).
pub enum Refusal {
    /// The client or its redirect URI is not proven: nothing may be sent there.
    ToUser(OAuthError),
    /// The same, where the redirect URI is not the client's own.
    ElsewhereThanRegistered {
        client: Arc<Client>,
        error: OAuthError,
        compared: Compared,
    },
    ToClient {
        client: Arc<Client>,
        callback: Callback,
        error: OAuthError,
    },
    /// Nothing is wrong yet; who the client is can only be found out once somebody signed in.
    AfterSignIn,
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::ToUser(error)
    }
}

impl<'a> Judged<'a> {
    /// A reference to a pushed request is read as what was pushed.
    pub async fn parse(app: &'a App, query: &str, visitor: Visitor) -> Result<Self, Refusal> {
        let mut client = None;
        let judged = Self::read(app, query, visitor, &mut client).await;
        match &judged {
            Ok(_) => record(app, client.as_ref(), None, None),
            Err(Refusal::ElsewhereThanRegistered { error, compared, .. }) => {
                record(app, client.as_ref(), Some(error), Some(compared));
            }
            Err(Refusal::ToUser(error) | Refusal::ToClient { error, .. }) => {
                record(app, client.as_ref(), Some(error), None);
            }
            Err(Refusal::AfterSignIn) => {}
        }
        judged
    }

    /// `known` becomes the client as soon as it is found.
    async fn read(app: &'a App, query: &str, visitor: Visitor, known: &mut Option<ClientId>) -> Result<Self, Refusal> {
        let asked = Params::parse(query.as_bytes())?;
        let (params, pushed) = match pushed_request::find(app, &asked).await? {
            Some((params, hash)) => (params, Some(hash)),
            None => (asked.clone(), None),
        };
        let id = asked.require("client_id")?;
        let resolved = match visitor {
            Visitor::Nobody => resolve(app, id, None).await?,
            Visitor::Person(user) => resolve(app, id, Some(user)).await?,
            Visitor::Decider => on_record(app, id).await?,
        };
        let client = match resolved {
            Resolved::Client(client) if client.disabled_at.is_none() => client,
            Resolved::AfterSignIn if params.get("prompt")? == Some("none") => {
                return Err(OAuthError::login_required("nobody is signed in").into());
            }
            Resolved::AfterSignIn => return Err(Refusal::AfterSignIn),
            Resolved::Client(_) | Resolved::Unknown => {
                let sentence = "no such app is known here, or it is disabled";
                return Err(OAuthError::invalid_client(sentence).into());
            }
        };
        *known = Some(client.id.clone());
        let callback = match Callback::resolve(&params, &client.metadata) {
            Ok(callback) => callback,
            Err(error) => {
                let error = OAuthError::from(error);
                let compared = compare(app, &error, &params, &client);
                return Err(match compared {
                    Some(compared) => Refusal::ElsewhereThanRegistered { client, error, compared },
                    None => error.into(),
                });
            }
        };
        let details = match &pushed {
            None if must_push(app, &client) => {
                Err(OAuthError::invalid_request("the request must be pushed first (RFC 9126 section 4)"))
            }
            _ => Self::details(app, &params, &client),
        };
        match details {
            Ok((request, resources)) => Ok(Self { client, callback, request, resources, pushed }),
            Err(error) => Err(Refusal::ToClient { client, callback, error }),
        }
    }

    /// What is wrong here is told to the client.
    pub(super) fn details(
        app: &'a App,
        params: &Params,
        client: &Client,
    ) -> Result<(AuthorizationRequest, Vec<&'a Resource>), OAuthError> {
        let request = AuthorizationRequest::parse(params, &client.metadata)?;
        grants::check_redeemable(&app.config, client, authorization_code::NAME)?;
        let resources = resources(app, &request.resources, request.scopes.as_ref(), client)?;
        // Whoever signs in: if nobody could be asked for this, say so now.
        asking(app, client, request.scopes.as_ref(), &resources).is_grantable()?;
        Ok((request, resources))
    }

    /// What a user of this role would be asked to grant.
    pub fn grantable(&self, app: &App, role: Role) -> Result<Grantable, OAuthError> {
        asking(app, &self.client, self.request.scopes.as_ref(), &self.resources).grantable(role)
    }

    #[must_use]
    pub fn refuse(self, error: OAuthError) -> Refusal {
        Refusal::ToClient { client: self.client, callback: self.callback, error }
    }
}

/// What came of looking at a request, here or when it was pushed.
pub(super) fn record(app: &App, client: Option<&ClientId>, error: Option<&OAuthError>, compared: Option<&Compared>) {
    let Some(error) = error else {
        return app.trace.success(EventType::AuthorizeRequestValidation, client, "nothing is wrong with the request");
    };
    let mismatch = error.description == REDIRECT_URI_MISMATCH;
    let event = if mismatch { EventType::AuthorizeRedirectUriMismatch } else { EventType::AuthorizeRequestValidation };
    match compared {
        Some(compared) => app.trace.compared(event, client, error, compared),
        None => app.trace.failure(event, client, error),
    }
}

/// For the operator, who reads it in the trace, and for whoever may see what is registered.
pub(super) fn compare(app: &App, error: &OAuthError, params: &Params, client: &Client) -> Option<Compared> {
    Callback::compare(&error.description, params, &client.metadata, |sent| app.masker.text(sent))
}

/// The server's policy or the client's own (RFC 9126 §5 and §6).
fn must_push(app: &App, client: &Client) -> bool {
    let settings = &app.config.authorization;
    settings.require_pushed_requests
        || (settings.pushed_requests && client.metadata.require_pushed_authorization_requests)
}

/// What this client asks for with these scopes of these resources.
pub(super) fn asking<'a>(
    app: &App,
    client: &Client,
    requested: Option<&Scopes>,
    resources: &'a [&'a Resource],
) -> ScopeRequest<'a> {
    ScopeRequest {
        requested: requested.cloned().unwrap_or_default(),
        default: registered_scopes(client).unwrap_or_default(),
        limit: limit(client),
        refreshes: grants::is_open_to(&app.config, client, refresh_token::NAME),
        resources,
    }
}

/// The most a client is ever granted; `None` sets no limit.
#[must_use]
pub fn limit(client: &Client) -> Option<Scopes> {
    client.metadata.scope_limit.as_deref().and_then(Scopes::parse)
}

/// What is left of these, at this resource, for a client that is never granted more than its limit.
pub fn within_limit(client: &Client, resource: &Resource, scopes: Scopes) -> Result<Scopes, OAuthError> {
    let Some(limit) = limit(client) else { return Ok(scopes) };
    let limit = resource.reach(&limit);
    let left = scopes.filter(|scope| limit.contains(scope));
    if left.is_empty() {
        return Err(OAuthError::invalid_scope("none of the scopes is open to this client"));
    }
    Ok(left)
}

/// Whom `id_token_hint` is about, if the request has one.
pub async fn hinted_subject(
    app: &App,
    request: &AuthorizationRequest,
    client: &Client,
) -> Result<Option<String>, OAuthError> {
    let Some(hint) = &request.id_token_hint else { return Ok(None) };
    let sub = id_token::subject(app, hint, client).await?;
    sub.map(Some).ok_or_else(|| OAuthError::invalid_request("id_token_hint is no ID token issued to this client"))
}

/// What it asks for when it asks for nothing (RFC 7591 §2).
#[must_use]
pub fn registered_scopes(client: &Client) -> Option<Scopes> {
    client.metadata.scope.as_deref().and_then(Scopes::parse)
}

/// RFC 8707 §2. Ourselves may be named; and when of all that is asked for only OpenID Connect's scopes mean
/// something, nobody else is meant.
pub fn resources<'a>(
    app: &'a App,
    named: &[String],
    scopes: Option<&Scopes>,
    client: &Client,
) -> Result<Vec<&'a Resource>, OAuthError> {
    let others: Vec<_> = named.iter().filter(|one| **one != app.config.issuer).cloned().collect();
    if named.is_empty() && scopes.is_some_and(|asked| app.resources.reaches_elsewhere(asked)) {
        return Err(OAuthError::invalid_scope("scope is of a resource that is not named (RFC 8707 section 2)"));
    }
    let scopes = scopes.cloned().or_else(|| registered_scopes(client)).unwrap_or_default();
    let of_a_resource = |scope: &str| app.resources.iter().any(|resource| resource.scope(scope).is_some());
    let only_openid =
        scopes.contains("openid") && scopes.iter().all(|scope| OIDC_SCOPES.contains(&scope) || !of_a_resource(scope));
    if others.is_empty() && (only_openid || !named.is_empty()) {
        return Ok(vec![]);
    }
    app.resources.select(&others)
}
