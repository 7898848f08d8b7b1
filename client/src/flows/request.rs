//! What all requests of one flow have in common, and the token request itself (RFC 6749 §3.2).
use crate::{
    address::Address,
    browser::Browser,
    error::{Failure, Result},
    http::Http,
    identity::Identity,
    keys::SigningKey,
    mask,
    metadata::ServerMetadata,
    output::Output,
    token::{self, ClientAuth, Form, TokenResponse},
};

/// What a flow asks for, in whose name, and of which authorization server.
pub struct TokenRequest<'a> {
    pub http: &'a Http,
    pub server: &'a ServerMetadata,
    pub identity: &'a Identity,
    /// RFC 8707.
    pub resource: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// The key the tokens are to be bound to (RFC 9449).
    pub key: Option<&'a SigningKey>,
}

/// How a flow speaks to the person who signs in.
pub struct SignInPrompt<'a> {
    pub out: Output,
    pub browser: Browser,
    /// The name of the MCP server, for the person to read.
    pub server_name: &'a str,
}

impl TokenRequest<'_> {
    pub fn auth(&self) -> Result<ClientAuth> {
        client_auth(self.identity, &self.server.issuer)
    }

    /// Sends the form of one grant to the token endpoint.
    pub async fn send(&self, form: &Form) -> Result<TokenResponse> {
        let endpoint = endpoint(self.server.token_endpoint.as_ref(), "token_endpoint")?;
        token::request(self.http, endpoint, &self.auth()?, form, self.key).await
    }
}

pub fn client_auth(identity: &Identity, issuer: &str) -> Result<ClientAuth> {
    identity.secret.as_deref().inspect(|secret| mask::learn(secret));
    Ok(ClientAuth {
        client_id: identity.client_id.clone(),
        method: identity.method.clone(),
        secret: identity.secret.clone(),
        key: identity.private_key.as_deref().map(SigningKey::from_pem).transpose()?,
        issuer: issuer.to_owned(),
    })
}

/// The endpoint, where the metadata has one that can be used.
pub fn endpoint<'a>(endpoint: Option<&'a Address>, name: &str) -> Result<&'a Address> {
    endpoint.ok_or_else(|| {
        Failure::new("discovery", format!("the authorization server's metadata has no {name} that is a web address"))
    })
}
