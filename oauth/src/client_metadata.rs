//! Client metadata (RFC 7591 §2): checked, completed with defaults, and cleaned.
pub mod document;
mod keys;
mod members;
mod metadata;
#[cfg(test)]
mod tests;
pub mod update;

use super::{
    display_name::display_name,
    json,
    redirect_uri::{self, LeftOutUri, RedirectKind},
    scope::{OFFLINE_ACCESS, Scopes},
    uri,
};
use crate::{digest::Digest, error::ProtocolError};
pub use metadata::{ApplicationType, AuthMethod, ClientMetadata};

use keys::{algorithm, public_keys};
use members::{Members, refused};
use serde::Serialize;
use serde_json::Value;

const MAX_CONTACTS: usize = 10;
/// Characters of a contact, a software identifier or a software version.
const MAX_TEXT_CHARACTERS: usize = 200;
const MAX_SCOPE_BYTES: usize = 2048;
const MAX_PAGE_URI_BYTES: usize = 2048;

/// The result of parsing a registration request.
#[derive(Clone, Debug)]
pub struct ParsedRegistration {
    pub metadata: ClientMetadata,
    /// The request named no authentication method, so both ways of sending the secret are accepted.
    pub any_secret_method: bool,
    /// Only for a client without a secret: equal for equal metadata, so that a repeated registration is recognised.
    pub fingerprint: Option<Digest>,
    /// The redirect URIs in the request that are not registered.
    pub left_out: Vec<LeftOutUri>,
}

/// The kinds of client that this server allows.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationRules<'a> {
    /// Supported grant types; others are dropped, and the response says so.
    pub grant_types: &'a [&'a str],
    /// Whether clients may authenticate with their own keys (RFC 7523 §2.2).
    pub private_key_jwt: bool,
    /// Private-use schemes without a dot that are accepted.
    pub known_schemes: &'a [String],
    pub max_redirect_uris: usize,
}

/// RFC 7591 §3.1. Unknown members are ignored; `null` and empty values count as absent. An unsupported value is
/// replaced if the response can report that (§3.2.1), and refused if the client could not continue.
pub fn parse_registration(body: &[u8], rules: &RegistrationRules) -> Result<ParsedRegistration, ProtocolError> {
    let malformed = |rule| ProtocolError::invalid_client_metadata(format!("the body {rule}"));
    let mut members = Members(json::object(body).map_err(malformed)?);
    if members.get("software_statement").is_some() {
        return Err(ProtocolError::unapproved_software_statement("nobody is trusted to make software statements"));
    }
    let left_out = leave_out(&mut members, rules);
    let method = auth_method(&members, rules)?;
    let metadata = effective(&members, rules, method.unwrap_or(AuthMethod::ClientSecretBasic))?;
    let fingerprint = fingerprint(&metadata, None);
    Ok(ParsedRegistration { metadata, any_secret_method: method.is_none(), fingerprint, left_out })
}

/// Removes redirect URIs that may be left out; if no other one would remain, removes none.
fn leave_out(members: &mut Members, rules: &RegistrationRules) -> Vec<LeftOutUri> {
    let uris = members.0.get_mut("redirect_uris").and_then(Value::as_array_mut);
    let Some(uris) = uris.filter(|uris| uris.len() <= rules.max_redirect_uris) else { return vec![] };
    let judged = |uri: &Value| uri.as_str().and_then(|uri| redirect_uri::left_out(uri, rules.known_schemes));
    let left_out: Vec<_> = uris.iter().filter_map(judged).collect();
    if left_out.len() == uris.len() {
        return vec![];
    }
    uris.retain(|uri| judged(uri).is_none());
    left_out
}

