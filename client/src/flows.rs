//! The ways to a token, one file each; all end in a [`TokenResponse`].
pub mod auth_code;
mod callback;
pub mod client_credentials;
pub mod device;
pub mod id_jag;
pub mod jwt_bearer;
mod page;

use crate::{
    address::Address,
    cli::Browser,
    error::{Failure, Result},
    http::Http,
    identity::Identity,
    keys::SigningKey,
    mask,
    metadata::ServerMetadata,
    output::Output,
    token::{self, ClientAuth, Form, TokenResponse},
};

/// What every flow knows.
pub struct Ask<'a> {
    pub http: &'a Http,
    pub out: Output,
    pub browser: Browser,
    /// Of the MCP server, for people.
    pub name: &'a str,
    pub server: &'a ServerMetadata,
    pub identity: &'a Identity,
    /// RFC 8707.
    pub resource: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// The key the tokens are to be bound to (RFC 9449).
    pub key: Option<&'a SigningKey>,
}

impl Ask<'_> {
    pub fn auth(&self) -> Result<ClientAuth> {
        client_auth(self.identity, &self.server.issuer)
    }

    pub async fn token(&self, form: &Form) -> Result<TokenResponse> {
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

fn endpoint<'a>(endpoint: Option<&'a Address>, name: &str) -> Result<&'a Address> {
    endpoint.ok_or_else(|| {
        Failure::new("discovery", format!("the authorization server's metadata has no {name} that is a web address"))
    })
}
