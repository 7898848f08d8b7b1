//! Checks clients and workloads in the settings by the same rules as registered clients.
use super::{ClientSettings, Config, Faults, Workload, faults::shown};
use crate::{
    model::{
        AuthMethod, ClientMetadata, ClientPolicy, Scopes,
        grant_type::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, JWT_BEARER, NAMES, REFRESH_TOKEN, TOKEN_EXCHANGE},
    },
    oauth::{
        client_metadata::{ParsedRegistration, RegistrationRules, parse_registration},
        redirect_uri,
        resource::{OIDC_SCOPES, Resource, Resources},
    },
};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MAX_REDIRECT_URIS: usize = 20;

/// The registration rules for a client with these grant types.
#[must_use]
pub fn rules<'a>(config: &'a Config, grant_types: &'a [&'a str]) -> RegistrationRules<'a> {
    RegistrationRules {
        grant_types,
        private_key_jwt: config.client_authentication.private_key_jwt,
        known_schemes: &config.registration.private_use_schemes,
        max_redirect_uris: MAX_REDIRECT_URIS,
    }
}

/// Reports clients and workloads in the settings that break a rule.
pub(super) fn check(config: &Config, resources: &Resources, faults: &mut Faults) {
    for (name, settings) in &config.clients {
        let mut all_good = true;
        for (place, text) in wrong_redirect_uris(config, settings) {
            faults.add(&["clients", name, "redirect_uris", &place.to_string()], text);
            all_good = false;
        }
        if let Err(BrokenRule { setting, text }) = of_client(config, name, settings)
            && all_good
        {
            faults.add(&[&["clients", name], setting.as_slice()].concat(), text);
        }
        let named = settings.resource.as_deref();
        if let Some(resource) = named.filter(|named| resources.find(named).is_none()) {
            let text = format!("resource {resource:?} is not among the resources");
            faults.add_about(&["clients", name, "resource"], &[&["resources"]], text);
        }
        let scope = settings.scope.as_deref();
        check_scope(&["clients", name, "scope"], scope, resources, faults);
    }
    for (issuer, settings) in &config.trusted_issuers {
        for (name, rule) in &settings.workloads {
            if let Err(BrokenRule { setting, text }) = of_workload(config, name, rule) {
                let path = ["trusted_issuers", issuer, "workloads", name];
                faults.add(&[path.as_slice(), setting.as_slice()].concat(), text);
            }
            let path = ["trusted_issuers", issuer, "workloads", name, "scope"];
            check_scope(&path, rule.scope.as_deref(), resources, faults);
        }
    }
}

/// Without any resource there is nothing yet that a scope could mean.
fn check_scope(path: &[&str], scope: Option<&str>, resources: &Resources, faults: &mut Faults) {
    let Some(scopes) = scope.and_then(Scopes::parse).filter(|_| resources.default().is_some()) else { return };
    let known = |scope: &str| resources.iter().any(|resource| resource.scope(scope).is_some());
    for stray in scopes.iter().filter(|scope| !OIDC_SCOPES.contains(scope) && !known(scope)) {
        let all: BTreeSet<_> = resources.iter().flat_map(Resource::listed).collect();
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        let text = format!("no resource has the scope {}; there are {all}", shown(stray));
        faults.add_about(path, &[&["resources"]], text);
    }
}

/// The broken rule, and its setting if a single setting breaks it.
pub struct BrokenRule {
    setting: Option<&'static str>,
    text: String,
}

impl BrokenRule {
    fn of(setting: &'static str, text: String) -> Self {
        Self { setting: Some(setting), text }
    }

    #[must_use]
    pub fn error(self, table: &[&str]) -> anyhow::Error {
        anyhow!("{}: {}", [table, self.setting.as_slice()].concat().join("."), self.text)
    }
}

