//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1): a trusted issuer identifies the user
//! behind the client (Identity Assertion JWT Authorization Grant §4.4), or the workload that acts for itself.
use super::grant_type::{GrantType, UnidentifiedRequest};
use crate::{
    app::App,
    audit,
    clients::metadata_document,
    clock,
    config::Workload,
    error::{ErrorCode, OAuthError},
    events::EventType,
    issuers::{identity::IdentityAssertion, workload},
    model::{Client, ClientSource, Grant, GrantId, Role, Scopes, User, grant_type::JWT_BEARER},
    oauth::{
        client_id,
        jws::Jws,
        params::Params,
        resource::{OIDC_SCOPES, Resource, ScopeRequest},
    },
    people::subject,
    secrets::{self, Digest},
    storage::grants,
    tokens::{Issuance, TokenRequest, TokenResponse},
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use time::{Duration, OffsetDateTime};

pub const GRANT_TYPE: GrantType = GrantType {
    parameters: &[("assertion", false, "Of the grant by JWT (RFC 7523).")],
    identify: Some(|request| Box::pin(identify(request))),
    exchange: |request| Box::pin(exchange(request)),
};

/// Runs before client authentication, because the assertion may be all that identifies a workload, or may vouch for a
/// client that is not on record yet.
async fn identify(request: UnidentifiedRequest<'_>) -> Result<Option<Arc<Client>>, OAuthError> {
    let UnidentifiedRequest { app, authorization, params, address } = request;
    let Some(assertion) = params.get("assertion")? else { return Ok(None) };
    let workload = workload::identify(app, authorization, params, address).await?;
    if workload.is_none() {
        introduce(app, assertion, address).await?;
    }
    Ok(workload)
}

/// Fetches the metadata document of a client that is not on record yet, once an issuer has vouched for it. All other
/// errors are left to the later checks.
async fn introduce(app: &App, text: &str, address: IpAddr) -> Result<(), OAuthError> {
    let Ok(jws) = Jws::parse(text) else { return Ok(()) };
    let Some(claimed) = jws.claim("client_id").filter(|id| client_id::is_url(id)) else { return Ok(()) };
    // The client is known, and the grant verifies the assertion itself.
    if metadata_document::is_known(app, claimed).await? {
        return Ok(());
    }
    match IdentityAssertion::verify(app, text, address).await {
        Ok(assertion) => metadata_document::introduced(app, &assertion.says.client_id).await,
        // If the signature cannot be checked at the moment, the client must not be told that it is unknown.
        Err(error) if error.code == ErrorCode::TemporarilyUnavailable => Err(error),
        Err(_) => Ok(()),
    }
}

pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    match workload::rule_of(request.app, request.client) {
        // The assertion was verified when it identified this client.
        Some(rule) => for_workload(request, rule).await,
        None => for_person(request).await,
    }
}

/// The workload acts for itself, as with `client_credentials`.
async fn for_workload(request: TokenRequest<'_>, rule: &Workload) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, params, .. } = request;
    let known = |identifier: &str| app.resources.find(identifier).map(|resource| resource.identifier.as_str());
    let mut own: Vec<_> = rule.resources.iter().filter_map(|own| known(own)).collect();
    if own.is_empty() {
        own.extend(app.resources.default().map(|default| default.identifier.as_str()));
    }
    if params.all("resource").any(|asked| known(asked).is_some_and(|asked| !own.contains(&asked))) {
        return Err(OAuthError::invalid_target("resource is not open to this workload"));
    }
    Issuance::for_client(request)?.proven(app).await?.issue(app, None, None).await
}

