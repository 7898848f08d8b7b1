//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3): for tokens whose audience we are.
use super::Endpoint;
use crate::{
    app::App,
    error::OAuthError,
    http::{
        extract::{bearer, is_type, read},
        respond::NoStore,
    },
    oauth::params::Params,
    tokens::{access_token, id_token},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

const MAX_FORM: usize = 64 * 1024;

pub fn endpoint(_: &App) -> Endpoint {
    let endpoint = Endpoint::new("/userinfo", get(userinfo).post(userinfo)).advertised("userinfo_endpoint");
    endpoint.cors(&[Method::GET, Method::POST], &["authorization", "content-type", "dpop"])
}

async fn userinfo(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, OAuthError> {
    let token = bearer(&headers)?;
    if is_type(&headers, "application/x-www-form-urlencoded") {
        let form = Params::parse(&read(body, MAX_FORM).await?)?;
        if token.is_some() && form.count("access_token") > 0 {
            return Err(OAuthError::invalid_request("send the token in one place, not two (RFC 6750 section 2)"));
        }
    }
    let Some(token) = token else {
        // RFC 6750 §3.1: who sent nothing did nothing wrong.
        let challenge = [(header::WWW_AUTHENTICATE, r#"Bearer realm="keyward""#)];
        return Ok((StatusCode::UNAUTHORIZED, challenge, NoStore(())).into_response());
    };
    let active = access_token::find_active(&app, token).await?;
    let active = active.ok_or_else(|| OAuthError::invalid_token("the token is unknown, expired or revoked"))?;
    if active.claims.aud != app.config.issuer {
        return Err(OAuthError::invalid_token("the token is meant for another resource"));
    }
    let scopes = active.scopes();
    if !scopes.contains("openid") {
        return Err(OAuthError::insufficient_scope("userinfo needs the scope openid"));
    }
    let user = active.user.ok_or_else(|| OAuthError::invalid_token("the token is nobody's but the client's"))?;
    Ok(NoStore(Json(id_token::about(&user, &scopes))).into_response())
}
