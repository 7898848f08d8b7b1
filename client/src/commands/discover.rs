//! `mcp-auth discover`: shows how a server wants to be logged in to, and where that was found.
use super::context::Context;
use crate::{
    address::Address,
    discover::{self, Discovery, Hints},
    error::Result,
    metadata::{ResourceMetadata, ServerMetadata},
    modes::{self, Mode},
    output,
};
use serde_json::{Value, json};

/// Find out how an MCP server wants to be logged in to.
///
/// Shows the challenge, where the metadata was found, the ways to log in, scopes and endpoints, and a warning for
/// every deviation. Nothing is changed, and no login is needed.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth discover https://mcp.example.com/mcp\n  \
    mcp-auth discover https://mcp.example.com/mcp --json | jq .authorization_server.document")]
pub struct Discover {
    /// Address of the MCP server.
    pub url: Address,
    #[command(flatten)]
    hints: Hints,
}

impl Discover {
    pub async fn run(self, context: &Context) -> Result<()> {
        let found = discover::discover(&context.http, &self.url, &self.hints).await?;
        context.out.result(&object(&found), || lines_for_people(&found));
        for warning in warnings(&found) {
            output::warn(&warning);
        }
        Ok(())
    }
}

/// The modes that `login --auth-mode` takes here.
fn modes(found: &Discovery) -> Vec<String> {
    let offered: Vec<_> = modes::offered(found).into_iter().map(Mode::name).collect();
    if offered.is_empty() && found.is_open() { vec!["none".to_owned()] } else { offered }
}

fn warnings(found: &Discovery) -> Vec<String> {
    let mut warnings = found.warnings.clone();
    warnings.extend(found.stray.clone());
    if found.by_origin {
        warnings.push("no resource metadata (RFC 9728): treated as a server of revision 2025-03-26".to_owned());
    }
    if let Some(server) = &found.authorization_server {
        warnings.extend(server_warnings(&server.metadata));
    }
    warnings
}

fn server_warnings(server: &ServerMetadata) -> Vec<String> {
    let pkce = server.code_challenge_methods_supported.as_deref().unwrap_or_default();
    let cases = [
        (!pkce.iter().any(|method| method == "S256"), "no S256 in code_challenge_methods_supported: clients stop here"),
        (
            server.token_endpoint_auth_methods_supported.is_none(),
            "no token_endpoint_auth_methods_supported: that means client_secret_basic only",
        ),
        (
            server.grant_types_supported.is_none(),
            "no grant_types_supported: that means authorization_code and implicit",
        ),
        (!server.authorization_response_iss_parameter_supported, "no iss in authorization responses (RFC 9207)"),
    ];
    cases.into_iter().filter(|(seen, _)| *seen).map(|(_, text)| text.to_owned()).collect()
}

fn object(found: &Discovery) -> Value {
    let server = found.authorization_server.as_ref();
    json!({
        "url": found.server,
        "status": found.status,
        "challenges": found.challenges,
        "resource_metadata": found.resource_metadata.as_ref().map(|document| json!({
            "url": document.url, "source": document.source, "document": document.metadata})),
        "supported_auth_modes": modes(found),
        "scope": found.scope(),
        "authorization_server": server.map(|server| json!({
            "metadata_url": server.metadata_url, "document": server.metadata})),
        "warnings": warnings(found),
    })
}

fn lines_for_people(found: &Discovery) -> Vec<String> {
    let mut lines = Lines::default();
    lines.put("MCP server", Some(found.server.shown()));
    lines.put("Without login", Some(without_login(found)));
    match &found.resource_metadata {
        Some(document) => {
            let place = format!("{} ({})", document.url.shown(), label(document.source));
            lines.put("Resource metadata", Some(place));
            resource_lines(&mut lines, &document.metadata);
        }
        None => lines.put("Resource metadata", Some("none".to_owned())),
    }
    lines.put("Supported auth modes", Some(modes(found).join(", ")).filter(|modes| !modes.is_empty()));
    lines.put("Scopes to begin with", found.scope());
    lines.put("Log in", modes::command(found));
    if let Some(found) = &found.authorization_server {
        server_lines(&mut lines, &found.metadata, found.metadata_url.as_ref());
    }
    lines.0
}

fn resource_lines(lines: &mut Lines, resource: &ResourceMetadata) {
    let list = |values: &Option<Vec<String>>| values.as_ref().map(|values| values.join(", "));
    lines.put("Resource", Some(resource.resource.clone()));
    lines.put("Name", resource.resource_name.clone());
    lines.put("Documentation", resource.resource_documentation.clone());
    lines.put("Scopes supported", list(&resource.scopes_supported));
    lines.put("Tokens travel in", list(&resource.bearer_methods_supported));
    lines.put("Tokens of grants", list(&resource.grant_types_supported));
    let algorithms = list(&resource.dpop_signing_alg_values_supported);
    let needed = resource.dpop_bound_access_tokens_required.then(|| "required".to_owned());
    let told: Vec<_> = needed.into_iter().chain(algorithms).collect();
    lines.put("Tokens with DPoP", (!told.is_empty()).then(|| told.join(": ")));
}

fn server_lines(lines: &mut Lines, server: &ServerMetadata, metadata_url: Option<&Address>) {
    let text = |url: &Option<Address>| url.as_ref().map(Address::shown);
    let yes = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    lines.put("Authorization server", Some(server.issuer.clone()));
    lines.put("Its metadata", Some(metadata_url.map_or("none, paths by convention".to_owned(), Address::shown)));
    lines.put("Authorize endpoint", text(&server.authorization_endpoint));
    lines.put("Token endpoint", text(&server.token_endpoint));
    lines.put("Device endpoint", text(&server.device_authorization_endpoint));
    lines.put("Grants", server.grant_types_supported.as_ref().map(|grants| grants.join(", ")));
    lines.put("Client auth methods", Some(server.auth_methods().join(", ")));
    lines.put("Metadata documents", yes(server.client_id_metadata_document_supported));
    lines.put("Registration", Some(text(&server.registration_endpoint).unwrap_or_else(|| "no".to_owned())));
    lines.put("DPoP", server.dpop_signing_alg_values_supported.as_ref().map(|algorithms| algorithms.join(", ")));
}

fn without_login(found: &Discovery) -> String {
    let schemes: Vec<_> = found.challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
    if schemes.is_empty() {
        format!("HTTP {}", found.status)
    } else {
        format!("HTTP {}, {}", found.status, schemes.join(", "))
    }
}

fn label(source: discover::MetadataSource) -> &'static str {
    match source {
        discover::MetadataSource::Challenge => "named by the challenge",
        discover::MetadataSource::PathInserted => "path-inserted",
        discover::MetadataSource::Root => "at the root",
        discover::MetadataSource::RootQuery => "at the root, ?resource=",
        discover::MetadataSource::Given => "given",
    }
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn put(&mut self, name: &str, value: Option<String>) {
        self.0.extend(value.map(|value| format!("{:<22}{value}", format!("{name}:"))));
    }
}
