//! `POST /introspect` (RFC 7662): only for the audience of a token and for the client it was issued to. The audience
//! can ask for a signed response (RFC 9701).
use crate::{
    app::App,
    clients::authenticate::{Introspector, introspector},
    error::OAuthError,
    http::{
        described::form_of_clients,
        endpoint::Endpoint,
        extract::{ClientIp, Form, accepts_rather, single},
        respond::NoStore,
    },
    model::ClientId,
    oauth::algorithm::Algorithm,
    storage::{grants, users},
    tokens::{access_token, refresh_token::RefreshToken},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing,
};
use keyward_shared::api::Type;
use serde_json::{Value, json};
use std::sync::Arc;
use time::Duration;

const SIGNED: &str = "application/token-introspection+jwt";
const SIGNED_TYPE: &str = "token-introspection+jwt";
/// RFC 9701 §6: used if the caller's settings name none.
const DEFAULT_ALG: &str = Algorithm::Rs256.as_str();

pub fn endpoint(_: &App) -> Endpoint {
    let told = form_of_clients(
        "What a token is worth (RFC 7662), for whom it is meant for or was issued to",
        &[("token", true, "An access token or a refresh token."), ("token_type_hint", false, "Not needed.")],
    );
    let members = [
        ("active", true, Type::Truth),
        ("token_type", false, Type::Text),
        ("iss", false, Type::Text),
        ("aud", false, Type::Text),
        ("sub", false, Type::Text),
        ("username", false, Type::Text),
        ("client_id", false, Type::Text),
        ("scope", false, Type::Text),
        ("exp", false, Type::Number),
        ("iat", false, Type::Number),
        ("jti", false, Type::Text),
        ("grant_type", false, Type::Text),
        ("cnf", false, Type::Object),
        ("act", false, Type::Object),
        ("auth_time", false, Type::Number),
        ("acr", false, Type::Text),
    ];
    let told = told.tells(200, "`active`, and what the token says (RFC 7662 §2.2)", &members);
    Endpoint::new("/introspect", routing::post(post), [told])
        .advertised("introspection_endpoint")
        .legacy_path("/oauth/validate")
}

async fn post(
    State(app): State<Arc<App>>,
    ClientIp(address): ClientIp,
    headers: HeaderMap,
    Form(params): Form,
) -> Result<Response, OAuthError> {
    let caller = introspector(&app, single(&headers, "authorization")?, &params, address).await?;
    let token = params.require("token")?;
    let found = match RefreshToken::parse(&app, token) {
        Some(refresh) => refresh_token(&app, &caller, &refresh).await?,
        None => access_token(&app, &caller, token).await?,
    };
    if app.config.introspection.signed_responses && accepts_rather(&headers, SIGNED, "application/json") {
        let jws = signed(&app, &caller, found)?;
        return Ok(NoStore(([(header::CONTENT_TYPE, SIGNED)], jws)).into_response());
    }
    Ok(NoStore(Json(found.unwrap_or_else(inactive))).into_response())
}

/// The response does not say why (RFC 7662 §2.2).
fn inactive() -> Value {
    json!({"active": false})
}

/// RFC 9701 §5: everything is inside one claim, without `sub` and `exp`, so that nobody mistakes it for an access
/// token.
fn signed(app: &App, caller: &Introspector<'_>, found: Option<Value>) -> Result<String, OAuthError> {
    let (audience, algorithm, found) = match caller {
        Introspector::ResourceServer(resource) => {
            let own = resource.introspection.as_ref();
            let algorithm = own.and_then(|own| own.signed_response_alg.as_deref());
            (own.map_or(&*resource.identifier, |own| &own.id), algorithm, found)
        }
        // A client is not the audience of its own token.
        Introspector::Client(client) => (client.id.as_str(), None, None),
    };
    let claims = json!({
        "iss": app.config.issuer, "aud": audience, "iat": app.clock.now().unix_timestamp(),
        "token_introspection": found.unwrap_or_else(inactive),
    });
    app.keys.sign(algorithm.unwrap_or(DEFAULT_ALG), SIGNED_TYPE, &claims)
}

fn is_client(caller: &Introspector<'_>, id: &ClientId) -> bool {
    matches!(caller, Introspector::Client(client) if client.id == *id)
}

async fn access_token(app: &App, caller: &Introspector<'_>, token: &str) -> Result<Option<Value>, OAuthError> {
    let Some(active) = access_token::find_active(app, token).await? else { return Ok(None) };
    let claims = &active.claims;
    let meant = match caller {
        Introspector::ResourceServer(resource) => resource.identifier == claims.aud,
        Introspector::Client(_) => is_client(caller, &claims.client_id),
    };
    let mut answer = json!({
        "active": true, "token_type": claims.token_type(), "iss": claims.iss, "aud": claims.aud, "sub": claims.sub,
        "client_id": claims.client_id, "scope": claims.scope, "exp": claims.exp, "iat": claims.iat, "jti": claims.jti,
    });
    if let Some(grant_type) = &claims.grant_type {
        answer["grant_type"] = json!(grant_type);
    }
    if let Some(cnf) = &claims.cnf {
        // RFC 9449 §6.2
        answer["cnf"] = json!(cnf);
    }
    if let Some(act) = &claims.act {
        // RFC 8693 §4.1
        answer["act"] = json!(act);
    }
    if let Some(person) = &claims.person {
        // RFC 9470 §6.2
        answer["auth_time"] = json!(person.auth_time);
        if let Some(acr) = &person.acr {
            answer["acr"] = json!(acr);
        }
    }
    if let Some(user) = &active.user {
        answer["username"] = json!(user.username);
    }
    Ok(meant.then_some(answer))
}

async fn refresh_token(
    app: &App,
    caller: &Introspector<'_>,
    token: &RefreshToken,
) -> Result<Option<Value>, OAuthError> {
    let now = app.clock.now();
    let Some(grant) = grants::find(&app.db, token.grant_id).await? else { return Ok(None) };
    let idle_until = grant.refreshed_at + Duration::seconds(app.config.tokens.refresh_idle.into());
    let ends = grant.expires_at.min(idle_until);
    let live = token.generation == grant.generation && token.digest().matches(&grant.refresh_hash);
    let meant = is_client(caller, &grant.client_id);
    let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
    Ok((live && meant && grant.revoked_at.is_none() && ends > now && user.is_some()).then(|| {
        json!({
            "active": true, "iss": app.config.issuer, "sub": grant.user_id.to_string(),
            "client_id": grant.client_id, "scope": grant.scopes.to_string(), "exp": ends.unix_timestamp(),
            "iat": grant.refreshed_at.unix_timestamp(),
        })
    }))
}
