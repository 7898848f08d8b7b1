//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3): for tokens whose audience is this server.
use crate::{
    app::App,
    error::{ErrorCode, OAuthError},
    http::{
        endpoint::Endpoint,
        extract::{access_token as presented, dpop_proof, is_type, read},
        respond::{ErrorText, NoStore, REALM, with_status},
    },
    oauth::{
        challenge::{Challenge, Scheme},
        params::Params,
    },
    tokens::{
        access_token::{self, ActiveToken},
        dpop, id_token,
    },
};
use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use keyward_shared::api::{Member, Operation, Type};
use std::sync::Arc;

const PATH: &str = "/userinfo";
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The claims of OpenID Connect Core §5.1 that this server stores.
const CLAIMS: [Member; 4] = [
    ("sub", true, Type::Text),
    ("name", false, Type::Text),
    ("preferred_username", false, Type::Text),
    ("email", false, Type::Text),
];

pub fn endpoint(_: &App) -> Endpoint {
    let summary = "Who the person behind a token is (OpenID Connect Core §5.3)";
    let told = [Operation::get(summary), Operation::post(summary)]
        .map(|told| told.tag("For clients").secured(&["access_token"]).tells(200, "Claims about them", &CLAIMS));
    let endpoint = Endpoint::new(PATH, get(userinfo).post(userinfo), told).advertised("userinfo_endpoint");
    endpoint.cors(&[Method::GET, Method::POST], &["authorization", "content-type", "dpop"])
}

async fn userinfo(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OAuthError> {
    let token = presented(&headers)?.filter(|(scheme, _)| *scheme == Scheme::Bearer || app.config.dpop.enabled);
    if is_type(&headers, "application/x-www-form-urlencoded") {
        let form = Params::parse(&read(body, MAX_FORM_BYTES).await?)?;
        if token.is_some() && form.count("access_token") > 0 {
            return Err(OAuthError::invalid_request("send the token in one place, not two (RFC 6750 section 2)"));
        }
    }
    let Some((scheme, token)) = token else {
        // RFC 6750 §3.1: without credentials, the challenge names no error.
        let challenge = [(header::WWW_AUTHENTICATE, Challenge::new(Scheme::Bearer, REALM).to_string())];
        let told = ErrorText::from(&OAuthError::new(ErrorCode::Unauthorized, "this needs an access token"));
        let answer = (StatusCode::UNAUTHORIZED, challenge, Extension(told), NoStore(()));
        return Ok(offer_dpop(&app, answer.into_response()));
    };
    match answer(&app, &method, &headers, scheme, token).await {
        Err(error) if scheme == Scheme::Dpop => Ok(challenge_dpop(error)),
        Err(error) => Ok(offer_dpop(&app, error.into_response())),
        answer => answer,
    }
}

async fn answer(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    scheme: Scheme,
    token: &str,
) -> Result<Response, OAuthError> {
    let active = access_token::find_active(app, token).await?;
    let active = active.ok_or_else(|| OAuthError::invalid_token("the token is unknown, expired or revoked"))?;
    if active.claims.aud != app.config.issuer {
        return Err(OAuthError::invalid_token("the token is meant for another resource"));
    }
    match scheme {
        Scheme::Dpop => prove(app, method, headers, &active, token).await?,
        Scheme::Bearer if active.claims.cnf.is_some() => {
            return Err(OAuthError::invalid_token("the token is bound to a key and is no bearer token"));
        }
        Scheme::Bearer => {}
    }
    let scopes = active.scopes();
    if !scopes.contains("openid") {
        return Err(OAuthError::insufficient_scope("userinfo needs the scope openid"));
    }
    let user = active.user.ok_or_else(|| OAuthError::invalid_token("the token is nobody's but the client's"))?;
    Ok(NoStore(Json(id_token::about(&user, &scopes))).into_response())
}

/// RFC 9449 §7.1: the key that the token is bound to must have signed a proof for this request.
async fn prove(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    token: &ActiveToken,
    text: &str,
) -> Result<(), OAuthError> {
    let unbound = || OAuthError::invalid_token("the token is bound to no key; send it as a bearer token");
    let cnf = token.claims.cnf.as_ref().ok_or_else(unbound)?;
    let missing = || OAuthError::invalid_dpop_proof("the DPoP header with the proof is missing");
    let proof = dpop_proof(headers)?.ok_or_else(missing)?;
    let proof = dpop::check(app, proof, method.as_str(), PATH, Some(text))?;
    if proof.jkt != cnf.jkt {
        return Err(OAuthError::invalid_dpop_proof("the DPoP proof is by another key than the token is bound to"));
    }
    proof.spend(app).await
}

fn dpop_challenge() -> Challenge {
    Challenge::new(Scheme::Dpop, REALM)
}

/// The error in a challenge of the scheme that was used.
fn challenge_dpop(error: OAuthError) -> Response {
    let challenge = match error.code {
        ErrorCode::InvalidToken
        | ErrorCode::InvalidDpopProof
        | ErrorCode::UseDpopNonce
        | ErrorCode::InsufficientScope => dpop_challenge().error(error.code.as_str(), &error.description).to_string(),
        _ => return error.into_response(),
    };
    let forbidden = error.code == ErrorCode::InsufficientScope;
    let status = if forbidden { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    let mut response = with_status(status, &error);
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Adds a `DPoP` challenge to the `Bearer` challenge.
fn offer_dpop(app: &App, mut response: Response) -> Response {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED && app.config.dpop.enabled;
    if let Some(challenge) = unauthorized.then(|| HeaderValue::from_str(&dpop_challenge().to_string()).ok()).flatten() {
        response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
