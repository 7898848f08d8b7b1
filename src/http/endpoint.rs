//! An endpoint, with everything that routes, metadata and descriptions need to know.
use crate::app::App;
use axum::{http::Method, routing::MethodRouter};
use keyward_shared::api::{DescribedPath, Operation};
use std::sync::Arc;

pub struct Endpoint {
    pub paths: Vec<String>,
    pub legacy_path: Option<&'static str>,
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
            legacy_path: None,
            methods,
            operations: operations.into(),
            advertised: None,
            cors: Cors::Nobody,
            enabled: true,
            for_machines: false,
        }
    }

    /// A path where scripts that do not use discovery look for it, if the settings enable such paths.
    #[must_use]
    pub fn legacy_path(self, path: &'static str) -> Self {
        Self { legacy_path: Some(path), ..self }
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
    for endpoint in all.iter_mut().filter(|_| app.config.legacy_paths) {
        endpoint.paths.extend(endpoint.legacy_path.map(str::to_owned));
    }
    all.into_iter().map(|endpoint| endpoint.below(app.config.base_path())).collect()
}
