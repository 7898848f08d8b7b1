//! What discovery finds out about an MCP server before anybody asks for a token.
use super::plan::MetadataSource;
use crate::{
    address::Address,
    challenge::{self, Challenge},
    error::{Failure, Result},
    metadata::{ResourceMetadata, ServerMetadata},
};
use clap::Args;

/// What the person says of a server, so that nobody needs to ask that server for it.
#[derive(Args, Clone, Debug, Default)]
pub struct Hints {
    /// Read the resource metadata (RFC 9728) here, instead of asking the server where it is.
    #[arg(long, value_name = "URL")]
    pub resource_metadata_url: Option<Address>,
    /// Use the authorization server with this issuer, instead of the first one the resource names.
    #[arg(long, value_name = "ISSUER")]
    pub authorization_server: Option<String>,
}

impl Hints {
    /// The address that the person named besides the MCP server's.
    pub(super) fn root(&self) -> Result<Option<Address>> {
        let issuer = self.authorization_server.as_deref().map(Address::parse).transpose();
        let issuer = issuer.map_err(|failure| Failure::usage(format!("--authorization-server: {failure}")))?;
        Ok(issuer.or_else(|| self.resource_metadata_url.clone()))
    }
}

/// The metadata of the resource (RFC 9728), and where it was found.
#[derive(Clone, Debug)]
pub struct ResourceDocument {
    pub url: Address,
    pub source: MetadataSource,
    pub metadata: ResourceMetadata,
}

/// Everything that a client learns before it asks anybody for a token.
#[derive(Clone, Debug)]
pub struct Discovery {
    pub server: Address,
    /// How the server answers a request without credentials.
    pub status: u16,
    /// Why that is no answer of an MCP server, as far as can be seen.
    pub stray: Option<String>,
    pub challenges: Vec<Challenge>,
    /// The rules that the challenges break (RFC 9110 §11.6.1).
    pub malformed: Vec<String>,
    pub resource_metadata: Option<ResourceDocument>,
    /// The origin has resource metadata of other resources, and none of this server.
    pub describes_others: bool,
    pub authorization_server: Option<AuthorizationServer>,
    /// The authorization server was found by the rules of revision 2025-03-26, which has no `resource` parameter.
    pub by_origin: bool,
    /// Deviations from the rules that this client tolerates.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    pub metadata: ServerMetadata,
    /// None where the server publishes nothing and the paths of revision 2025-03-26 are assumed.
    pub metadata_url: Option<Address>,
    /// The address that the person named, and that led to this authorization server.
    pub root: Address,
}

impl Discovery {
    /// The `resource` parameter of requests (RFC 8707 §2), verbatim from the metadata. A server of revision 2025-03-26
    /// gets none.
    pub fn resource(&self) -> Option<String> {
        match &self.resource_metadata {
            Some(document) => Some(document.metadata.resource.clone()),
            None if self.by_origin => None,
            None => Some(self.server.as_str().to_owned()),
        }
    }

    /// The scope to begin with: the challenge's, else all that the metadata lists, else none.
    pub fn scope(&self) -> Option<String> {
        let listed = || {
            let document = self.resource_metadata.as_ref()?;
            document.metadata.scopes_supported.as_ref().map(|scopes| scopes.join(" "))
        };
        challenge::parameter(&self.challenges, "scope")
            .map(str::to_owned)
            .or_else(listed)
            .filter(|scope| !scope.is_empty())
    }

    /// Whether the server serves everybody, so that there is nothing to sign in to.
    pub fn is_open(&self) -> bool {
        let unprotected = self.challenges.is_empty() && self.authorization_server.is_none();
        (200..300).contains(&self.status) && self.stray.is_none() && unprotected
    }

    /// Whether the server may want OAuth. A 401 without a challenge may come from a server of revision 2025-03-26.
    pub fn wants_oauth(&self) -> bool {
        let asks = self.challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
        asks || (self.status == 401 && self.challenges.is_empty())
    }

    /// Whether the server takes tokens of this grant, as far as its metadata says.
    pub fn takes_grant(&self, grant: &str) -> bool {
        let said =
            self.resource_metadata.as_ref().and_then(|document| document.metadata.grant_types_supported.as_ref());
        said.is_none_or(|grants| grants.iter().any(|taken| taken == grant))
    }

    /// The server's name for people: its own, else its host.
    pub fn name(&self) -> String {
        let own = self.resource_metadata.as_ref().and_then(|document| document.metadata.resource_name.clone());
        own.filter(|name| !name.is_empty()).unwrap_or_else(|| self.server.host_str().unwrap_or_default().to_owned())
    }

    pub fn authorization_server(&self) -> Result<&AuthorizationServer> {
        self.authorization_server.as_ref().ok_or_else(|| {
            let found = match self.status {
                200..300 if self.stray.is_none() => "it answers without credentials".to_owned(),
                401 if !self.malformed.is_empty() => self.malformed_challenge(),
                401 if self.challenges.iter().any(|challenge| challenge.is("Basic")) => {
                    "it wants a name and a password (--username NAME --password-stdin)".to_owned()
                }
                401 | 403 => "it names no authorization server \
                    (a token or key you have: --bearer-token -, --header NAME=VALUE)"
                    .to_owned(),
                _ => self.stray.clone().unwrap_or_default(),
            };
            Failure::new(
                "no_authorization_server",
                format!("{} cannot be logged in to with OAuth: {found}", self.server.shown()),
            )
        })
    }

    pub(super) fn malformed_challenge(&self) -> String {
        format!("its challenge (WWW-Authenticate) is malformed (RFC 9110 §11.6.1): {}", self.malformed.join("; "))
    }

    /// The issuer of the authorization server, for people.
    pub fn issuer(&self) -> &str {
        self.authorization_server.as_ref().map_or("none", |server| &server.metadata.issuer)
    }

    /// Whether the server takes tokens of this issuer, as far as its metadata says.
    pub fn accepts(&self, issuer: &str) -> bool {
        match &self.resource_metadata {
            Some(document) => document.metadata.authorization_servers.iter().any(|listed| listed == issuer),
            None => self.authorization_server.as_ref().is_some_and(|server| server.metadata.issuer == issuer),
        }
    }

    /// Whether a token of this resource must be bound to a key.
    pub fn demands_dpop(&self) -> bool {
        self.resource_metadata.as_ref().is_some_and(|document| document.metadata.dpop_bound_access_tokens_required)
    }
}
