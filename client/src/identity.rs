//! Who this client is to an authorization server: configured, described by a document, or registered (RFC 7591).
use crate::{
    address::Address,
    bounds,
    error::{Failure, Result},
    http::Http,
    keys::SigningKey,
    metadata::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, ServerMetadata},
    modes::Mode,
    output,
    profiles::{Profile, Profiles, Registration, without_secrets},
    token,
};
use serde_json::{Value, json};

#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub client_id: Option<String>,
    pub secret: Option<String>,
    pub method: String,
    pub redirect_uri: Option<String>,
    /// The answer to its registration, where it registered by itself.
    pub registration: Option<Registration>,
    /// PEM, for `private_key_jwt`.
    pub private_key: Option<String>,
}

/// Which client the person wants to be.
#[derive(Clone, Debug, Default)]
pub struct ClientChoice {
    pub client_id: Option<String>,
    pub secret: Option<String>,
    pub private_key: Option<String>,
    /// Register anew, even if a registration is known.
    pub register: bool,
    /// The scope that a new registration asks for.
    pub scope: Option<String>,
    /// The client acts for itself, without a person, and authenticates.
    pub robot: bool,
}

/// The identity to use: the chosen client, else its metadata document, else a known registration, else a new one.
pub async fn identify(
    http: &Http,
    server: &ServerMetadata,
    registration: Option<&Profile>,
    choice: &ClientChoice,
    redirect_uri: Option<&str>,
) -> Result<Identity> {
    let redirect_uri = redirect_uri.map(str::to_owned);
    let document = choice.client_id.as_deref().is_some_and(|id| id.starts_with("https://"));
    if let Some(id) = choice.client_id.clone().filter(|_| !choice.register) {
        if !document || server.client_id_metadata_document_supported {
            return chosen(server, choice, id, redirect_uri);
        }
        output::warn("the authorization server does not read metadata documents; registering instead");
    }
    if let Some(profile) = registration.filter(|_| !choice.register) {
        return Ok(of_profile(profile, redirect_uri));
    }
    let Some(endpoint) = &server.registration_endpoint else {
        let message = format!("{} registers no clients; give --client-id", server.issuer);
        return Err(Failure::new("no_client", message));
    };
    register(http, server, endpoint, choice, redirect_uri).await
}

/// The identity of a stored login.
pub fn of_profile(profile: &Profile, redirect_uri: Option<String>) -> Identity {
    Identity {
        client_id: profile.client_id.clone(),
        secret: profile.client_secret.clone(),
        method: profile.token_endpoint_auth_method.clone().unwrap_or_else(|| "none".to_owned()),
        redirect_uri: redirect_uri.or_else(|| profile.redirect_uri.clone()),
        registration: profile.dynamic_client_registration.clone(),
        private_key: None,
    }
}

/// A known registration at this issuer. A registration is never used at another issuer, and a robot's is never used for
/// people.
pub fn registration<'a>(
    known: &'a Profiles,
    issuer: &str,
    robot: bool,
    redirect_uri: Option<&str>,
) -> Option<&'a Profile> {
    known.profiles.iter().find(|profile| {
        profile.dynamic_client_registration.is_some()
            && (Mode::of_profile(&profile.auth_mode) == Some(Mode::ClientCreds)) == robot
            && profile.client_id.is_some()
            && profile.issuer.as_deref() == Some(issuer)
            && redirect_uri.is_none_or(|wanted| same_but_for_port(profile.redirect_uri.as_deref(), wanted))
    })
}

/// Whether two redirect URIs are the same, except for the port of a loopback one (RFC 8252 §7.3).
fn same_but_for_port(registered: Option<&str>, wanted: &str) -> bool {
    let parse = |text: &str| {
        let url = Address::parse(text).ok().filter(Address::is_loopback)?;
        Some(url.changed(|url| url.set_port(None).unwrap_or_default()))
    };
    registered.is_some_and(|registered| {
        registered == wanted || parse(registered).is_some_and(|url| Some(url) == parse(wanted))
    })
}