/// The part that registrations and documents share: everything except client authentication.
fn effective(
    members: &Members,
    rules: &RegistrationRules,
    method: AuthMethod,
) -> Result<ClientMetadata, ProtocolError> {
    let keys = public_keys(members, method)?;
    let grant_types = grant_types(members, rules)?;
    let response_types = response_types(members, &grant_types)?;
    let redirect_uris = redirect_uris(members, rules, &response_types)?;
    Ok(ClientMetadata {
        application_type: application_type(members, &redirect_uris)?,
        response_types,
        client_name: members.string("client_name")?.and_then(display_name),
        client_uri: page_uri(members, "client_uri")?,
        logo_uri: page_uri(members, "logo_uri")?,
        tos_uri: page_uri(members, "tos_uri")?,
        policy_uri: page_uri(members, "policy_uri")?,
        contacts: contacts(members)?,
        scope: scope(members)?,
        software_id: text(members, "software_id")?,
        software_version: text(members, "software_version")?,
        id_token_signed_response_alg: algorithm(members, "id_token_signed_response_alg")?,
        require_pushed_authorization_requests: members.boolean("require_pushed_authorization_requests")?,
        jwks: keys.jwks,
        jwks_uri: keys.jwks_uri,
        dpop_bound_access_tokens: members.boolean("dpop_bound_access_tokens")?,
        ..ClientMetadata::new(method, grant_types, redirect_uris)
    })
}

fn grant_types(members: &Members, rules: &RegistrationRules) -> Result<Vec<String>, ProtocolError> {
    let requested = match members.strings("grant_types")? {
        Some(requested) => requested,
        // RFC 7591 §2 has a default, but this client's scope asks for refresh tokens.
        None if scope(members)?.is_some_and(|scope| scope.split(' ').any(|one| one == OFFLINE_ACCESS)) => {
            vec!["authorization_code", "refresh_token"]
        }
        None => vec!["authorization_code"],
    };
    let mut kept = Vec::<String>::new();
    for grant_type in requested.into_iter().filter(|grant_type| rules.grant_types.contains(grant_type)) {
        if !kept.iter().any(|held| held == grant_type) {
            kept.push(grant_type.to_owned());
        }
    }
    // A refresh token always comes with another grant.
    if kept.iter().all(|grant_type| grant_type == "refresh_token") {
        let begin = rules.grant_types.iter().filter(|grant_type| **grant_type != "refresh_token");
        let begin = begin.copied().collect::<Vec<_>>().join(", ");
        return Err(refused("grant_types", &format!("must have one of those that may be registered: {begin}")));
    }
    Ok(kept)
}

/// RFC 7591 §2.1: `code` belongs to `authorization_code`, and no other response type is supported.
fn response_types(members: &Members, grant_types: &[String]) -> Result<Vec<String>, ProtocolError> {
    let requested = members.strings("response_types")?.unwrap_or_else(|| vec!["code"]);
    if !grant_types.iter().any(|grant_type| grant_type == "authorization_code") {
        return Ok(Vec::new());
    }
    if requested.contains(&"code") {
        Ok(vec!["code".to_owned()])
    } else {
        Err(refused("response_types", "must have code, the only one supported"))
    }
}

fn redirect_uris(
    members: &Members,
    rules: &RegistrationRules,
    response_types: &[String],
) -> Result<Vec<String>, ProtocolError> {
    let requested = members.strings("redirect_uris")?.unwrap_or_default();
    if requested.is_empty() && !response_types.is_empty() {
        return Err(ProtocolError::invalid_redirect_uri("redirect_uris is missing"));
    }
    if requested.len() > rules.max_redirect_uris {
        let sentence = format!("redirect_uris has more than {} entries", rules.max_redirect_uris);
        return Err(ProtocolError::invalid_redirect_uri(sentence));
    }
    let mut kept = Vec::<String>::new();
    for uri in requested {
        redirect_uri::check_registrable(uri, rules.known_schemes)?;
        if !kept.iter().any(|held| held == uri) {
            kept.push(uri.to_owned());
        }
    }
    Ok(kept)
}