/// Redirect URIs that no client may register, each with its place in the list.
fn wrong_redirect_uris(config: &Config, settings: &ClientSettings) -> impl Iterator<Item = (usize, String)> {
    let known = &config.registration.private_use_schemes;
    settings.redirect_uris.iter().enumerate().filter_map(|(place, uri)| {
        let rule = redirect_uri::check_registrable(uri, known).err()?.description;
        let cure = redirect_uri::left_out(uri, known).map(|_| "; registration.private_use_schemes says which it knows");
        Some((place, format!("{} is refused: {rule}{}", shown(uri), cure.unwrap_or_default())))
    })
}

pub fn of_client(
    config: &Config,
    name: &str,
    settings: &ClientSettings,
) -> Result<(ClientMetadata, ClientPolicy), BrokenRule> {
    let id = settings.id.as_deref().unwrap_or(name);
    let grant_types: Vec<_> = match settings.grant_types.as_slice() {
        [] if settings.redirect_uris.is_empty() => vec![CLIENT_CREDENTIALS],
        [] => vec![AUTHORIZATION_CODE, REFRESH_TOKEN],
        named => named.iter().map(String::as_str).collect(),
    };
    if let Some(unknown) = grant_types.iter().find(|name| !NAMES.contains(name)) {
        let text = format!("{unknown:?} is no grant type of ours: {}", NAMES.join(", "));
        return Err(BrokenRule::of("grant_types", text));
    }
    let keys =
        settings.keys().map_err(|_| BrokenRule::of("jwks", "this is neither a table nor a JSON object".into()))?;
    let public = settings.secret.is_none() && keys.is_none() && settings.jwks_uri.is_none();
    let confidential = [CLIENT_CREDENTIALS, TOKEN_EXCHANGE];
    if let Some(unproven) = grant_types.iter().find(|name| public && confidential.contains(name)) {
        return Err(BrokenRule { setting: None, text: format!("{unproven} needs a secret, jwks or jwks_uri") });
    }
    let method = match (&settings.secret, public) {
        (Some(_), _) => None,
        (None, true) => Some("none"),
        (None, false) => Some("private_key_jwt"),
    };
    let body = json!({
        "client_name": settings.name.as_deref().unwrap_or(id),
        "redirect_uris": settings.redirect_uris,
        "grant_types": grant_types,
        "scope": settings.scope,
        "token_endpoint_auth_method": method,
        "jwks": keys,
        "jwks_uri": settings.jwks_uri,
    });
    let (metadata, policy) = parse(config, &body)?;
    let (token_endpoint_audience, default_resource) = (settings.token_endpoint_audience, settings.resource.clone());
    Ok((metadata, ClientPolicy { token_endpoint_audience, default_resource, ..policy }))
}

/// The client that a workload's tokens are issued to. Nobody authenticates as this client: the workload proves itself
/// with a token of its issuer.
pub fn of_workload(config: &Config, name: &str, rule: &Workload) -> Result<(ClientMetadata, ClientPolicy), BrokenRule> {
    let body = json!({
        "client_name": rule.client(name),
        "grant_types": [JWT_BEARER],
        "scope": rule.scope,
        "token_endpoint_auth_method": "none",
    });
    let (mut metadata, policy) = parse(config, &body)?;
    metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    Ok((metadata, ClientPolicy { default_resource: rule.resources.first().cloned(), ..policy }))
}

fn parse(config: &Config, body: &Value) -> Result<(ClientMetadata, ClientPolicy), BrokenRule> {
    let settings = ["redirect_uris", "grant_types", "scope", "jwks_uri", "jwks"];
    let parsed = parse_registration(body.to_string().as_bytes(), &rules(config, NAMES));
    let ParsedRegistration { metadata, any_secret_method, .. } = parsed.map_err(|error| {
        let text = error.description.to_string();
        BrokenRule { setting: settings.into_iter().find(|setting| text.contains(setting)), text }
    })?;
    // Redirect URIs that a registration would leave out were reported above, one by one.
    Ok((metadata, ClientPolicy { any_secret_method, ..ClientPolicy::default() }))
}
