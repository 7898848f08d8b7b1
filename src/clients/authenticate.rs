//! Who is calling: client authentication (RFC 6749 §2.3, OAuth 2.1 §2.4) by `none`, Basic or body secret.
use crate::{
    app::App,
    error::OAuthError,
    model::{AuthMethod, Client},
    oauth::{basic::Basic, params::Params, resource::Resource},
    secrets::{ClientSecret, Digest},
};
use std::{net::IpAddr, sync::Arc};

/// What the request offers as proof; at most one method (RFC 6749 §2.3).
enum Credentials<'a> {
    Basic(Basic),
    Post { id: &'a str, secret: &'a str },
    Identified { id: &'a str },
}

impl<'a> Credentials<'a> {
    fn parse(authorization: Option<&str>, params: &'a Params) -> Result<Self, OAuthError> {
        let (id, secret) = (params.get("client_id")?, params.get("client_secret")?);
        match (authorization, id, secret) {
            (Some(_), _, Some(_)) => {
                Err(OAuthError::invalid_request("use one client authentication method, not two (RFC 6749 section 2.3)"))
            }
            (Some(header), ..) => {
                Basic::parse(header).map(Self::Basic).map_err(|_| OAuthError::invalid_client("malformed Basic header"))
            }
            (None, Some(id), Some(secret)) => Ok(Self::Post { id, secret }),
            (None, Some(id), None) => Ok(Self::Identified { id }),
            (None, None, _) => Err(OAuthError::invalid_client("client_id or an Authorization header is missing")),
        }
    }
}

fn refused() -> OAuthError {
    // Unknown, disabled and wrong must read the same (RFC 6749 §5.2).
    OAuthError::invalid_client("unknown client, or its authentication failed")
}

/// Finds the client and proves it. Nothing is consumed before this has succeeded.
pub async fn client(
    app: &App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<Arc<Client>, OAuthError> {
    let credentials = Credentials::parse(authorization, params)?;
    match &credentials {
        Credentials::Identified { id } => {
            let client = app.clients.find(id).await?.filter(|client| client.disabled_at.is_none());
            client.filter(|client| client.is_public()).ok_or_else(refused)
        }
        Credentials::Post { id, secret } => {
            with_secret(app, &[(id, secret)], AuthMethod::ClientSecretPost, address).await
        }
        Credentials::Basic(basic) => {
            let candidates: Vec<_> = basic.candidates().collect();
            let client = with_secret(app, &candidates, AuthMethod::ClientSecretBasic, address).await?;
            match params.get("client_id")? {
                Some(id) if id != client.id.as_str() => {
                    Err(OAuthError::invalid_client("client_id and the Authorization header name different clients"))
                }
                _ => Ok(client),
            }
        }
    }
}

async fn with_secret(
    app: &App,
    candidates: &[(&str, &str)],
    method: AuthMethod,
    address: IpAddr,
) -> Result<Arc<Client>, OAuthError> {
    for (id, secret) in candidates {
        let client = app.clients.find(id).await?;
        let presented = ClientSecret::presented(secret).digest();
        // Compared even where there is nothing to compare with, so that time tells nothing.
        let expected = client.as_ref().and_then(|client| client.secret_hash.clone());
        let matches = presented.matches(expected.as_ref().unwrap_or(&Digest::of("")));
        if let Some(client) = client.filter(|client| matches && expected.is_some() && accepts(client, method)) {
            return Ok(client);
        }
    }
    // A right secret always passes; only wrong ones are slowed down (RFC 6749 §2.3.1).
    let account = candidates.first().map_or("", |(id, _)| id);
    app.guesses.attempt(&format!("client {account}"), address)?;
    Err(refused())
}

fn accepts(client: &Client, method: AuthMethod) -> bool {
    let registered = client.metadata.token_endpoint_auth_method;
    client.disabled_at.is_none()
        && (registered == method || (client.metadata.any_secret_method && registered != AuthMethod::None))
}

/// Who may introspect (RFC 7662 §2.1): a resource server with credentials of its own, or a confidential client.
pub enum Introspector<'a> {
    ResourceServer(&'a Resource),
    Client(Arc<Client>),
}

pub async fn introspector<'a>(
    app: &'a App,
    authorization: Option<&str>,
    params: &Params,
    address: IpAddr,
) -> Result<Introspector<'a>, OAuthError> {
    let credentials = Credentials::parse(authorization, params)?;
    let candidates: Vec<_> = match &credentials {
        Credentials::Basic(basic) => basic.candidates().collect(),
        Credentials::Post { id, secret } => vec![(*id, *secret)],
        Credentials::Identified { .. } => return Err(OAuthError::invalid_client("introspection needs a secret")),
    };
    for (id, secret) in candidates {
        let known = app.resources.iter().find(|resource| {
            resource.introspection.as_ref().is_some_and(|own| own.id == id && own.secret.matches(&Digest::of(secret)))
        });
        if let Some(resource) = known {
            return Ok(Introspector::ResourceServer(resource));
        }
    }
    client(app, authorization, params, address).await.map(Introspector::Client)
}
