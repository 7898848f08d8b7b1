//! A guard in front of one MCP server, without a file.
use super::Settings;
use crate::upstream;
use anyhow::{Context, ensure};
use keyward_guard::{jwks::is_loopback, scopes::words};
use serde_json::json;
use std::{collections::BTreeMap, net::SocketAddr};
use url::Url;

/// The guarded server, the issuer of its tokens, and the URL for clients.
#[derive(Clone, Debug)]
pub struct InFront {
    /// The MCP server's own URL. It must be reachable only through the guard.
    pub upstream: String,
    /// The authorization server's issuer identifier (RFC 8414 §2).
    pub issuer: String,
    /// The URL for clients, which is the resource identifier (RFC 9728 §1.2); by default `http://`, `listen`, and
    /// `/mcp`, or `/sse` if the server uses that transport.
    pub resource: Option<String>,
    pub listen: SocketAddr,
    /// A human name for challenges and metadata.
    pub name: Option<String>,
    /// Scopes that clients request, and that tools without their own scopes need; separated by spaces.
    pub scopes: String,
    /// Scopes for calling a tool, separated by spaces.
    pub tools: BTreeMap<String, String>,
}

impl Settings {
    /// One surface, of kind `oauth`.
    ///
    /// # Errors
    /// A URL is malformed or cannot work.
    pub fn in_front(of: &InFront) -> anyhow::Result<Self> {
        let upstream = Url::parse(&of.upstream).context("the upstream is not a URL")?;
        let path = if upstream::is_legacy(&upstream) { "/sse" } else { "/mcp" };
        let resource = of.resource.clone().unwrap_or_else(|| format!("http://{}{path}", of.listen));
        let url = Url::parse(&resource).context("the resource is not a URL")?;
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)),
            "the resource must be an https URL (http only on a loopback address): the one that clients are given"
        );
        let origin = url.origin().ascii_serialization();
        let path = resource.strip_prefix(&origin).context("the resource must be spelled canonically")?;
        // The surface may occupy the whole origin.
        let path = if path.is_empty() { "/" } else { path };
        let all = of.tools.values().flat_map(|scopes| scopes.split(' '));
        let supported = words(&of.scopes.split(' ').chain(all).collect::<Vec<_>>().join(" ")).join(" ");
        let settings: Self = serde_json::from_value(json!({
            "listen": of.listen,
            "origins": [origin],
            "issuer": of.issuer,
            "surface": [{
                "id": "guard",
                "kind": "oauth",
                "name": of.name,
                "path": path,
                "upstream": of.upstream,
                "challenge_scope": of.scopes,
                "scopes_supported": supported,
                "tool_scopes": of.tools,
            }],
        }))?;
        settings.check()?;
        Ok(settings)
    }
}
