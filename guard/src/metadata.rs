//! Protected resource metadata (RFC 9728), at the path-inserted and the root well-known place.
use crate::{
    challenge::Refusal,
    origin,
    request_id::{self, Id},
};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Uri, header},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use url::{Url, form_urlencoded};

pub use keyward_oauth::well_known::PROTECTED_RESOURCE as WELL_KNOWN;

/// RFC 9728 §2.
#[derive(Clone, Debug, Serialize)]
pub struct ProtectedResource {
    pub resource: String,
    /// Issuer identifiers (RFC 8414 §2).
    pub authorization_servers: Vec<String>,
    pub scopes_supported: Vec<String>,
    pub bearer_methods_supported: [&'static str; 1],
    pub resource_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
    pub dpop_signing_alg_values_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens_required: bool,
    /// No member of the RFC, which lets others be added: the grants whose tokens are good, where not all are.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub grant_types_supported: &'static [&'static str],
}

/// A document, and the path where it is found.
pub type PlacedDocument = (String, ProtectedResource);

/// A place where documents are found.
pub struct MetadataRoute {
    pub path: String,
    /// The resource that is described there; at the root any is.
    pub resource: Option<String>,
    pub methods: MethodRouter,
}

/// Serves the documents of all resources of an origin. The root place describes the first, or, with `?resource=`,
/// the one named. Readable from every web page.
pub fn routes(resources: Vec<ProtectedResource>) -> Router {
    let all = resources.into_iter().map(|resource| (well_known_path(&resource.resource), resource)).collect();
    let nothing = Router::new().route(&format!("{WELL_KNOWN}/{{*path}}"), get(unknown));
    let route = |router: Router, place: MetadataRoute| router.route(&place.path, place.methods);
    readable(places(all).into_iter().fold(nothing, route))
}

/// The places of these documents, the root last.
pub fn places(documents: Vec<PlacedDocument>) -> Vec<MetadataRoute> {
    let mut by_path: BTreeMap<String, Vec<ProtectedResource>> = BTreeMap::new();
    for (path, resource) in &documents {
        by_path.entry(path.clone()).or_default().push(resource.clone());
    }
    let resources: Vec<_> = documents.into_iter().map(|(_, resource)| resource).collect();
    by_path.remove(WELL_KNOWN);
    let own = by_path.into_iter().map(|(path, same)| {
        let resource = same.first().map(|resource| resource.resource.clone());
        let same = Arc::new(same);
        let show = |headers: HeaderMap, uri: Uri, id: Id| async move {
            let found = of_origin(&same, &headers, &uri).map(cached);
            found.unwrap_or_else(|| Refusal::not_found().into_response(&id.0))
        };
        MetadataRoute { path, resource, methods: get(show) }
    });
    let root = get(root).with_state(Arc::new(resources));
    own.chain([MetadataRoute { path: WELL_KNOWN.to_owned(), resource: None, methods: root }]).collect()
}

/// From every web page.
pub fn readable(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|id: Id| async move {
            Refusal::method_not_allowed("GET, HEAD, OPTIONS").into_response(&id.0)
        })
        .route_layer(CorsLayer::new().allow_origin(Any).allow_headers(AllowHeaders::mirror_request()))
        .route_layer(from_fn(request_id::attach))
}

async fn root(State(resources): State<Arc<Vec<ProtectedResource>>>, headers: HeaderMap, uri: Uri, id: Id) -> Response {
    let query = uri.query().unwrap_or_default();
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "resource").map(|(_, value)| value);
    let found = match named {
        Some(named) => resources.iter().find(|resource| resource.resource == named).cloned(),
        None => at_root(&resources, &headers, &uri),
    };
    match found {
        Some(resource) => cached(Json(resource)),
        None => Refusal::not_found().into_response(&id.0),
    }
}

/// The one whose identifier is the origin itself, for this is its own place; else the first there.
fn at_root(resources: &[ProtectedResource], headers: &HeaderMap, uri: &Uri) -> Option<ProtectedResource> {
    let is_origin = |one: &&ProtectedResource| well_known_path(&one.resource) == WELL_KNOWN;
    let origins: Vec<_> = resources.iter().filter(is_origin).cloned().collect();
    let own = if origins.is_empty() { resources } else { &origins };
    of_origin(own, headers, uri).map(|Json(resource)| resource)
}

/// The first, unless the request names the authority of another.
fn of_origin(resources: &[ProtectedResource], headers: &HeaderMap, uri: &Uri) -> Option<Json<ProtectedResource>> {
    let asked = origin::authority(headers, uri);
    let authority = |resource: &ProtectedResource| Some(Url::parse(&resource.resource).ok()?.authority().to_owned());
    let named = resources.iter().find(|resource| authority(resource) == asked);
    named.or(resources.first()).cloned().map(Json)
}

/// There is nothing here.
pub async fn unknown(id: Id) -> Response {
    Refusal::not_found().into_response(&id.0)
}

fn cached(document: Json<ProtectedResource>) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], document).into_response()
}

/// RFC 9728 §3.1: the well-known path goes between host and path.
pub fn well_known_path(resource: &str) -> String {
    Url::parse(resource).map(|url| well_known_place(url.path())).unwrap_or_default()
}

pub fn well_known_place(path: &str) -> String {
    format!("{WELL_KNOWN}{}", path.trim_end_matches('/'))
}
