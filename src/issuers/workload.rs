//! Workloads: programs that authenticate with a token of their platform, and need no registration.
use super::{NOT_TRUSTED, refused, signer};
use crate::{
    app::App,
    audit,
    config::{TrustedIssuer, Workload},
    error::OAuthError,
    events::EventType,
    model::{Client, ClientId},
    oauth::{
        jws::{ExpectedClaims, Jws},
        params::Params,
    },
    secrets::Digest,
    storage::used_assertions,
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// The setting that defines the workload with this client id.
#[must_use]
pub fn rule_of<'a>(app: &'a App, client: &Client) -> Option<&'a Workload> {
    let mut rules = app.config.workloads();
    rules.find(|(name, rule)| rule.client(name) == client.id.as_str()).map(|(_, rule)| rule)
}

/// Identifies the client of a token request that has nothing but an `assertion`; `None` if the request is of another
/// kind, or no issuer is trusted for workloads.
pub async fn identify(
    app: &App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<Option<Arc<Client>>, OAuthError> {
    let own = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];
    let says_who = authorization.is_some() || own.iter().any(|name| params.count(name) > 0);
    if says_who || app.config.workloads().next().is_none() {
        return Ok(None);
    }
    match params.get("assertion")? {
        Some(assertion) => verify(app, assertion, address).await.map(Some),
        None => Ok(None),
    }
}

/// RFC 7523 §3. The audience must be either the issuer or the token endpoint, and nothing else.
async fn verify(app: &App, text: &str, address: IpAddr) -> Result<Arc<Client>, OAuthError> {
    let jws = Jws::parse(text).map_err(|error| refused(error.as_str()))?;
    if !jws.is_general_or("jwt") {
        return Err(refused("typ is that of another kind of token"));
    }
    let now = app.clock.now().unix_timestamp();
    let endpoint = format!("{}/token", app.config.base());
    let audiences = [app.config.issuer.as_str(), endpoint.as_str()];
    let expected = |longest: u32| ExpectedClaims { audiences: &audiences, now, longest: longest.into() };
    jws.check(&expected(u32::MAX)).map_err(refused)?;
    jws.date("iat").map_err(refused)?.ok_or_else(|| refused("iat is missing"))?;
    let subject = jws.claim("sub").filter(|sub| !sub.is_empty()).ok_or_else(|| refused("sub is missing"))?;
    let lasts = |issuer: &TrustedIssuer| jws.check(&expected(issuer.workload_assertion_lifetime()));
    let is_right = |issuer: &TrustedIssuer| {
        lasts(issuer).is_ok() && issuer.workloads.values().any(|rule| rule.matches(&jws.claims))
    };
    let trusted = signer(app, &jws, address, |issuer| !issuer.workloads.is_empty(), is_right).await?;
    let trusted = trusted.ok_or_else(|| refused(NOT_TRUSTED))?;
    let once = lasts(trusted).map_err(refused)?;
    let rule = trusted.workloads.iter().find(|(_, rule)| rule.matches(&jws.claims));
    let (name, rule) = rule.ok_or_else(|| OAuthError::unauthorized_client("no workload here has these claims"))?;
    let client = app.clients.find(rule.client(name)).await?.filter(|client| client.disabled_at.is_none());
    let client = client.ok_or_else(|| OAuthError::unauthorized_client("the client of this workload is disabled"))?;
    if trusted.single_use {
        let jti = Digest::of(json!([trusted.issuer, once.jti]).to_string());
        if !used_assertions::insert(&app.db, (&client.id, &jti, once.expires_at)).await? {
            return Err(refused("the assertion was used before"));
        }
    }
    record(app, &client.id, &trusted.issuer, subject).await;
    Ok(client)
}

async fn record(app: &App, client: &ClientId, issuer: &str, subject: &str) {
    let details = json!({"issuer": issuer, "subject": subject});
    audit::Event::new(EventType::WorkloadIdentified).client(client).details(details).record(&app.audit).await;
}
