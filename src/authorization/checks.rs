//! The rules for authorization requests of every origin: in a URL, pushed, or from a device.
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
        compared::RedirectUriComparison,
        params::Params,
        resource::{OIDC_SCOPES, Resource, ScopeRequest},
    },
    tokens::id_token,
};

/// Checks the rules whose violation is reported to the client.
pub(super) fn check<'a>(
    app: &'a App,
    params: &Params,
    client: &Client,
) -> Result<(AuthorizationRequest, Vec<&'a Resource>), OAuthError> {
    let request = AuthorizationRequest::parse(params, &client.metadata)?;
    grant_types::check_redeemable(&app.config, client, AUTHORIZATION_CODE)?;
    let resources = resources(app, &request.resources, request.scopes.as_ref(), client)?;
    // Whoever signs in: if no user could grant the request, refuse it before anybody is asked.
    asking(app, client, request.scopes.as_ref(), &resources).is_grantable()?;
    Ok((request, resources))
}

/// Records the outcome of checking a request, at `/authorize` or when it was pushed.
pub(super) fn record(
    app: &App,
    client: Option<&ClientId>,
    error: Option<&OAuthError>,
    compared: Option<&RedirectUriComparison>,
) {
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

/// The value in the request beside the registered value, for the operator's trace and for people who may see it.
pub(super) fn compare(
    app: &App,
    error: &CallbackError,
    params: &Params,
    client: &Client,
) -> Option<RedirectUriComparison> {
    error.compare(params, &client.metadata, |sent| app.masker().text(sent))
}

/// The scopes that this client requests from these resources.
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

/// The requested resources (RFC 8707 §2). A request may name this server itself. If it names no resource and its scopes
/// include `openid` but none that a resource knows, no resource is meant.
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
