//! From the address of an MCP server to its authorization server: the challenge, RFC 9728, RFC 8414.
mod plan;
mod resource;

use crate::{
    address::Address,
    challenge::{self, Challenge},
    error::{Failure, Result},
    http::{Answer, Headers, Http},
    mcp,
    metadata::ServerMetadata,
};
pub use plan::{authorization_server_urls, fits, resource_metadata_urls};
use reqwest::Method;
use resource::Found;
use serde_json::Value;

/// What is known beforehand and need not be asked for.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub resource_metadata_url: Option<Address>,
    pub authorization_server: Option<String>,
}

impl Hints {
    /// What the person named besides the MCP server.
    fn root(&self) -> Result<Option<Address>> {
        let issuer = self.authorization_server.as_deref().map(Address::parse).transpose();
        let issuer = issuer.map_err(|failure| Failure::usage(format!("--authorization-server: {failure}")))?;
        Ok(issuer.or_else(|| self.resource_metadata_url.clone()))
    }
}

/// Where a document was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Challenge,
    PathInserted,
    Root,
    RootQuery,
    Given,
}

/// Everything a client learns before it asks anybody for a token.
#[derive(Clone, Debug)]
pub struct Discovery {
    pub server: Address,
    /// How the server answers a request without credentials.
    pub status: u16,
    pub challenges: Vec<Challenge>,
    /// What in them is not as it must be written.
    pub malformed: Vec<String>,
    pub resource_metadata: Option<Found>,
    /// The origin has resource metadata, and none of this server.
    pub describes_others: bool,
    pub authorization_server: Option<AuthorizationServer>,
    /// The authorization server was found as revision 2025-03-26 has it, which knows no `resource`.
    pub by_origin: bool,
    /// Every deviation that was forgiven.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    pub metadata: ServerMetadata,
    /// None: the server of 2025-03-26 publishes nothing, and its paths are known by convention.
    pub metadata_url: Option<Address>,
    /// What the person named that leads here.
    pub root: Address,
}

impl Discovery {
    /// What tokens are asked for (RFC 8707): verbatim from the metadata. A server of 2025-03-26 is never told.
    pub fn resource(&self) -> Option<String> {
        match &self.resource_metadata {
            Some((_, _, metadata)) => Some(metadata.resource.clone()),
            None if self.by_origin => None,
            None => Some(self.server.as_str().to_owned()),
        }
    }

    /// The scope to begin with: the challenge's, else all the resource lists, else none.
    pub fn scope(&self) -> Option<String> {
        let listed = || {
            let (_, _, metadata) = self.resource_metadata.as_ref()?;
            metadata.scopes_supported.as_ref().map(|scopes| scopes.join(" "))
        };
        challenge::parameter(&self.challenges, "scope")
            .map(str::to_owned)
            .or_else(listed)
            .filter(|scope| !scope.is_empty())
    }

    /// It serves everybody: there is nothing to sign in to.
    pub fn is_open(&self) -> bool {
        (200..300).contains(&self.status) && self.challenges.is_empty() && self.authorization_server.is_none()
    }

    /// A server without any challenge may be one of 2025-03-26; one that asks for Basic is not.
    pub fn wants_oauth(&self) -> bool {
        let asks = self.challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
        asks || (self.status == 401 && self.challenges.is_empty())
    }

    /// Whether tokens of this grant are good there, as far as the server says.
    pub fn takes_grant(&self, grant: &str) -> bool {
        let said = self.resource_metadata.as_ref().and_then(|(_, _, metadata)| metadata.grant_types_supported.as_ref());
        said.is_none_or(|grants| grants.iter().any(|taken| taken == grant))
    }

    /// What people call it: its own name, else its host.
    pub fn name(&self) -> String {
        let own = self.resource_metadata.as_ref().and_then(|(_, _, metadata)| metadata.resource_name.clone());
        own.filter(|name| !name.is_empty()).unwrap_or_else(|| self.server.host_str().unwrap_or_default().to_owned())
    }

    pub fn authorization_server(&self) -> Result<&AuthorizationServer> {
        self.authorization_server.as_ref().ok_or_else(|| {
            let found = match self.status {
                200..300 => "it answers without credentials".to_owned(),
                401 if !self.malformed.is_empty() => self.malformed_challenge(),
                401 if self.challenges.iter().any(|challenge| challenge.is("Basic")) => {
                    "it wants a name and a password (--username NAME --password-stdin)".to_owned()
                }
                401 | 403 => "it names no authorization server \
                    (a token or key you have: --bearer-token -, --header NAME=VALUE)"
                    .to_owned(),
                status => format!("it answers HTTP {status}; is that the address of an MCP server?"),
            };
            Failure::new(
                "no_authorization_server",
                format!("{} cannot be logged in to with OAuth: {found}", self.server.shown()),
            )
        })
    }

    fn malformed_challenge(&self) -> String {
        format!("its challenge (WWW-Authenticate) is malformed (RFC 9110 §11.6.1): {}", self.malformed.join("; "))
    }

    /// The authorization server, by its name.
    pub fn issuer(&self) -> &str {
        self.authorization_server.as_ref().map_or("none", |server| &server.metadata.issuer)
    }

