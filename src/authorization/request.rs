//! An authorization request, parsed from its raw query. The URL is the only state, and each step parses it again.
use super::{
    checks::{asking, check, compare, record},
    pushed_request,
};
use crate::{
    app::App,
    clients::metadata_document::{Resolution, on_record, resolve},
    error::{OAuthError, ProtocolError},
    model::{Client, ClientId, Role, UserId},
    oauth::{
        authorization_request::{AuthorizationRequest, Callback},
        compared::RedirectUriComparison,
        params::Params,
        resource::{GrantableScopes, Resource},
    },
    secrets::Digest,
};
use std::sync::Arc;

/// A request that is valid for any user.
pub struct ValidRequest<'a> {
    pub client: Arc<Client>,
    pub callback: Callback,
    pub request: AuthorizationRequest,
    /// Empty when the client asks only for claims about the user: then this server is the audience.
    pub resources: Vec<&'a Resource>,
    /// Digest of the `request_uri`, if the request was pushed (RFC 9126): valid until the user has decided.
    pub pushed: Option<Digest>,
}

/// The person on whose behalf the request is read.
#[derive(Clone, Copy)]
pub enum Visitor {
    Nobody,
    Person(UserId),
    /// A user who decides on the page they saw: the server fetches nothing for this request.
    Decider,
}

/// Where an error is reported (RFC 6749 §4.1.2.1).
pub enum Refusal {
    /// Client or redirect URI are not proven: no answer may be sent there.
    ToUser(OAuthError),
    /// The client did not register this redirect URI: no answer may be sent there.
    ElsewhereThanRegistered {
        client: Arc<Client>,
        error: OAuthError,
        compared: RedirectUriComparison,
    },
    ToClient {
        client: Arc<Client>,
        callback: Callback,
        error: OAuthError,
    },
    /// No error yet: the client can only be looked up after somebody signed in.
    AfterSignIn,
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::ToUser(error)
    }
}

impl<'a> ValidRequest<'a> {
    /// If the query refers to a pushed request, that request is parsed instead.
    pub async fn parse(app: &'a App, query: &str, visitor: Visitor) -> Result<Self, Refusal> {
        let mut client = None;
        let read = Self::read(app, query, visitor, &mut client).await;
        match &read {
            Ok(_) => record(app, client.as_ref(), None, None),
            Err(Refusal::ElsewhereThanRegistered { error, compared, .. }) => {
                record(app, client.as_ref(), Some(error), Some(compared));
            }
            Err(Refusal::ToUser(error) | Refusal::ToClient { error, .. }) => {
                record(app, client.as_ref(), Some(error), None);
            }
            Err(Refusal::AfterSignIn) => {}
        }
        read
    }

    /// Sets `known` to the client as soon as it is found.
    async fn read(app: &'a App, query: &str, visitor: Visitor, known: &mut Option<ClientId>) -> Result<Self, Refusal> {
        let asked = Params::parse(query.as_bytes())?;
        let (params, pushed) = match pushed_request::find(app, &asked).await? {
            Some((params, hash)) => (params, Some(hash)),
            None => (asked.clone(), None),
        };
        let id = asked.require("client_id")?;
        let resolved = match visitor {
            Visitor::Nobody => resolve(app, id, None).await?,
            Visitor::Person(user) => resolve(app, id, Some(user)).await?,
            Visitor::Decider => on_record(app, id).await?,
        };
        let client = match resolved {
            Resolution::Client(client) if client.disabled_at.is_none() => client,
            Resolution::AfterSignIn if params.get("prompt")? == Some("none") => {
                return Err(OAuthError::login_required("nobody is signed in").into());
            }
            Resolution::AfterSignIn => return Err(Refusal::AfterSignIn),
            Resolution::Client(_) | Resolution::Unknown => {
                let sentence = "no such app is known here, or it is disabled";
                return Err(OAuthError::invalid_client(sentence).into());
            }
        };
        *known = Some(client.id.clone());
        let callback = match Callback::resolve(&params, &client.metadata) {
            Ok(callback) => callback,
            Err(error) => {
                let compared = compare(app, &error, &params, &client);
                let error = OAuthError::from(ProtocolError::from(error));
                return Err(match compared {
                    Some(compared) => Refusal::ElsewhereThanRegistered { client, error, compared },
                    None => error.into(),
                });
            }
        };
        let details = match &pushed {
            None if must_push(app, &client) => {
                Err(OAuthError::invalid_request("the request must be pushed first (RFC 9126 section 4)"))
            }
            _ => check(app, &params, &client),
        };
        match details {
            Ok((request, resources)) => Ok(Self { client, callback, request, resources, pushed }),
            Err(error) => Err(Refusal::ToClient { client, callback, error }),
        }
    }

    /// The scopes that a user with this role would be asked to grant.
    pub fn grantable(&self, app: &App, role: Role) -> Result<GrantableScopes, OAuthError> {
        asking(app, &self.client, self.request.scopes.as_ref(), &self.resources).grantable(role)
    }

    #[must_use]
    pub fn refuse(self, error: OAuthError) -> Refusal {
        Refusal::ToClient { client: self.client, callback: self.callback, error }
    }
}

/// Whether this server or the client requires pushed requests (RFC 9126 §5 and §6).
fn must_push(app: &App, client: &Client) -> bool {
    let settings = &app.config.authorization;
    settings.require_pushed_requests
        || (settings.pushed_requests && client.metadata.require_pushed_authorization_requests)
}
