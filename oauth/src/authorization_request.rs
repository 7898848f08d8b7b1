//! The authorization request (OAuth 2.1 §4.1.1): first the redirect URI is checked, then everything else.
#[cfg(test)]
mod tests;

use super::{
    authentication_context, compared::RedirectUriComparison, dpop, params::Params, pkce::CodeChallenge, redirect_uri,
    resource_identifier,
};
use crate::{client_metadata::ClientMetadata, error::ProtocolError, scope::Scopes};
const MAX_STATE_BYTES: usize = 4 * 1024;
const MAX_NONCE_BYTES: usize = 1024;

/// Why a request has no usable redirect URI, so that no answer may be sent to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackError {
    RedirectUriMismatch,
    RedirectUriMissing,
    Malformed(ProtocolError),
}

impl CallbackError {
    /// The redirect URI that was sent beside the registered ones; `None` if the redirect URI was not the error.
    pub fn compare(
        &self,
        params: &Params,
        client: &ClientMetadata,
        mask: impl Fn(&str) -> String,
    ) -> Option<RedirectUriComparison> {
        let sent = params.get("redirect_uri").ok()?;
        match self {
            Self::RedirectUriMismatch | Self::RedirectUriMissing => {
                Some(RedirectUriComparison::new(sent, &client.redirect_uris, mask))
            }
            Self::Malformed(_) => None,
        }
    }
}

impl From<ProtocolError> for CallbackError {
    fn from(error: ProtocolError) -> Self {
        Self::Malformed(error)
    }
}

impl From<CallbackError> for ProtocolError {
    fn from(error: CallbackError) -> Self {
        match error {
            CallbackError::RedirectUriMismatch => {
                Self::invalid_request("redirect_uri is not registered for this client")
            }
            CallbackError::RedirectUriMissing => {
                Self::invalid_request("redirect_uri is missing, and the client has not registered exactly one")
            }
            CallbackError::Malformed(error) => error,
        }
    }
}

/// The redirect URI of a request, which is proven to be the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// As requested, including the loopback port; the registered one if the request has none.
    pub redirect_uri: String,
    pub state: Option<String>,
}

impl Callback {
    /// Errors here are shown to the user and must never redirect (RFC 6749 §4.1.2.1).
    pub fn resolve(params: &Params, client: &ClientMetadata) -> Result<Self, CallbackError> {
        for name in ["client_id", "redirect_uri", "state", "request", "request_uri"] {
            params.get(name)?;
        }
        let redirect_uri = match (params.get("redirect_uri")?, client.redirect_uris.as_slice()) {
            (Some(requested), registered) => {
                if !registered.iter().any(|one| redirect_uri::matches(one, requested)) {
                    return Err(CallbackError::RedirectUriMismatch);
                }
                requested
            }
            (None, [only]) => only,
            (None, _) => return Err(CallbackError::RedirectUriMissing),
        };
        let state = params.get("state")?;
        if state.is_some_and(|state| state.len() > MAX_STATE_BYTES) {
            return Err(ProtocolError::invalid_request("state has more than 4096 bytes").into());
        }
        Ok(Self { redirect_uri: redirect_uri.to_owned(), state: state.map(str::to_owned) })
    }

    /// The URI to redirect to: `params`, then `state` unchanged, then `iss` (RFC 9207 §2).
    #[must_use]
    pub fn location(&self, issuer: &str, params: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let all: Vec<_> = params.iter().copied().chain(state).chain([("iss", issuer)]).collect();
        redirect_uri::append(&self.redirect_uri, &all)
    }
}

/// The well-formed request, not yet checked against policies.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// `None` if the request names no scope.
    pub scopes: Option<Scopes>,
    /// Absolute URIs without fragment (RFC 8707 §2); empty if the request names none.
    pub resources: Vec<String>,
    /// The PKCE challenge, method S256.
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub prompt: Prompt,
    /// The most seconds since the user's last sign-in; 0 demands a new sign-in (OpenID Connect Core §3.1.2.1).
    pub max_age: Option<u64>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
    /// Thumbprint of the key that the code will be bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

