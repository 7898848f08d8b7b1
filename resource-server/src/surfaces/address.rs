//! One address: its surfaces, and the origins that lead there.
use crate::settings::{self, SurfaceSettings};
use anyhow::Context;
use keyward_guard::origin::Allowed;
use url::Url;

pub(super) struct Address<'a> {
    pub origins: Vec<Url>,
    pub surfaces: Vec<&'a SurfaceSettings>,
}

impl<'a> Address<'a> {
    pub fn new(origins: &[String], surfaces: Vec<&'a SurfaceSettings>) -> anyhow::Result<Self> {
        let origins = origins.iter().map(|text| settings::origin(text)).collect::<Result<_, _>>()?;
        Ok(Self { origins, surfaces })
    }

    pub fn allowed(&self) -> anyhow::Result<Allowed> {
        let first = self.origins.first().context("there is no origin")?;
        let mut allowed = Allowed::for_resource(first);
        for origin in &self.origins {
            allowed.allow_host(origin.host_str().unwrap_or_default());
            allowed.allow_origin(origin);
        }
        Ok(allowed)
    }
}

/// A path of an origin in the form of identifiers: the root has no slash (RFC 9728 §1.2, and clients' practice).
pub(super) fn at(origin: &Url, path: &str) -> String {
    format!("{}{}", origin.origin().ascii_serialization(), if path == "/" { "" } else { path })
}
