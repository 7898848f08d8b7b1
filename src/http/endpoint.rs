//! An endpoint, with everything that routes, metadata and descriptions need to know.
use crate::app::App;
use axum::{http::Method, routing::MethodRouter};
use keyward_shared::api::{DescribedPath, Operation};
use std::sync::Arc;

pub struct Endpoint {
    pub paths: Vec<String>,
    pub methods: MethodRouter<Arc<App>>,
    /// Describes each method.
    pub operations: Vec<Operation>,
    /// Its member in the metadata (RFC 8414 §2), if it has one.
    pub advertised: Option<&'static str>,
    pub cors: Cors,
    /// Whether the settings enable it; otherwise it is neither served nor advertised.
    pub enabled: bool,
    /// Whether machines call it directly, such as probes: then it is also served at the root, outside the issuer's
    /// path.
    pub for_machines: bool,
}

/// Paths where scripts that do not use discovery look for endpoints.
const LEGACY_PATHS: [(&str, &str); 4] = [
    ("/token", "/oauth/token"),
    ("/jwks", "/oauth/jwks"),
    ("/register", "/oauth/register"),
    ("/introspect", "/oauth/validate"),
];

/// Which origins' pages may read the responses. Cookies are never sent along.
#[derive(Clone, Copy)]
pub enum Cors {
    Nobody,
    Everybody { methods: &'static [Method], headers: &'static [&'static str] },
}

impl Endpoint {
    #[must_use]
    pub fn new(path: &str, methods: MethodRouter<Arc<App>>, operations: impl Into<Vec<Operation>>) -> Self {
        Self {
            paths: vec![path.to_owned()],
            methods,
            operations: operations.into(),
            advertised: None,
            cors: Cors::Nobody,
            enabled: true,
            for_machines: false,
        }
    }

    /// Adds the legacy path; descriptions use only the first path.
    fn add_legacy_path(&mut self) {
        let known = LEGACY_PATHS.iter().find(|(path, _)| self.paths.first().is_some_and(|own| own == path));
        self.paths.extend(known.map(|(_, legacy)| (*legacy).to_owned()));
    }

    /// Descriptions of the routes, without those that only answer "not found".
    pub fn described(&self) -> impl Iterator<Item = DescribedPath> {
        let paths = self.paths.iter().filter(move |_| !self.operations.is_empty());
        paths.map(move |path| (path.clone(), self.operations.clone()))
    }

    #[must_use]
    pub fn advertised(self, member: &'static str) -> Self {
        Self { advertised: Some(member), ..self }
    }

    #[must_use]
    pub fn for_machines(self) -> Self {
        Self { for_machines: true, ..self }
    }

    /// Moves the paths below `base_path`.
    fn below(mut self, base_path: &str) -> Self {
        let below = self.paths.iter().map(|path| format!("{base_path}{path}"));
        let at_the_root = self.paths.iter().filter(|_| self.for_machines && !base_path.is_empty()).cloned();
        self.paths = below.chain(at_the_root).collect();
        self
    }

    #[must_use]
    pub fn only_if(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    #[must_use]
    pub fn cors(self, methods: &'static [Method], headers: &'static [&'static str]) -> Self {
        Self { cors: Cors::Everybody { methods, headers }, ..self }
    }
}

/// The enabled endpoints, at their final paths.
#[must_use]
pub fn placed(app: &App, mut all: Vec<Endpoint>) -> Vec<Endpoint> {
    all.retain(|endpoint| endpoint.enabled);
    if app.config.legacy_paths {
        all.iter_mut().for_each(Endpoint::add_legacy_path);
    }
    all.into_iter().map(|endpoint| endpoint.below(app.config.base_path())).collect()
}
