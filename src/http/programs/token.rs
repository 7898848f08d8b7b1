//! `POST /token` (RFC 6749 §3.2).
use crate::{
    app::App,
    clients::authenticate,
    config::grant_types,
    error::OAuthError,
    events::EventType,
    grants::{self, UnidentifiedRequest},
    http::{
        described::form_of_clients,
        endpoint::Endpoint,
        extract::{ClientIp, Form, dpop_proof, single},
        respond::NoStore,
    },
    model::Client,
    oauth::params::Params,
    tokens::{TokenRequest, TokenResponse, dpop},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method},
    response::{AppendHeaders, IntoResponse},
    routing,
};
use keyward_shared::api::{Operation, Type};
use std::{net::IpAddr, sync::Arc};

pub fn endpoint(app: &App) -> Endpoint {
    let endpoint = Endpoint::new(dpop::TOKEN_PATH, routing::post(post), [described(app)]).advertised("token_endpoint");
    endpoint
        .legacy_path("/oauth/token")
        .cors(&[Method::POST], &["authorization", "content-type", "dpop", "mcp-protocol-version"])
}

fn described(app: &App) -> Operation {
    let names: Vec<_> = grant_types::enabled(&app.config).map(|name| format!("`{name}`")).collect();
    let name = format!("One of {}.", names.join(", "));
    let fields = [
        &[("grant_type", true, name.as_str())][..],
        &grants::parameters(),
        &[
            ("scope", false, "Less than there is."),
            ("resource", false, "Which MCP server the token is for (RFC 8707)."),
        ],
    ]
    .concat();
    let told = form_of_clients("Gives tokens (RFC 6749 §3.2)", &fields);
    let told = told.headers(&[("DPoP", false, "A proof that a key is held (RFC 9449).")]);
    let members = [
        ("access_token", true, Type::Text),
        ("issued_token_type", false, Type::Text),
        ("token_type", true, Type::Text),
        ("expires_in", true, Type::Number),
        ("refresh_token", false, Type::Text),
        ("refresh_token_expires_in", false, Type::Number),
        ("scope", true, Type::Text),
        ("id_token", false, Type::Text),
    ];
    told.tells(200, "The tokens (RFC 6749 §5.1)", &members)
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    Form(params): Form,
) -> Result<impl IntoResponse, OAuthError> {
    let mut client = None;
    let answer = match authenticated(&app, &headers, &params, address).await {
        Ok(known) => answer(&app, client.insert(known), &headers, &params, address).await,
        Err(error) => Err(error),
    };
    let client = client.map(|client| client.id.clone());
    match &answer {
        Ok(issued) => {
            app.metrics.token(issued.grant_type);
            app.trace.success(EventType::TokenRequestSuccess, client.as_ref(), issued.grant_type);
        }
        Err(error) => app.trace.failure(EventType::TokenRequestError, client.as_ref(), error),
    }
    let TokenAnswer { tokens, nonce, .. } = answer?;
    Ok((AppendHeaders(nonce.map(|nonce| ("dpop-nonce", nonce))), NoStore(Json(tokens))))
}

struct TokenAnswer {
    tokens: TokenResponse,
    grant_type: &'static str,
    /// The nonce for the next proof of possession.
    nonce: Option<String>,
}

async fn authenticated(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    address: IpAddr,
) -> Result<Arc<Client>, OAuthError> {
    let authorization = single(headers, "authorization")?;
    let grant_type = params.get("grant_type")?.and_then(|name| grants::find(&app.config, name));
    let identified = match grant_type.and_then(|(_, grant_type)| grant_type.identify) {
        Some(identify) => identify(UnidentifiedRequest { app, authorization, params, address }).await?,
        None => None,
    };
    match identified {
        Some(client) => Ok(client),
        None => authenticate::client(app, authorization, params, address).await,
    }
}

async fn answer(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    params: &Params,
    address: IpAddr,
) -> Result<TokenAnswer, OAuthError> {
    let name = params.require("grant_type")?;
    let (name, grant_type) = grants::find(&app.config, name)
        .ok_or_else(|| OAuthError::unsupported_grant_type("this grant_type is not one of grant_types_supported"))?;
    if !client.metadata.grant_types.iter().any(|registered| registered == name) {
        return Err(OAuthError::unauthorized_client("the client did not register this grant_type"));
    }
    let proof = dpop::at_token_endpoint(app, client, dpop_proof(headers)?)?;
    let (proof, jkt) = (proof.as_ref(), proof.as_ref().map(|proof| proof.jkt.as_str()));
    let tokens = (grant_type.exchange)(TokenRequest { app, client, params, address, jkt, proof }).await?;
    Ok(TokenAnswer { tokens, grant_type: name, nonce: proof.and_then(|_| dpop::next_nonce(app)) })
}