/// An assertion yields one grant, however often it is presented: after a revocation it yields nothing. There is no
/// refresh token (§4.4.3), because the issuer is to be asked again.
async fn for_person(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, params, address, .. } = request;
    let assertion = IdentityAssertion::verify(app, params.require("assertion")?, address).await?;
    check(request, &assertion)?;
    let resources = resources(app, &assertion)?;
    let name = Digest::of(json!([assertion.says.issuer, assertion.once.jti]).to_string());
    // The loser of a race to insert the grant finds the winner's row in the next round.
    for _ in 0..3 {
        let before = grants::find_by_decision(&app.db, &name).await?;
        // Read after the grant: whoever inserted the grant had stored its subject before.
        let subject = subject::find(app, &assertion).await?;
        if let Some(before) = &before {
            check_again(&assertion, before, &subject.user, app.clock.now())?;
        }
        let grant = grant(request, &assertion, &resources, &subject.user, before.as_ref())?;
        let asked = asked(params, &grant.scopes, &resources)?;
        let issuance = Issuance::for_person(request, &grant, subject.user.clone(), &asked)?.proven(app).await?;
        if !subject.keep(app, &assertion).await? {
            continue;
        }
        if before.is_none() {
            if !grants::assert(&app.db, &grant, &name).await? {
                continue;
            }
            record(app, &assertion, &grant).await;
        }
        return issuance.issue(app, None, None).await;
    }
    Err(OAuthError::temporarily_unavailable("the same assertion is being redeemed many times at once").retry_after(1))
}

/// §4.4.1, §8.1, §8.6.1: the client must be the one that the assertion was issued to; it must have authenticated,
/// unless the issuer's settings admit public clients with metadata documents; and it must have proved possession of the
/// key if the assertion names one.
fn check(request: TokenRequest<'_>, assertion: &IdentityAssertion<'_>) -> Result<(), OAuthError> {
    let TokenRequest { client, jkt, .. } = request;
    if assertion.says.client_id != client.id.as_str() {
        return Err(OAuthError::invalid_grant("the assertion was issued to another client"));
    }
    let may_be_public = client.source == ClientSource::Cimd && assertion.trusted.public_clients;
    if client.is_public() && !may_be_public {
        return Err(OAuthError::unauthorized_client("a client that brings an assertion must authenticate"));
    }
    if assertion.says.jkt.is_some() && assertion.says.jkt.as_deref() != jkt {
        return Err(OAuthError::invalid_grant("the key of the assertion must prove itself (RFC 9449 section 4)"));
    }
    Ok(())
}

/// The resources that the assertion names, as far as this server knows them and the issuer may give access to them.
fn resources<'a>(app: &'a App, assertion: &IdentityAssertion<'_>) -> Result<Vec<&'a Resource>, OAuthError> {
    let IdentityAssertion { trusted, says, .. } = assertion;
    let named = match (says.resources.as_slice(), &trusted.default_resource) {
        ([], None) => return Err(OAuthError::invalid_grant("the assertion names no resource")),
        ([], Some(default)) => std::slice::from_ref(default),
        (named, _) => named,
    };
    let own: Vec<_> = trusted.resources.iter().filter_map(|own| app.resources.find(own)).collect();
    let opens = |named: &&Resource| own.is_empty() || own.iter().any(|own| own.identifier == named.identifier);
    let found: Vec<_> = named.iter().filter_map(|named| app.resources.find(named)).filter(opens).collect();
    if found.is_empty() {
        return Err(OAuthError::invalid_target("the assertion opens no resource of this server"));
    }
    Ok(found)
}

/// Checks an assertion that was presented before.
fn check_again(
    assertion: &IdentityAssertion<'_>,
    before: &Grant,
    user: &User,
    now: OffsetDateTime,
) -> Result<(), OAuthError> {
    let same = before.user_id == user.id && before.client_id.as_str() == assertion.says.client_id;
    if assertion.trusted.single_use || !same {
        return Err(OAuthError::invalid_grant("the assertion was used before"));
    }
    if before.revoked_at.is_some() || before.expires_at <= now {
        return Err(OAuthError::invalid_grant("what the assertion brought was revoked"));
    }
    Ok(())
}