    /// Whether the server takes tokens of this issuer, as far as it says.
    pub fn accepts(&self, issuer: &str) -> bool {
        match &self.resource_metadata {
            Some((_, _, metadata)) => metadata.authorization_servers.iter().any(|listed| listed == issuer),
            None => self.authorization_server.as_ref().is_some_and(|server| server.metadata.issuer == issuer),
        }
    }

    /// Whether a token of this resource must be bound to a key.
    pub fn demands_dpop(&self) -> bool {
        self.resource_metadata.as_ref().is_some_and(|(_, _, metadata)| metadata.dpop_bound_access_tokens_required)
    }
}

pub async fn discover(http: &Http, server: &Address, hints: &Hints) -> Result<Discovery> {
    let probe = mcp::probe(http, server, &Headers::new()).await?;
    let mut found = Discovery {
        server: server.clone(),
        status: probe.status,
        challenges: probe.challenges(),
        malformed: probe.malformed_challenges(),
        resource_metadata: None,
        describes_others: false,
        authorization_server: None,
        by_origin: false,
        warnings: Vec::new(),
    };
    found.resource_metadata = resource::find(http, &mut found, hints).await?;
    if !found.malformed.is_empty() {
        found.warnings.push(found.malformed_challenge());
    }
    let issuer = match (&hints.authorization_server, &found.resource_metadata) {
        (Some(issuer), _) => Some(issuer.clone()),
        (None, Some((url, _, metadata))) => Some(metadata.authorization_servers.first().cloned().ok_or_else(|| {
            Failure::new("discovery", format!("{} names no authorization_servers (RFC 9728 §2)", url.shown()))
        })?),
        (None, None) => None,
    };
    let root = hints.root()?.unwrap_or_else(|| server.clone());
    found.authorization_server = match issuer {
        Some(issuer) => Some(authorization_server(http, &root, &issuer).await?),
        None if !found.wants_oauth() => None,
        None => of_the_same_origin(http, server, found.describes_others).await?,
    };
    found.by_origin = hints.authorization_server.is_none()
        && found.resource_metadata.is_none()
        && found.authorization_server.is_some();
    Ok(found)
}

/// The first document that says of itself what was asked for (RFC 8414 §3.3, byte for byte).
pub async fn authorization_server(http: &Http, root: &Address, issuer: &str) -> Result<AuthorizationServer> {
    let http = http.under(root);
    let unusable = |failure| Failure::new("discovery", format!("the issuer identifier: {failure}"));
    let parsed = Address::parse(issuer).map_err(unusable)?;
    http.allow(&parsed).await?;
    let mut mismatch = None;
    for url in authorization_server_urls(&parsed) {
        let Ok(answer) = http.document(&url).await else { continue };
        let Some(metadata) = server_metadata(&answer) else { continue };
        if metadata.issuer == issuer {
            return Ok(AuthorizationServer { metadata, metadata_url: Some(url), root: root.clone() });
        }
        mismatch.get_or_insert(url);
    }
    Err(match mismatch {
        Some(url) => Failure::new(
            "issuer_mismatch",
            format!("{} is of another issuer than {issuer} and cannot be used (RFC 8414 §3.3)", url.shown()),
        ),
        None => {
            Failure::new("discovery", format!("{issuer} publishes no metadata (RFC 8414, OpenID Connect Discovery)"))
        }
    })
}

pub fn server_metadata(answer: &Answer) -> Option<ServerMetadata> {
    let value: Value = answer.json().filter(|_| answer.status == 200)?;
    value.get("issuer")?;
    serde_json::from_value(value).ok()
}

/// Revision 2025-03-26: the MCP server's origin is the authorization server. `newer`: the origin has metadata of later
/// revisions, so what it does not say there it does not have.
async fn of_the_same_origin(http: &Http, server: &Address, newer: bool) -> Result<Option<AuthorizationServer>> {
    let origin = server.origin().ascii_serialization();
    let (parsed, root) = (server.root(), server.clone());
    for url in authorization_server_urls(&parsed) {
        let Ok(answer) = http.document(&url).await else { continue };
        let Some(metadata) = server_metadata(&answer) else { continue };
        if metadata.issuer == origin || metadata.issuer == parsed.as_str() {
            return Ok(Some(AuthorizationServer { metadata, metadata_url: Some(url), root }));
        }
        if !newer {
            return Err(Failure::new(
                "issuer_mismatch",
                format!("{} is of another issuer than {origin} and cannot be used (RFC 8414 §3.3)", url.shown()),
            ));
        }
    }
    if newer || !has_authorization_endpoint(http, &parsed).await {
        return Ok(None);
    }
    Ok(Some(AuthorizationServer { metadata: ServerMetadata::by_convention(&parsed), metadata_url: None, root }))
}

/// Whether something is at the path of the convention; a question that changes nothing.
async fn has_authorization_endpoint(http: &Http, origin: &Address) -> bool {
    let Some(endpoint) = ServerMetadata::by_convention(origin).authorization_endpoint else { return false };
    let asked = http.send(Method::OPTIONS, &endpoint, &Headers::new(), None).await;
    asked.is_ok_and(|answer| answer.status() != 404)
}
