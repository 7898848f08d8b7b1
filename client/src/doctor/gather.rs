//! Asks a server everything that the checks need. Nothing is judged here.
use super::{
    evidence::{Evidence, MetadataForm, is_fault},
    trial::{self, TrialOptions},
};
use crate::{
    address::Address,
    bounds, challenge, clock,
    discover::{MetadataSource, authorization_server_urls, fits, resource_metadata_urls},
    encode,
    error::{Failure, Result},
    http::{Answer, Headers, Http},
    mcp,
    metadata::ServerMetadata,
    token,
};
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The origin of a web page that has nothing to do with the server.
const STRANGER: &str = "https://stranger.example";
/// The origin of MCP Inspector, a client in a browser.
const BROWSER: &str = "http://localhost:6274";

pub async fn gather(http: &Http, server: &Address, options: &TrialOptions) -> Result<Evidence> {
    let probe = match mcp::probe(http, server, &Headers::new()).await {
        Err(failure) if is_fault(&failure) => return Ok(unreached(server, failure)),
        probe => probe?,
    };
    let with = |name: &str, value: String| vec![(name.to_owned(), value)];
    let authorization = with("authorization", format!("Bearer {}", encode::random()));
    let (resource_documents, longest) = resource_documents(http, server, &probe).await;
    let took = vec![("resource metadata", longest)];
    let mut found = Evidence {
        took,
        resource_documents,
        unknown_token: mcp::probe(http, server, &authorization).await.ok(),
        strange_origin: mcp::probe(http, server, &with("origin", STRANGER.to_owned())).await.ok(),
        unknown_resource: unknown_resource(http, server).await,
        discover: mcp::probe_with(http, server, "server/discover", &Headers::new()).await.ok(),
        ..Evidence::of(server, clock::now(), probe)
    };
    if let Some(document) = &options.client_document {
        found.client_document = http.under(document).get(document, &[("accept", "application/json")]).await.ok();
    }
    found.issuer = found.resource_metadata().and_then(|metadata| metadata.authorization_servers.first().cloned());
    if let Some(issuer) = found.issuer.as_deref().and_then(|issuer| Address::parse(issuer).ok()) {
        let (documents, longest) = server_documents(http, &issuer, &mut found.faults).await;
        found.server_documents = documents;
        found.took.push(("metadata", longest));
    } else if found.other_schemes().is_some_and(|schemes| schemes.contains("Bearer")) {
        of_the_same_origin(http, server, &mut found).await;
    }
    if let Some(metadata) = found.metadata() {
        authorization_server(http, &metadata, &mut found, options).await;
    }
    Ok(found)
}

fn unreached(server: &Address, failure: Failure) -> Evidence {
    let nothing = Answer { url: server.clone(), status: 0, headers: HeaderMap::new(), body: Vec::new() };
    Evidence { faults: vec![failure], is_reached: false, ..Evidence::of(server, clock::now(), nothing) }
}

/// Revision 2025-03-26: the origin may be the authorization server, and then OAuth is meant.
async fn of_the_same_origin(http: &Http, server: &Address, found: &mut Evidence) {
    let origin = server.origin().ascii_serialization();
    let (documents, longest) = server_documents(http, &server.root(), &mut Vec::new()).await;
    let its =
        |answer: &Answer| answer.status == 200 && answer.json().is_some_and(|document| document["issuer"] == *origin);
    if documents.iter().any(|(_, answer)| its(answer)) {
        (found.issuer, found.server_documents) = (Some(origin), documents);
        found.took.push(("metadata", longest));
    }
}

/// The metadata of the resource, and how long the slowest answer took.
async fn resource_documents(
    http: &Http,
    server: &Address,
    probe: &Answer,
) -> (Vec<(MetadataSource, Answer)>, Duration) {
    let challenges = probe.challenges();
    let named = challenge::parameter(&challenges, "resource_metadata").and_then(|url| Address::parse(url).ok());
    let mut places: Vec<_> = named.map(|url| (url, MetadataSource::Challenge)).into_iter().collect();
    places.extend(resource_metadata_urls(server));
    let oauth =
        challenges.is_empty() || challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
    let (mut documents, mut longest) = (Vec::new(), Duration::ZERO);
    for (url, source) in places {
        let asked = Instant::now();
        if let Ok(answer) = http.get(&url, &[("accept", "application/json"), ("origin", BROWSER)]).await
            && (is_about(&answer, source, server)
                || (source == MetadataSource::PathInserted && probe.status == 401 && oauth))
        {
            documents.push((source, answer));
        }
        longest = longest.max(asked.elapsed());
    }
    (documents, longest)
}

