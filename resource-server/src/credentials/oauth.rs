//! Access tokens for an OAuth protected resource (RFC 6750, RFC 9449, RFC 9728).
use super::kind::{Built, Kind, Setup};
use keyward_guard::{Guard, Place, credential::Credential};
use keyward_shared::api::Routes;
use std::sync::Arc;
use url::Url;

pub(super) const KIND: Kind = Kind {
    name: "oauth",
    shown: "Authorization: Bearer <access token>",
    login: Some(""),
    curl: "-H \"Authorization: Bearer $(mcp-auth token URL)\"",
    build: |setup| Ok(build(setup, &[])),
};

/// Accepts access tokens of these grant types; of all if none is named.
pub(super) fn build(setup: &Setup, grants: &'static [&'static str]) -> Built {
    let (issuer, scopes, policy) = (Arc::clone(&setup.issuer), setup.settings.scopes(), Arc::clone(&setup.policy));
    let (title, clock) = (setup.title.to_owned(), setup.clock.clone());
    let (introspection, proofs) = (setup.settings.introspection.clone(), Arc::clone(&setup.proofs));
    let at = move |place: &Place| -> anyhow::Result<Arc<dyn Credential>> {
        let guard = Guard::with(&place.url, Arc::clone(&issuer))?.name(&title)?.clock(clock.clone());
        let front_page = Url::parse(&place.url)?.join("/")?;
        let guard = guard.scopes(&scopes.0, &scopes.1)?.at(place).grants(grants);
        let mut guard = guard.documentation(front_page).proofs(&proofs);
        if let Some(own) = &introspection {
            guard = guard.introspect(&own.id, own.secret.expose())?;
        }
        Ok(Arc::new(guard.access_tokens(&policy)))
    };
    Built { at: Box::new(at), routes: Routes::new() }
}