/// OpenID Connect Registration §2, derived from the redirect URIs: `web` means https only. Clients that omit it, or
/// claim `web` for a loopback URI, are stored as `native`.
fn application_type(members: &Members, redirect_uris: &[String]) -> Result<ApplicationType, ProtocolError> {
    let https = |uri: &String| matches!(redirect_uri::kind(uri), RedirectKind::Https { .. });
    match members.string("application_type")? {
        None | Some("web") if redirect_uris.iter().all(https) => Ok(ApplicationType::Web),
        None | Some("web" | "native") => Ok(ApplicationType::Native),
        Some(_) => Err(refused("application_type", "must be web or native")),
    }
}

/// `None` if the registration names no method.
fn auth_method(members: &Members, rules: &RegistrationRules) -> Result<Option<AuthMethod>, ProtocolError> {
    members
        .string("token_endpoint_auth_method")?
        .map(|method| match method {
            "none" => Ok(AuthMethod::None),
            "client_secret_basic" => Ok(AuthMethod::ClientSecretBasic),
            "client_secret_post" => Ok(AuthMethod::ClientSecretPost),
            "private_key_jwt" if rules.private_key_jwt => Ok(AuthMethod::PrivateKeyJwt),
            _ => {
                Err(refused("token_endpoint_auth_method", "is not supported; the server metadata names those that are"))
            }
        })
        .transpose()
}

/// A page that people may be sent to: https, or http on loopback during development (RFC 7591 §5).
fn page_uri(members: &Members, name: &'static str) -> Result<Option<String>, ProtocolError> {
    let Some(page) = members.string(name)? else { return Ok(None) };
    let somewhere = uri::https_host(page).is_some() || uri::loopback(page).is_some();
    if page.len() <= MAX_PAGE_URI_BYTES && uri::is_uri_text(page) && somewhere {
        Ok(Some(page.to_owned()))
    } else {
        Err(refused(name, "must be an https URI of at most 2048 bytes"))
    }
}

/// At most the first ten.
fn contacts(members: &Members) -> Result<Vec<String>, ProtocolError> {
    let contacts = members.strings("contacts")?.unwrap_or_default();
    contacts.into_iter().take(MAX_CONTACTS).map(|contact| plain_text("contacts", contact)).collect()
}

fn text(members: &Members, name: &'static str) -> Result<Option<String>, ProtocolError> {
    members.string(name)?.map(|text| plain_text(name, text)).transpose()
}

fn plain_text(name: &'static str, text: &str) -> Result<String, ProtocolError> {
    if text.chars().count() <= MAX_TEXT_CHARACTERS && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(refused(name, "must be at most 200 characters, none of them a control character"))
    }
}

fn scope(members: &Members) -> Result<Option<String>, ProtocolError> {
    let Some(scope) = members.string("scope")? else { return Ok(None) };
    let scopes = Scopes::parse(scope).filter(|_| scope.len() <= MAX_SCOPE_BYTES);
    let malformed = || refused("scope", "must be scope tokens with single spaces between them, at most 2048 bytes");
    scopes.map(|scopes| Some(scopes.to_string())).ok_or_else(malformed)
}

/// Digest of the metadata and of the issuer that vouches for it. Clients with a secret have none: each registration
/// gets its own client. The form must never change, or repeated registrations would no longer be recognised.
#[must_use]
pub fn fingerprint(metadata: &ClientMetadata, vouched_by: Option<&str>) -> Option<Digest> {
    #[derive(Serialize)]
    struct Identity<'a> {
        #[serde(flatten)]
        metadata: &'a ClientMetadata,
        /// Always `false` for these clients.
        any_secret_method: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        software_statement: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        vouched_by: Option<&'a str>,
    }

    let said = ClientMetadata { software_statement: None, ..metadata.clone() };
    let software_statement = metadata.software_statement.as_deref();
    let identity = Identity { metadata: &said, any_secret_method: false, software_statement, vouched_by };
    let json = serde_json::to_vec(&identity).ok();
    json.filter(|_| !metadata.token_endpoint_auth_method.has_secret()).map(Digest::of)
}
