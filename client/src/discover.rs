//! From the address of an MCP server to its authorization server: the challenge, RFC 9728, RFC 8414.
mod plan;

use crate::{
    address::Address,
    challenge::{self, Challenge},
    error::{Failure, Result},
    http::{Answer, Headers, Http},
    mcp,
    metadata::{ResourceMetadata, ServerMetadata},
};
pub use plan::{authorization_server_urls, fits, resource_metadata_urls};
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
    pub resource_metadata: Option<(Address, Source, ResourceMetadata)>,
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

    pub fn authorization_server(&self) -> Result<&AuthorizationServer> {
        self.authorization_server.as_ref().ok_or_else(|| {
            let found = match self.status {
                200..300 => "it answers without credentials",
                _ if self.challenges.iter().any(|challenge| challenge.is("Basic")) => {
                    "it wants a name and a password (--username NAME --password-stdin)"
                }
                _ => {
                    "it names no authorization server (a token or key you have: --bearer-token -, --header NAME=VALUE)"
                }
            };
            Failure::new(
                "no_authorization_server",
                format!("{} cannot be logged in to with OAuth: {found}", self.server.shown()),
            )
        })
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
        resource_metadata: None,
        authorization_server: None,
        by_origin: false,
        warnings: Vec::new(),
    };
    let open = probe.status != 401 && found.challenges.is_empty();
    found.resource_metadata = resource_metadata(http, &mut found, hints).await?;
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
        None if open || !speaks_bearer(&found.challenges) => None,
        None => {
            found.by_origin = true;
            Some(of_the_same_origin(http, server).await?)
        }
    };
    Ok(found)
}

/// A server without any challenge may be one of 2025-03-26; one that asks for Basic is not.
fn speaks_bearer(challenges: &[Challenge]) -> bool {
    challenges.is_empty() || challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"))
}

async fn resource_metadata(
    http: &Http,
    found: &mut Discovery,
    hints: &Hints,
) -> Result<Option<(Address, Source, ResourceMetadata)>> {
    let named = challenge::parameter(&found.challenges, "resource_metadata").map(Address::parse).transpose();
    let unusable = |failure| Failure::new("discovery", format!("the challenge's resource_metadata: {failure}"));
    let named = named.map_err(unusable)?;
    let http = hints.resource_metadata_url.as_ref().map_or_else(|| http.clone(), |url| http.under(url));
    if let Some((url, source)) = hints
        .resource_metadata_url
        .clone()
        .map(|url| (url, Source::Given))
        .or(named.map(|url| (url, Source::Challenge)))
    {
        let answer = http.document(&url).await?;
        let metadata = judge_resource(&answer, found).ok_or_else(|| {
            Failure::new("discovery", format!("{} is no resource metadata (HTTP {})", url.shown(), answer.status))
        })??;
        return Ok(Some((url, source, metadata)));
    }
    for (url, source) in resource_metadata_urls(&found.server) {
        let Ok(answer) = http.document(&url).await else { continue };
        if let Some(metadata) = judge_resource(&answer, found) {
            return Ok(Some((url, source, metadata?)));
        }
    }
    Ok(None)
}

/// None: not such a document at all. An error: one that must not be used (RFC 9728 §3.3).
fn judge_resource(answer: &Answer, found: &mut Discovery) -> Option<Result<ResourceMetadata>> {
    let value = answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some())?;
    if !answer.is_json() {
        found.warnings.push(format!("{} is not served as application/json", answer.url.shown()));
    }
    let metadata: ResourceMetadata = match serde_json::from_value(value) {
        Ok(metadata) => metadata,
        Err(_) => return None,
    };
    if metadata.resource == found.server.as_str() || metadata.resource == found.server.as_str().trim_end_matches('/') {
        return Some(Ok(metadata));
    }
    if fits(&metadata.resource, &found.server) {
        found.warnings.push(format!(
            "resource {} is not exactly the address of the server; strict clients stop here (RFC 9728 §3.3)",
            metadata.resource
        ));
        return Some(Ok(metadata));
    }
    Some(Err(Failure::new(
        "resource_mismatch",
        format!("{} describes another resource than this server (RFC 9728 §3.3)", answer.url.shown()),
    )))
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

/// Revision 2025-03-26: the MCP server's origin is the authorization server.
async fn of_the_same_origin(http: &Http, server: &Address) -> Result<AuthorizationServer> {
    let origin = server.origin().ascii_serialization();
    let (parsed, root) = (server.root(), server.clone());
    for url in authorization_server_urls(&parsed) {
        let Ok(answer) = http.document(&url).await else { continue };
        let Some(metadata) = server_metadata(&answer) else { continue };
        if metadata.issuer == origin || metadata.issuer == parsed.as_str() {
            return Ok(AuthorizationServer { metadata, metadata_url: Some(url), root });
        }
        return Err(Failure::new(
            "issuer_mismatch",
            format!("{} is of another issuer than {origin} and cannot be used (RFC 8414 §3.3)", url.shown()),
        ));
    }
    Ok(AuthorizationServer { metadata: ServerMetadata::by_convention(&parsed), metadata_url: None, root })
}