fn chosen(
    server: &ServerMetadata,
    choice: &ClientChoice,
    id: String,
    redirect_uri: Option<String>,
) -> Result<Identity> {
    let methods = server.auth_methods();
    let method = if choice.private_key.is_some() {
        "private_key_jwt"
    } else if choice.secret.is_none() {
        "none"
    } else {
        let usable = ["client_secret_basic", "client_secret_post"];
        usable.into_iter().find(|method| methods.contains(method)).unwrap_or("client_secret_basic")
    };
    if method == "private_key_jwt" && !methods.contains(&method) {
        return Err(Failure::new("invalid_client", "the authorization server offers no private_key_jwt"));
    }
    Ok(Identity {
        client_id: Some(id),
        secret: choice.secret.clone(),
        method: method.to_owned(),
        redirect_uri,
        registration: None,
        private_key: choice.private_key.clone(),
    })
}

async fn register(
    http: &Http,
    server: &ServerMetadata,
    endpoint: &Address,
    choice: &ClientChoice,
    redirect_uri: Option<String>,
) -> Result<Identity> {
    let (request, method) = registration_request(server, choice, redirect_uri.as_deref())?;
    let headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let answer = http.post_json(endpoint, &request, &headers).await?.read(bounds::DOCUMENT).await?;
    let refused = || token::refusal("the registration endpoint", &answer);
    if !matches!(answer.status, 200 | 201) {
        return Err(refused());
    }
    let Some(Value::Object(mut client)) = answer.json() else { return Err(refused()) };
    let text = |name: &str| client.get(name).and_then(Value::as_str).map(str::to_owned);
    let (client_id, secret) = (Some(text("client_id").ok_or_else(refused)?), text("client_secret"));
    let method = text("token_endpoint_auth_method").unwrap_or(method);
    without_secrets(&mut client);
    let private_key = choice.private_key.clone().filter(|_| method == "private_key_jwt");
    Ok(Identity { client_id, secret, method, redirect_uri, registration: Some(client), private_key })
}

/// The registration request (RFC 7591 §2). It asks for every grant that this client may use, so that one registration
/// serves all later logins.
fn registration_request(
    server: &ServerMetadata,
    choice: &ClientChoice,
    redirect_uri: Option<&str>,
) -> Result<(Value, String)> {
    let methods = server.auth_methods();
    let usable: &[&str] = match (choice.robot, &choice.private_key) {
        (true, Some(_)) => &["private_key_jwt"],
        (true, None) => &["client_secret_basic", "client_secret_post"],
        (false, _) => &["none", "client_secret_post", "client_secret_basic"],
    };
    let method = usable.iter().find(|method| methods.contains(method)).copied();
    let method = method.ok_or_else(|| {
        Failure::new(
            "no_client",
            "the authorization server registers no clients with a method this one knows; give --client-id",
        )
    })?;
    let mut grants = vec![if choice.robot { CLIENT_CREDENTIALS } else { "refresh_token" }];
    let by_people = [AUTHORIZATION_CODE, DEVICE_CODE];
    grants.extend(by_people.iter().filter(|grant| !choice.robot && server.offers_grant(grant)));
    let mut request = json!({
        "client_name": "mcp-auth",
        "application_type": "native",
        "grant_types": grants,
        "token_endpoint_auth_method": method,
    });
    // Servers built on the Python SDK refuse scopes that are not in the registration.
    if let Some(scope) = &choice.scope {
        request["scope"] = scope.as_str().into();
    }
    if choice.robot {
        // Without the member it would mean `code`.
        request["response_types"] = json!([]);
        request.as_object_mut().map(|members| members.remove("application_type"));
    }
    if let Some(key) = choice.private_key.as_deref().filter(|_| method == "private_key_jwt") {
        request["jwks"] = json!({"keys": [SigningKey::from_pem(key)?.jwk()?]});
    }
    if let Some(redirect_uri) = redirect_uri {
        request["redirect_uris"] = json!([redirect_uri]);
        request["response_types"] = json!(["code"]);
    }
    Ok((request, method.to_owned()))
}

#[cfg(test)]
mod tests;
