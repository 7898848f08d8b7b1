//! This server's metadata (RFC 8414, OpenID Connect Discovery), the same at every well-known path.
use crate::{
    app::App,
    config::grant_types,
    http::{endpoint::Endpoint, respond::Document},
    model::{Scopes, grant_type::JWT_BEARER},
    oauth,
    tokens::id_token,
};
use axum::{extract::Request, http::Method, routing::get};
use keyward_shared::api::{Member, Operation, Type};
use oauth::{
    algorithm::Algorithm,
    authentication_context, dpop, id_jag,
    resource::{OIDC_SCOPES, Resource},
    well_known,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The members of RFC 8414 §2, OpenID Connect Discovery §3 and extensions. Disabled endpoints are not listed.
const MEMBERS: &[Member] = &[
    ("issuer", true, Type::Text),
    ("authorization_endpoint", true, Type::Text),
    ("token_endpoint", true, Type::Text),
    ("jwks_uri", true, Type::Text),
    ("registration_endpoint", false, Type::Text),
    ("revocation_endpoint", true, Type::Text),
    ("introspection_endpoint", true, Type::Text),
    ("device_authorization_endpoint", false, Type::Text),
    ("pushed_authorization_request_endpoint", false, Type::Text),
    ("userinfo_endpoint", true, Type::Text),
    ("scopes_supported", true, Type::Texts),
    ("response_types_supported", true, Type::Texts),
    ("response_modes_supported", true, Type::Texts),
    ("grant_types_supported", true, Type::Texts),
    ("code_challenge_methods_supported", true, Type::Texts),
    ("token_endpoint_auth_methods_supported", true, Type::Texts),
    ("revocation_endpoint_auth_methods_supported", true, Type::Texts),
    ("introspection_endpoint_auth_methods_supported", true, Type::Texts),
    ("token_endpoint_auth_signing_alg_values_supported", false, Type::Texts),
    ("revocation_endpoint_auth_signing_alg_values_supported", false, Type::Texts),
    ("introspection_endpoint_auth_signing_alg_values_supported", false, Type::Texts),
    ("introspection_signing_alg_values_supported", false, Type::Texts),
    ("dpop_signing_alg_values_supported", false, Type::Texts),
    ("authorization_response_iss_parameter_supported", true, Type::Truth),
    ("client_id_metadata_document_supported", false, Type::Truth),
    ("require_pushed_authorization_requests", false, Type::Truth),
    ("authorization_grant_profiles_supported", false, Type::Texts),
    ("protected_resources", false, Type::Texts),
    ("scopes_implied", false, Type::Object),
    ("subject_types_supported", true, Type::Texts),
    ("id_token_signing_alg_values_supported", true, Type::Texts),
    ("claims_supported", true, Type::Texts),
    ("acr_values_supported", true, Type::Texts),
    ("prompt_values_supported", true, Type::Texts),
    ("claims_parameter_supported", true, Type::Truth),
    ("request_parameter_supported", true, Type::Truth),
    ("request_uri_parameter_supported", true, Type::Truth),
];

pub fn endpoint(app: &App, others: &[Endpoint]) -> Endpoint {
    let path = app.config.issuer_path();
    let paths = well_known::of_issuer(path);
    let document = document(app, others);
    let told =
        Operation::get("What this server says about itself (RFC 8414, OpenID Connect Discovery)").tag("Discovery");
    let told = told.tells(200, "The metadata", MEMBERS);
    let endpoint = Endpoint::new("", get(async move |request: Request| document.respond(request.headers())), [told]);
    Endpoint { paths, ..endpoint.cors(&[Method::GET], &["mcp-protocol-version"]) }
}

/// The narrower scopes that each resource's scopes include: guards apply the same rule by which tokens are issued.
fn implied(app: &App) -> Value {
    let all = app.resources.iter().map(|resource| {
        let broader = resource.scopes.iter().filter(|rule| !rule.implies.is_empty());
        (&resource.identifier, broader.map(|rule| (&rule.name, &rule.implies)).collect::<BTreeMap<_, _>>())
    });
    json!(all.filter(|(_, scopes)| !scopes.is_empty()).collect::<BTreeMap<_, _>>())
}

pub fn document(app: &App, others: &[Endpoint]) -> Document {
    Document::new(&value(app, others))
}

fn value(app: &App, others: &[Endpoint]) -> Value {
    let (base, origin) = (app.config.base(), app.config.origin());
    let scopes: Scopes = app.resources.iter().flat_map(Resource::listed).collect();
    let mut confidential = vec!["client_secret_basic", "client_secret_post"];
    confidential.extend(app.config.client_authentication.private_key_jwt.then_some("private_key_jwt"));
    let clients: Vec<_> = ["none"].into_iter().chain(confidential.iter().copied()).collect();
    let mut document = json!({
        "issuer": app.config.issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "scopes_supported": scopes.union(&OIDC_SCOPES.into_iter().collect()).iter().collect::<Vec<_>>(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grant_types::enabled(&app.config).collect::<Vec<_>>(),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": clients,
        "revocation_endpoint_auth_methods_supported": clients,
        "introspection_endpoint_auth_methods_supported": confidential,
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Algorithm::NAMES,
        "claims_supported": id_token::CLAIMS,
        "acr_values_supported": authentication_context::ALL,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        // Their defaults are different (OpenID Connect Discovery §3).
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    add_what_is_on(app, &mut document);
    for endpoint in others {
        if let (Some(member), Some(path)) = (endpoint.advertised, endpoint.paths.first()) {
            document[member] = json!(format!("{origin}{path}"));
        }
    }
    document
}

/// Adds members that depend on the settings.
fn add_what_is_on(app: &App, document: &mut Value) {
    if app.config.client_authentication.private_key_jwt {
        let algorithms = Algorithm::NAMES;
        for endpoint in ["token", "revocation", "introspection"] {
            document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")] = json!(algorithms);
        }
    }
    let resources: Vec<_> = app.resources.iter().map(|resource| &resource.identifier).collect();
    if !resources.is_empty() {
        // RFC 9728 §4
        document["protected_resources"] = json!(resources);
        document["scopes_implied"] = implied(app);
    }
    if app.config.client_metadata_documents.is_on() {
        // OAuth Client ID Metadata Document §5
        document["client_id_metadata_document_supported"] = json!(true);
    }
    if app.config.authorization.pushed_requests {
        // RFC 9126 §5
        document["require_pushed_authorization_requests"] = json!(app.config.authorization.require_pushed_requests);
    }
    if app.config.introspection.signed_responses {
        // RFC 9701 §7
        document["introspection_signing_alg_values_supported"] = json!(Algorithm::NAMES);
    }
    if app.config.dpop.enabled {
        // RFC 9449 §5.1
        document["dpop_signing_alg_values_supported"] = json!(dpop::ALGORITHMS);
    }
    if grant_types::is_enabled(&app.config, JWT_BEARER) && app.config.takes_identity_assertions() {
        // Identity Assertion JWT Authorization Grant §7.2; the trusted issuers are not listed (§8.4)
        document["authorization_grant_profiles_supported"] = json!([id_jag::PROFILE]);
    }
}
