//! ID tokens and the claims about a user (OpenID Connect Core §2, §5.4).
use crate::{
    app::App,
    error::OAuthError,
    model::{Client, Scopes, User},
    oauth::algorithm::Algorithm,
    secrets::base64url,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// Never `at+jwt`, so that ID tokens are not mistaken for access tokens (RFC 8725 §3.11).
const TYPE: &str = "JWT";
/// The default of OpenID Connect Dynamic Registration §2.
const DEFAULT_ALG: &str = Algorithm::Rs256.as_str();
pub const CLAIMS: [&str; 12] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "nonce", "at_hash", "name", "preferred_username", "email"];

/// `sub` and the claims of the granted scopes (OpenID Connect Core §5.3.2).
#[must_use]
pub fn about(user: &User, scopes: &Scopes) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(user.id.to_string()));
    if scopes.contains("profile") {
        claims.insert("preferred_username".into(), json!(user.username));
        if let Some(name) = &user.name {
            claims.insert("name".into(), json!(name));
        }
    }
    if let Some(email) = user.email.as_ref().filter(|_| scopes.contains("email")) {
        claims.insert("email".into(), json!(email));
    }
    claims
}

pub fn sign(
    app: &App,
    client: &Client,
    user: &User,
    (auth_time, acr): (OffsetDateTime, Option<&str>),
    access_token: &str,
    nonce: Option<&str>,
) -> Result<String, OAuthError> {
    let now = app.clock.now().unix_timestamp();
    let mut claims = about(user, &Scopes::default());
    claims.insert("iss".into(), json!(app.config.issuer));
    claims.insert("aud".into(), json!(client.id));
    claims.insert("iat".into(), json!(now));
    claims.insert("exp".into(), json!(now + i64::from(app.config.tokens.id_token_lifetime)));
    claims.insert("auth_time".into(), json!(auth_time.unix_timestamp()));
    if let Some(acr) = acr {
        claims.insert("acr".into(), json!(acr));
    }
    if let Some(nonce) = nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    let algorithm = client.metadata.id_token_signed_response_alg.as_deref().unwrap_or(DEFAULT_ALG);
    if let Some(algorithm) = Algorithm::parse(algorithm) {
        claims.insert("at_hash".into(), json!(base64url(algorithm.half_digest(access_token))));
    }
    app.keys.sign(algorithm, TYPE, &claims)
}

/// The user that an `id_token_hint` names (OpenID Connect Core §3.1.2.1). The token must be issued here for this
/// client, but may be expired.
pub async fn subject(app: &App, id_token: &str, client: &Client) -> Result<Option<String>, OAuthError> {
    let Some(claims) = app.keys.verify::<Value>(id_token, TYPE).await? else { return Ok(None) };
    let meant = claims["iss"] == app.config.issuer && claims["aud"] == client.id.as_str();
    Ok(claims["sub"].as_str().filter(|_| meant).map(str::to_owned))
}
