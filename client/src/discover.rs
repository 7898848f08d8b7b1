//! From the address of an MCP server to its authorization server: the challenge, RFC 9728, RFC 8414.
mod discovery;
mod plan;
mod resource;

use crate::{
    address::Address,
    error::{Failure, Result},
    http::{Answer, Headers, Http},
    mcp,
    metadata::ServerMetadata,
};
pub use discovery::{AuthorizationServer, Discovery, Hints};
pub use plan::{MetadataSource, authorization_server_urls, fits, resource_metadata_urls};
use reqwest::Method;
use serde_json::Value;

/// Asks the MCP server without credentials, and follows its answer to the authorization server.
pub async fn discover(http: &Http, server: &Address, hints: &Hints) -> Result<Discovery> {
    let probe = mcp::probe(http, server, &Headers::new()).await?;
    let mut found = Discovery {
        server: server.clone(),
        status: probe.status,
        stray: mcp::stray(&probe),
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
        (None, Some(document)) => Some(document.metadata.authorization_servers.first().cloned().ok_or_else(|| {
            Failure::new("discovery", format!("{} names no authorization_servers (RFC 9728 §2)", document.url.shown()))
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

/// The first metadata document whose issuer is the one that was asked for, byte for byte (RFC 8414 §3.3).
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

/// The authorization server's metadata, where the answer holds any.
pub fn server_metadata(answer: &Answer) -> Option<ServerMetadata> {
    let value: Value = answer.json().filter(|_| answer.status == 200)?;
    value.get("issuer")?;
    serde_json::from_value(value).ok()
}

/// The authorization server of revision 2025-03-26, which is the MCP server's own origin. `newer` says that the origin
/// has metadata of later revisions. Then a mismatch there is no error, and nothing is assumed by convention.
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

/// Whether something answers at the path of the convention. OPTIONS changes nothing there.
async fn has_authorization_endpoint(http: &Http, origin: &Address) -> bool {
    let Some(endpoint) = ServerMetadata::by_convention(origin).authorization_endpoint else { return false };
    let asked = http.send(Method::OPTIONS, &endpoint, &Headers::new(), None).await;
    asked.is_ok_and(|answer| answer.status() != 404)
}
