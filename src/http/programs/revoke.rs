//! `POST /revoke` (RFC 7009): revokes a refresh token with its whole grant, or a single access token.
use crate::{
    app::App,
    audit,
    error::OAuthError,
    events::EventType,
    http::{described::form_of_clients, endpoint::Endpoint, extract::ClientAuth, respond::NoStore},
    model::{Client, ClientId, GrantId, UserId},
    storage::grants,
    tokens::{access_token, refresh_token::RefreshToken},
};
use axum::{extract::State, http::Method, routing};
use std::sync::Arc;

pub fn endpoint(_: &App) -> Endpoint {
    let told = form_of_clients(
        "Ends a token (RFC 7009); a refresh token takes its grant down",
        &[("token", true, "An access token or a refresh token."), ("token_type_hint", false, "Not needed.")],
    );
    let endpoint = Endpoint::new("/revoke", routing::post(post), [told.answers(200, "It is worth nothing any more")])
        .advertised("revocation_endpoint");
    endpoint.cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

/// The hint is not needed: the form of a token shows its kind (RFC 7009 §2.1).
async fn post(
    State(app): State<Arc<App>>,
    ClientAuth { client, params }: ClientAuth,
) -> Result<NoStore<()>, OAuthError> {
    let token = params.require("token")?;
    if let Some(refresh) = RefreshToken::parse(&app, token) {
        revoke_grant(&app, &client, refresh.grant_id).await?;
    } else if let Some(claims) = access_token::parse(&app, token).await? {
        owned(&client, &claims.client_id)?;
        access_token::revoke(&app, token, &claims).await?;
        let event = audit::Event::new(EventType::TokenRevoked).client(&client.id);
        let event = event.user(claims.person.as_ref().and_then(|_| claims.sub.parse::<UserId>().ok()));
        event.record(&app.audit).await;
    }
    // An unknown token counts as revoked (RFC 7009 §2.2).
    Ok(NoStore(()))
}

async fn revoke_grant(app: &App, client: &Client, id: GrantId) -> Result<(), OAuthError> {
    let Some(grant) = grants::find(&app.db, id).await? else { return Ok(()) };
    owned(client, &grant.client_id)?;
    if grants::revoke(&app.db, id, app.clock.now()).await? {
        let event = audit::Event::new(EventType::TokenRevoked).client(&client.id).user(grant.user_id);
        event.grant(id).record(&app.audit).await;
    }
    Ok(())
}

fn owned(client: &Client, owner: &ClientId) -> Result<(), OAuthError> {
    (client.id == *owner)
        .then_some(())
        .ok_or_else(|| OAuthError::invalid_request("the token was issued to another client (RFC 7009 section 2.1)"))
}
