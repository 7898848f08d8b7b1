//! The rules of an authorization request, wherever it came from: in a URL, pushed, or from a device.
use crate::{
    app::App,
    config::grant_types,
    error::OAuthError,
    events::EventType,
    model::{
        Client, ClientId, Scopes,
        grant_type::{AUTHORIZATION_CODE, REFRESH_TOKEN},
    },
    oauth::{
        authorization_request::{AuthorizationRequest, CallbackError},
        compared::Compared,
        params::Params,
        resource::{OIDC_SCOPES, Resource, ScopeRequest},
    },
    tokens::id_token,
};

/// What is wrong here is told to the client.
pub(super) fn check<'a>(
    app: &'a App,
    params: &Params,
    client: &Client,
) -> Result<(AuthorizationRequest, Vec<&'a Resource>), OAuthError> {
    let request = AuthorizationRequest::parse(params, &client.metadata)?;
    grant_types::check_redeemable(&app.config, client, AUTHORIZATION_CODE)?;
    let resources = resources(app, &request.resources, request.scopes.as_ref(), client)?;
    // Whoever signs in: if nobody could be asked for this, say so now.
    asking(app, client, request.scopes.as_ref(), &resources).is_grantable()?;
    Ok((request, resources))
}

/// What came of looking at a request, here or when it was pushed.
pub(super) fn record(app: &App, client: Option<&ClientId>, error: Option<&OAuthError>, compared: Option<&Compared>) {
    let Some(error) = error else {
        return app.trace.success(EventType::AuthorizeRequestValidation, client, "nothing is wrong with the request");
    };
    let mismatch = compared.is_some_and(|compared| compared.sent.is_some());
    let event = if mismatch { EventType::AuthorizeRedirectUriMismatch } else { EventType::AuthorizeRequestValidation };
    match compared {
        Some(compared) => app.trace.compared(event, client, error, compared),
        None => app.trace.failure(event, client, error),
    }
}

/// What was sent beside what is registered: for the operator, who reads the trace, and for people who may see it.
pub(super) fn compare(app: &App, error: &CallbackError, params: &Params, client: &Client) -> Option<Compared> {
    error.compare(params, &client.metadata, |sent| app.masker().text(sent))
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
        default: client.registered_scopes().unwrap_or_default(),
        limit: client.scope_limit(),
        refreshes: grant_types::is_open_to(&app.config, client, REFRESH_TOKEN),
        resources,
    }
}

/// The user that `id_token_hint` is about, if the request has one.
pub async fn hinted_subject(
    app: &App,
    request: &AuthorizationRequest,
    client: &Client,
) -> Result<Option<String>, OAuthError> {
    let Some(hint) = &request.id_token_hint else { return Ok(None) };
    let sub = id_token::subject(app, hint, client).await?;
    sub.map(Some).ok_or_else(|| OAuthError::invalid_request("id_token_hint is no ID token issued to this client"))
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
    let scopes = scopes.cloned().or_else(|| client.registered_scopes()).unwrap_or_default();
    let of_a_resource = |scope: &str| app.resources.iter().any(|resource| resource.scope(scope).is_some());
    let only_openid =
        scopes.contains("openid") && scopes.iter().all(|scope| OIDC_SCOPES.contains(&scope) || !of_a_resource(scope));
    if others.is_empty() && (only_openid || !named.is_empty()) {
        return Ok(vec![]);
    }
    app.resources.select(&others)
}
