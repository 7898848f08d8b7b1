//! Routes with descriptions, and the `OpenAPI` 3.1 document generated from them: every served route is described.
mod operation;
mod reader;

pub use operation::{Field, Member, Operation, Type, object};
pub use reader::{content, escape};

use axum::{Router, routing::MethodRouter};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Paths of the document, and of the page that shows it.
pub const DOCUMENT: &str = "/openapi.json";
pub const PAGE: &str = "/docs";

/// A path and its operations.
pub type DescribedPath = (String, Vec<Operation>);

/// A router that records what it serves. A route cannot be added without a description.
pub struct Routes<S = ()> {
    router: Router<S>,
    described: Vec<DescribedPath>,
}

/// The general part of a document.
pub struct ApiInfo<'a> {
    pub title: &'a str,
    pub description: &'a str,
    /// The URL that all paths are relative to.
    pub origin: &'a str,
    /// Schemas for `components`, by name.
    pub schemas: Map<String, Value>,
    pub security_schemes: Map<String, Value>,
    /// Members of a JSON error.
    pub error: &'a [Field<'a>],
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), described: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter<S>, operations: impl Into<Vec<Operation>>) -> Self {
        self.layered(|router| router.route(path, methods)).with(path, operations)
    }

    /// Adds a route that only answers "not found" and is not described.
    #[must_use]
    pub fn nothing_at(self, path: &str, methods: MethodRouter<S>) -> Self {
        self.layered(|router| router.route(path, methods))
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.described.extend(other.described);
        self.layered(|router| router.merge(other.router))
    }

    /// Applies a layer to all routes; descriptions stay.
    #[must_use]
    pub fn layered(self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Self { router: change(self.router), described: self.described }
    }

    /// Moves all routes below a path.
    #[must_use]
    pub fn below(self, base: &str) -> Self {
        let below = |path: String| if path == "/" { base.to_owned() } else { format!("{base}{path}") };
        let described = self.described.into_iter().map(|(path, operations)| (below(path), operations)).collect();
        Self { router: Router::new().nest(base, self.router), described }
    }

    #[must_use]
    pub fn with_state<T>(self, state: S) -> Routes<T> {
        Routes { router: self.router.with_state(state), described: self.described }
    }

    #[must_use]
    pub fn described(&self) -> &[DescribedPath] {
        &self.described
    }

    pub fn into_router(self) -> Router<S> {
        self.router
    }

    fn with(mut self, path: &str, operations: impl Into<Vec<Operation>>) -> Self {
        self.described.push((path.to_owned(), operations.into()));
        self
    }
}

/// Descriptions of the document's own two routes.
#[must_use]
pub fn own(base: &str) -> [DescribedPath; 2] {
    let document = Operation::get("This description, as OpenAPI 3.1").tag("About this server");
    let page = Operation::get("This description, for people").tag("About this server");
    [
        (format!("{base}{DOCUMENT}"), vec![document.gives(200, "The document", "application/json", &json!({}))]),
        (format!("{base}{PAGE}"), vec![page.gives(200, "The page", "text/html", &json!({}))]),
    ]
}

#[must_use]
pub fn document<'a>(about: &ApiInfo, described: impl IntoIterator<Item = &'a DescribedPath>) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (path, operations) in described {
        let told = paths.entry(path.clone()).or_default();
        told.extend(operations.iter().map(|operation| (operation.method().to_owned(), operation.told(path))));
    }
    let mut schemas = about.schemas.clone();
    schemas.insert("Error".to_owned(), object(about.error));
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    json!({
        "openapi": "3.1.1",
        "info": {"title": about.title, "version": env!("CARGO_PKG_VERSION"), "description": about.description},
        "servers": [{"url": about.origin}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": about.security_schemes,
            "responses": {"Error": {"description": "Why not", "content": error}},
        },
    })
}