/// The grant that the assertion gives this user.
fn grant(
    request: TokenRequest<'_>,
    assertion: &IdentityAssertion<'_>,
    resources: &[&Resource],
    user: &User,
    before: Option<&Grant>,
) -> Result<Grant, OAuthError> {
    let TokenRequest { app, client, .. } = request;
    let says = &assertion.says;
    let now = app.clock.now();
    let lifetimes = resources.iter().filter_map(|resource| resource.access_token_lifetime);
    let longest = lifetimes.chain([app.config.tokens.access_token_lifetime]).max().unwrap_or_default();
    let ends = assertion.once.expires_at + Duration::seconds(longest.into());
    Ok(Grant {
        id: before.map_or_else(GrantId::new, |before| before.id),
        client_id: client.id.clone(),
        user_id: user.id,
        grant_type: JWT_BEARER.into(),
        scopes: scopes(client, says.scopes.as_ref(), resources, user.role)?,
        resources: resources.iter().map(|resource| resource.identifier.clone()).collect(),
        auth_time: clock::date(says.auth_time).unwrap_or(now),
        acr: None,
        created_at: now,
        // The grant lives longer than any token of the assertion, so that a used assertion is remembered long enough.
        expires_at: ends,
        revoked_at: None,
        generation: 1,
        // This refresh token is never issued, so its idle time does not matter.
        refresh_hash: Digest::of(secrets::random()),
        refreshed_at: ends,
        dpop_jkt: None,
    })
}

/// The most scopes that user and client may have. OpenID Connect's scopes are excluded, because the user did not sign
/// in here.
fn scopes(client: &Client, says: Option<&Scopes>, resources: &[&Resource], role: Role) -> Result<Scopes, OAuthError> {
    let no_openid = |scopes: &Scopes| scopes.filter(|scope| !OIDC_SCOPES.contains(&scope));
    let says = says.map(no_openid);
    if says.as_ref().is_some_and(Scopes::is_empty) {
        return Err(OAuthError::invalid_scope("the assertion has no scope of a resource of this server"));
    }
    let registered = client.registered_scopes().as_ref().map(no_openid);
    let defaults = resources.iter().fold(Scopes::default(), |all, one| all.union(&one.default_scopes));
    let none = Scopes::default;
    let asking =
        ScopeRequest { requested: none(), default: none(), limit: client.scope_limit(), refreshes: false, resources };
    // If the issuer names scopes, they are the most that is granted: none are added.
    let candidates = says.map_or_else(|| registered.into_iter().chain([defaults]).collect(), |says| vec![says]);
    let open = candidates.iter().map(|scopes| asking.open(scopes, role)).find(|open| !open.is_empty());
    open.ok_or_else(|| OAuthError::invalid_scope("none of the scopes exists here and is open to this user"))
}

/// The requested part of the grant. Scopes beyond the grant are dropped, and the response says so.
fn asked(params: &Params, most: &Scopes, resources: &[&Resource]) -> Result<Scopes, OAuthError> {
    let Some(text) = params.get("scope")? else { return Ok(most.clone()) };
    let asked = Scopes::parse(text).ok_or_else(|| OAuthError::invalid_scope("scope is malformed"))?;
    let held = resources.iter().fold(most.clone(), |all, one| all.union(&one.reach(most)));
    let both = most.filter(|scope| asked.contains(scope)).union(&asked.filter(|scope| held.contains(scope)));
    if both.is_empty() {
        return Err(OAuthError::invalid_scope("the assertion allows none of these scopes"));
    }
    Ok(both)
}

async fn record(app: &App, assertion: &IdentityAssertion<'_>, grant: &Grant) {
    let details = json!({"issuer": assertion.says.issuer, "scope": grant.scopes.to_string(),
        "resource": grant.resources});
    let event = audit::Event::new(EventType::IdentityAssertion).user(grant.user_id).client(&grant.client_id);
    event.grant(grant.id).details(details).record(&app.audit).await;
}
