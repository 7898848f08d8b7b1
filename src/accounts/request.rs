//! An authorization request, judged from its raw query: the URL is the only state, and is read again at each step.
use crate::{
    app::App,
    clients::metadata_document::{Resolved, resolve},
    error::OAuthError,
    model::{Client, Role, Scopes, UserId},
    oauth::{
        authorization_request::{AuthorizationRequest, Callback},
        params::Params,
        resource::{OIDC_SCOPES, Resource, grantable},
    },
};
use std::sync::Arc;

pub struct Judged<'a> {
    pub client: Arc<Client>,
    pub callback: Callback,
    pub request: AuthorizationRequest,
    /// Empty when only our own claims about the user are asked for: then the audience is ourselves.
    pub resources: Vec<&'a Resource>,
}

/// Who is told what is wrong (RFC 6749 §4.1.2.1).
pub enum Refusal {
    /// The client or its redirect URI is not proven: nothing may be sent there.
    ToUser(OAuthError),
    ToClient {
        client: Arc<Client>,
        callback: Callback,
        error: OAuthError,
    },
    /// Nothing is wrong yet; who the client is can only be found out once somebody signed in.
    AfterSignIn,
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::ToUser(error)
    }
}

impl<'a> Judged<'a> {
    /// `visitor` is who signed in.
    pub async fn parse(app: &'a App, query: &str, visitor: Option<UserId>) -> Result<Self, Refusal> {
        let params = Params::parse(query.as_bytes())?;
        let client = match resolve(app, params.require("client_id")?, visitor).await? {
            Resolved::Client(client) if client.disabled_at.is_none() => client,
            Resolved::AfterSignIn if params.get("prompt")? == Some("none") => {
                return Err(OAuthError::login_required("nobody is signed in").into());
            }
            Resolved::AfterSignIn => return Err(Refusal::AfterSignIn),
            Resolved::Client(_) | Resolved::Unknown => {
                let sentence = "no such client is known here, or it is disabled";
                return Err(OAuthError::invalid_client(sentence).into());
            }
        };
        let callback = Callback::resolve(&params, &client.metadata)?;
        match Self::details(app, &params, &client) {
            Ok((request, resources)) => Ok(Self { client, callback, request, resources }),
            Err(error) => Err(Refusal::ToClient { client, callback, error }),
        }
    }

    fn details(
        app: &'a App,
        params: &Params,
        client: &Client,
    ) -> Result<(AuthorizationRequest, Vec<&'a Resource>), OAuthError> {
        let request = AuthorizationRequest::parse(params, &client.metadata)?;
        let resources = resources(app, &request.resources, request.scopes.as_ref(), client)?;
        // Whoever signs in: if nobody could be asked for this, say so now.
        grantable(request.scopes.as_ref(), registered_scopes(client).as_ref(), &resources, Role::Admin)?;
        Ok((request, resources))
    }

    /// What a user of this role would be asked to grant.
    pub fn scopes(&self, role: Role) -> Result<Scopes, OAuthError> {
        let registered = registered_scopes(&self.client);
        grantable(self.request.scopes.as_ref(), registered.as_ref(), &self.resources, role)
    }

    #[must_use]
    pub fn refuse(self, error: OAuthError) -> Refusal {
        Refusal::ToClient { client: self.client, callback: self.callback, error }
    }
}

/// What it asks for when it asks for nothing (RFC 7591 §2).
#[must_use]
pub fn registered_scopes(client: &Client) -> Option<Scopes> {
    client.metadata.scope.as_deref().and_then(Scopes::parse)
}

/// RFC 8707 §2. Ourselves may be named; and when only OpenID Connect's scopes are asked for, nobody else is meant.
pub fn resources<'a>(
    app: &'a App,
    named: &[String],
    scopes: Option<&Scopes>,
    client: &Client,
) -> Result<Vec<&'a Resource>, OAuthError> {
    let others: Vec<_> = named.iter().filter(|one| **one != app.config.issuer).cloned().collect();
    let scopes = scopes.cloned().or_else(|| registered_scopes(client)).unwrap_or_default();
    let only_openid = scopes.contains("openid") && scopes.iter().all(|scope| OIDC_SCOPES.contains(&scope));
    if others.is_empty() && (only_openid || !named.is_empty()) {
        return Ok(vec![]);
    }
    app.resources.select(&others)
}
