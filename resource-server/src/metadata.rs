//! Routes for protected resource metadata (RFC 9728), with descriptions.
pub(crate) use keyward_guard::metadata::{PlacedDocument, well_known_path, well_known_place};

use axum::routing::get;
use keyward_guard::metadata::{self, WELL_KNOWN};
use keyward_shared::api::{Operation, Routes, Type};

pub(crate) fn placed(documents: Vec<PlacedDocument>) -> Routes {
    let mut routes = Routes::new().nothing_at(&format!("{WELL_KNOWN}/{{*path}}"), get(metadata::unknown));
    for place in metadata::places(documents) {
        let told = match &place.resource {
            Some(resource) => described(&format!("The metadata of {resource} (RFC 9728)")),
            None => described("The metadata of the first MCP server, or of the one that is named (RFC 9728)")
                .query(&[("resource", false, "The resource identifier of another MCP server.")]),
        };
        routes = routes.route(&place.path, place.methods, [told]);
    }
    readable(routes)
}

fn described(summary: &str) -> Operation {
    let told = Operation::get(summary).tag("Discovery");
    told.tells(
        200,
        "The document",
        &[
            ("resource", true, Type::Text),
            ("authorization_servers", true, Type::Texts),
            ("scopes_supported", true, Type::Texts),
            ("bearer_methods_supported", true, Type::Texts),
            ("resource_name", true, Type::Text),
            ("resource_documentation", false, Type::Text),
            ("dpop_signing_alg_values_supported", true, Type::Texts),
            ("dpop_bound_access_tokens_required", false, Type::Truth),
            ("grant_types_supported", false, Type::Texts),
        ],
    )
}

/// Makes the routes readable from every web page.
pub(crate) fn readable(routes: Routes) -> Routes {
    routes.layered(metadata::readable)
}

/// Unknown paths below `/.well-known/`: clients in browsers probe them, and must be able to read the 404.
pub(crate) fn nothing() -> Routes {
    readable(Routes::new().nothing_at("/.well-known/{*elsewhere}", get(metadata::unknown)))
}