impl AuthorizationRequest {
    /// Errors here are sent to the client, at its `Callback`.
    pub fn parse(params: &Params, client: &ClientMetadata) -> Result<Self, ProtocolError> {
        params.refuse_repeats(&["resource"])?;
        refuse_request_objects(params)?;
        check_flow(params, client)?;
        authentication_context::check(params)?;
        Ok(Self {
            code_challenge: CodeChallenge::parse(params)?.into_string(),
            scopes: parse_scope(params)?,
            resources: parse_resources(params)?,
            prompt: Prompt::parse(params)?,
            max_age: parse_max_age(params)?,
            nonce: parse_nonce(params)?,
            login_hint: params.get("login_hint")?.map(str::to_owned),
            id_token_hint: params.get("id_token_hint")?.map(str::to_owned),
            dpop_jkt: parse_dpop_jkt(params)?,
        })
    }
}

/// OpenID Connect Core §6: an unsupported object must not be ignored.
fn refuse_request_objects(params: &Params) -> Result<(), ProtocolError> {
    if params.get("request")?.is_some() {
        return Err(ProtocolError::request_not_supported("request objects are not supported"));
    }
    if params.get("request_uri")?.is_some() {
        return Err(ProtocolError::request_uri_not_supported("request_uri is not supported"));
    }
    Ok(())
}

fn check_flow(params: &Params, client: &ClientMetadata) -> Result<(), ProtocolError> {
    if params.require("response_type")? != "code" {
        return Err(ProtocolError::unsupported_response_type("response_type must be code"));
    }
    if !client.grant_types.iter().any(|grant_type| grant_type == "authorization_code") {
        return Err(ProtocolError::unauthorized_client("the client is not registered for authorization_code"));
    }
    match params.get("response_mode")? {
        None | Some("query") => Ok(()),
        Some(_) => Err(ProtocolError::invalid_request("response_mode must be query")),
    }
}

fn parse_scope(params: &Params) -> Result<Option<Scopes>, ProtocolError> {
    let malformed = || ProtocolError::invalid_scope("scope must be scope tokens with single spaces between them");
    params.get("scope")?.map(|scope| Scopes::parse(scope).ok_or_else(malformed)).transpose()
}

fn parse_resources(params: &Params) -> Result<Vec<String>, ProtocolError> {
    let resources: Vec<_> = params.all("resource").map(str::to_owned).collect();
    if resources.iter().all(|one| resource_identifier::is_identifier(one)) {
        Ok(resources)
    } else {
        Err(ProtocolError::invalid_target("resource must be an absolute URI without fragment"))
    }
}

fn parse_max_age(params: &Params) -> Result<Option<u64>, ProtocolError> {
    let seconds = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    let malformed = || ProtocolError::invalid_request("max_age must be a whole number of seconds");
    params.get("max_age")?.map(|text| seconds(text).ok_or_else(malformed)).transpose()
}

fn parse_nonce(params: &Params) -> Result<Option<String>, ProtocolError> {
    match params.get("nonce")? {
        Some(nonce) if nonce.len() > MAX_NONCE_BYTES => {
            Err(ProtocolError::invalid_request("nonce has more than 1024 bytes"))
        }
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

fn parse_dpop_jkt(params: &Params) -> Result<Option<String>, ProtocolError> {
    match params.get("dpop_jkt")? {
        Some(jkt) if !dpop::is_thumbprint(jkt) => {
            Err(ProtocolError::invalid_request("dpop_jkt must be 43 base64url characters without padding"))
        }
        jkt => Ok(jkt.map(str::to_owned)),
    }
}

/// The pages that the client wants shown (OpenID Connect Core §3.1.2.1); `none` excludes the others.
#[allow(clippy::struct_excessive_bools)] // the specification's four independent values
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
    pub select_account: bool,
}

impl Prompt {
    fn parse(params: &Params) -> Result<Self, ProtocolError> {
        let values: Vec<_> = params.get("prompt")?.unwrap_or_default().split_ascii_whitespace().collect();
        let has = |value| values.contains(&value);
        if has("none") && values.len() > 1 {
            return Err(ProtocolError::invalid_request("prompt none must stand alone"));
        }
        Ok(Self {
            none: has("none"),
            login: has("login"),
            consent: has("consent"),
            select_account: has("select_account"),
        })
    }
}
