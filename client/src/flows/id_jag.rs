//! Enterprise-managed authorization (ID-JAG): the identity provider exchanges an ID token for an assertion (RFC 8693),
//! and the authorization server exchanges that for an access token.
use super::{
    jwt_bearer,
    request::{TokenRequest, client_auth, endpoint},
};
use crate::{
    address::Address,
    discover,
    error::Result,
    identity::Identity,
    mask,
    metadata::TOKEN_EXCHANGE,
    token::{self, TokenResponse, form},
};

/// The identity provider, the client that asks there, and the person's ID token.
pub struct IdentityProvider<'a> {
    pub issuer: &'a str,
    pub identity: &'a Identity,
    pub id_token: &'a str,
}

pub async fn run(request: &TokenRequest<'_>, provider: &IdentityProvider<'_>) -> Result<TokenResponse> {
    mask::learn(provider.id_token);
    // The person named the identity provider.
    let root = Address::parse(provider.issuer)?;
    let http = request.http.under(&root);
    let found = discover::authorization_server(&http, &root, provider.issuer).await?;
    let token_endpoint = endpoint(found.metadata.token_endpoint.as_ref(), "token_endpoint")?;
    let auth = client_auth(provider.identity, provider.issuer)?;
    // RFC 8693 §2.1; `audience` is the authorization server, `resource` the MCP server.
    let exchange = form([
        ("grant_type", Some(TOKEN_EXCHANGE)),
        ("requested_token_type", Some("urn:ietf:params:oauth:token-type:id-jag")),
        ("audience", Some(&request.server.issuer)),
        ("resource", request.resource),
        ("scope", request.scope),
        ("subject_token", Some(provider.id_token)),
        ("subject_token_type", Some("urn:ietf:params:oauth:token-type:id_token")),
    ]);
    let answer = token::post(&http, token_endpoint, &auth, &exchange, None).await?;
    let body = answer.json().filter(|_| answer.status == 200);
    let assertion = body.as_ref().filter(|body| body["issued_token_type"] == "urn:ietf:params:oauth:token-type:id-jag");
    let assertion = assertion.and_then(|body| body["access_token"].as_str());
    let assertion = assertion.ok_or_else(|| token::refusal("the identity provider", &answer))?;
    jwt_bearer::run(request, assertion).await
}
