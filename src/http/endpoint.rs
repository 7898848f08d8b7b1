//! An endpoint, as the route table, the metadata and the description need to know it.
use crate::app::App;
use axum::{http::Method, routing::MethodRouter};
use keyward_shared::api::{Described, Operation};
use std::sync::Arc;

pub struct Endpoint {
    pub paths: Vec<String>,
    pub methods: MethodRouter<Arc<App>>,
    /// What each method is for.
    pub operations: Vec<Operation>,
    /// Its member in the metadata (RFC 8414 §2), if it has one.
    pub advertised: Option<&'static str>,
    pub cors: Cors,
    /// What configuration switches off is neither served nor advertised.
    pub enabled: bool,
    /// Asked by machines that know this one by its address, whatever path proxies hand over: at the root too.
    pub for_machines: bool,
}

/// Where scripts that do not discover look for endpoints.
const LEGACY_PATHS: [(&str, &str); 4] = [
    ("/token", "/oauth/token"),
    ("/jwks", "/oauth/jwks"),
    ("/register", "/oauth/register"),
    ("/introspect", "/oauth/validate"),
];

/// Who may read the answers from a page of another origin. Cookies are never part of it.
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

    /// The first path is the one that is told.
    fn add_legacy_path(&mut self) {
        let known = LEGACY_PATHS.iter().find(|(path, _)| self.paths.first().is_some_and(|own| own == path));
        self.paths.extend(known.map(|(_, legacy)| (*legacy).to_owned()));
    }

    /// Where nothing is to be found is no endpoint.
    pub fn described(&self) -> impl Iterator<Item = Described> {
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

    /// The path of all comes first.
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

/// The endpoints that configuration has not switched off, at the paths where they lie.
#[must_use]
pub fn placed(app: &App, mut all: Vec<Endpoint>) -> Vec<Endpoint> {
    all.retain(|endpoint| endpoint.enabled);
    if app.config.legacy_paths {
        all.iter_mut().for_each(Endpoint::add_legacy_path);
    }
    all.into_iter().map(|endpoint| endpoint.below(app.config.base_path())).collect()
}
