//! Software statements (RFC 7591 §2.3): what a trusted issuer says about a client overrides the client's own metadata.
use super::signer;
use crate::{
    app::App,
    config::TrustedIssuer,
    error::OAuthError,
    model::Client,
    oauth::{json, jws::Jws},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, net::IpAddr};

/// Claims about the statement itself (RFC 7519 §4.1), and members that only a registration response has.
const NOT_METADATA: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "software_statement",
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
];

/// A verified statement.
pub struct SoftwareStatement {
    text: String,
    /// The issuer, if the statement has both name and redirect URIs. Only then nobody else can use the statement to
    /// pass for the client, since a statement is no secret.
    vouched_by: Option<String>,
}

/// Replaces members of the client metadata with the claims of its software statement. Without a statement, or a trusted
/// issuer, the metadata stays as it is. The result is checked as any other metadata.
pub async fn apply<'a>(
    app: &App,
    body: &'a [u8],
    address: IpAddr,
) -> Result<(Cow<'a, [u8]>, Option<SoftwareStatement>), OAuthError> {
    let Ok(mut members) = json::object(body) else { return Ok((body.into(), None)) };
    let is_on = app.config.trusted_issuers.values().any(|issuer| issuer.software_statements);
    let text = match members.remove("software_statement") {
        Some(Value::String(text)) if is_on && !text.is_empty() => text,
        Some(value) if is_on && !value.is_null() => return Err(invalid("it must be a JWT")),
        _ => return Ok((body.into(), None)),
    };
    let claims = verify(app, &text, address).await?;
    let signed = |name| claims.get(name).is_some_and(|value| !value.is_null());
    let vouched = signed("client_name") && signed("redirect_uris");
    let vouched_by = claims.get("iss").and_then(Value::as_str).filter(|_| vouched).map(str::to_owned);
    members.extend(claims.into_iter().filter(|(name, _)| !NOT_METADATA.contains(&name.as_str())));
    let body = serde_json::to_vec(&members).map_err(OAuthError::server_error)?;
    Ok((body.into(), Some(SoftwareStatement { text, vouched_by })))
}

/// An untrusted issuer and a wrong signature give the same error.
async fn verify(app: &App, text: &str, address: IpAddr) -> Result<Map<String, Value>, OAuthError> {
    let jws = Jws::parse(text).map_err(|error| invalid(error.as_str()))?;
    if !jws.is_general_or("jwt") {
        return Err(invalid("typ is that of another kind of token"));
    }
    jws.check_dates(app.clock.now().unix_timestamp()).map_err(invalid)?;
    let ours = Value::from(app.config.issuer.as_str());
    let meant = |audience: &Value| *audience == ours || audience.as_array().is_some_and(|all| all.contains(&ours));
    if !jws.claims.get("aud").is_none_or(meant) {
        return Err(invalid("aud names other servers only"));
    }
    // Tokens that the issuer makes for other purposes have no `software_id`.
    if jws.claim("software_id").is_none_or(str::is_empty) {
        return Err(invalid("software_id is missing"));
    }
    let sentence = "the software statement was not signed by an issuer that is trusted for it";
    let signer = signer(app, &jws, address, |issuer| issuer.software_statements, |_| true).await?;
    signer.map(|_| jws.claims).ok_or_else(|| OAuthError::unapproved_software_statement(sentence))
}

/// RFC 7591 §3.2.2
fn invalid(rule: &'static str) -> OAuthError {
    OAuthError::invalid_software_statement(format!("software_statement: {rule}"))
}

impl SoftwareStatement {
    /// The response contains the statement unmodified (RFC 7591 §3.2.1).
    pub fn put_into(self, client: &mut Client) {
        client.metadata.software_statement = Some(self.text);
        client.policy.vouched_by = self.vouched_by;
    }
}

/// The issuer that signed the client's name and redirect URIs, as pages show it, if it is still trusted.
#[must_use]
pub fn voucher<'a>(app: &'a App, client: &Client) -> Option<&'a str> {
    let issuer = client.policy.vouched_by.as_deref()?;
    let mut trusted = app.config.trusted_issuers.values().filter(|trusted| trusted.software_statements);
    trusted.find(|trusted| trusted.issuer == issuer).map(TrustedIssuer::name)
}