/// Whether an answer counts as this server's metadata. The root may hold the metadata of another resource of the
/// origin.
fn is_about(answer: &Answer, source: MetadataSource, server: &Address) -> bool {
    let own_place = source == MetadataSource::Challenge || (source == MetadataSource::Root && server.path() == "/");
    let describes = answer.json().filter(|_| answer.status == 200);
    let another = describes.and_then(|document| Some(!fits(document.get("resource")?.as_str()?, server)));
    own_place || another != Some(true)
}

/// Asks for the metadata of a resource that cannot exist.
async fn unknown_resource(http: &Http, server: &Address) -> Option<Answer> {
    let url = server.root().join(&format!("/.well-known/oauth-protected-resource/{}", encode::random())).ok()?;
    http.get(&url, &[("accept", "application/json")]).await.ok()
}

/// The authorization server's metadata, and how long the slowest answer took. The first fault of a connection is added
/// to `faults`.
async fn server_documents(
    http: &Http,
    issuer: &Address,
    faults: &mut Vec<Failure>,
) -> (Vec<(MetadataForm, Answer)>, Duration) {
    let (mut documents, mut longest) = (Vec::new(), Duration::ZERO);
    let forms = [MetadataForm::OAuth, MetadataForm::OpenIdInserted, MetadataForm::OpenIdAppended];
    for (form, url) in forms.into_iter().zip(authorization_server_urls(issuer)) {
        let asked = Instant::now();
        match http.get(&url, &[("accept", "application/json"), ("origin", BROWSER)]).await {
            Ok(answer) => documents.push((form, answer)),
            Err(failure) if is_fault(&failure) && faults.is_empty() => faults.push(failure),
            Err(_) => {}
        }
        longest = longest.max(asked.elapsed());
    }
    (documents, longest)
}

async fn authorization_server(http: &Http, metadata: &Value, found: &mut Evidence, options: &TrialOptions) {
    let url = |name: &str| metadata[name].as_str().and_then(|url| Address::parse(url).ok());
    if let Some(url) = url("jwks_uri") {
        found.jwks = http.get(&url, &[("accept", "application/json")]).await.ok();
    }
    for name in ["token_endpoint", "registration_endpoint", "authorization_endpoint"] {
        if let Some(url) = url(name)
            && let Some(answer) = preflight(http, &url).await
        {
            found.preflights.push((name, answer));
        }
    }
    if let Some(url) = url("token_endpoint") {
        let form = token::form([
            ("grant_type", Some("authorization_code")),
            ("code", Some("none")),
            ("client_id", Some("a-client-nobody-registered")),
            ("redirect_uri", Some("http://127.0.0.1/callback")),
            ("code_verifier", Some("a-verifier-that-is-long-enough-for-the-specification")),
        ]);
        let asked = Instant::now();
        found.unknown_client = http.form(&url, &form, &Headers::new()).await.ok();
        found.took.push(("token", asked.elapsed()));
    }
    if let Some(url) = url("authorization_endpoint") {
        let asked = trial::authorization(&url, "a-client-nobody-registered", "https://stranger.example/callback", true);
        found.unknown_authorization = http.get(&asked, &[("accept", "text/html")]).await.ok();
    }
    let Ok(server) = serde_json::from_value::<ServerMetadata>(metadata.clone()) else { return };
    if options.register {
        let scopes = found.resource_metadata().and_then(|metadata| metadata.scopes_supported);
        let scope = scopes.map(|scopes| scopes.join(" ")).filter(|scope| !scope.is_empty());
        found.registration = trial::register(http, &server, scope.as_deref()).await;
        found.took.extend(found.registration.as_ref().map(|trial| ("registration", trial.took)));
    }
    if let Some((profile, extra)) = &options.refresh {
        found.refresh = trial::refresh(http, profile, extra).await;
        found.took.extend(found.refresh.as_ref().map(|trial| ("refresh", trial.took)));
    }
}

async fn preflight(http: &Http, url: &Address) -> Option<Answer> {
    let headers = [
        ("origin", BROWSER),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,authorization"),
    ];
    let headers: Headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    http.send(Method::OPTIONS, url, &headers, None).await.ok()?.read(bounds::DOCUMENT).await.ok()
}
