//! Trials that change something at the server, and so need permission: a registration, and the refresh of a login.
use super::evidence::{RefreshTrial, RegistrationTrial};
use crate::{
    address::Address,
    bounds, encode,
    flows::client_auth,
    http::{Answer, Headers, Http},
    identity::{self, Identity},
    keys::SigningKey,
    metadata::ServerMetadata,
    profiles::{Extra, Profile},
    token::{self, form},
};
use serde_json::{Value, json};
use std::time::Instant;

/// The trials that the person allows.
#[derive(Default)]
pub struct TrialOptions {
    /// Register a client, which stays registered.
    pub register: bool,
    /// Refresh this login. Its refresh token is used up, and the evidence holds the next one.
    pub refresh: Option<(Profile, Extra)>,
    /// A client's metadata document to look at. This changes nothing.
    pub client_document: Option<Address>,
}

const REGISTERED: &str = "http://127.0.0.1:4711/callback";
const OTHER_PORT: &str = "http://127.0.0.1:4712/callback";

pub async fn register(http: &Http, server: &ServerMetadata, scope: Option<&str>) -> Option<RegistrationTrial> {
    let endpoint = server.registration_endpoint.as_ref()?;
    // Without application_type and scope, as many clients send it.
    let mut request = json!({
        "client_name": "mcp-auth doctor", "redirect_uris": [REGISTERED], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    });
    let asked = Instant::now();
    let answer = registered(http, endpoint, &request).await?;
    let took = asked.elapsed();
    let id = client_id(&answer);
    let mut found = RegistrationTrial {
        redirect_uri: REGISTERED.to_owned(),
        answer,
        took,
        with_scope: None,
        other_port: None,
        other_port_native: None,
        other_redirect: None,
        without_pkce: None,
    };
    let (Some(id), Some(authorize)) = (id, &server.authorization_endpoint) else { return Some(found) };
    let ask = async |url: Address| http.get(&url, &[("accept", "text/html")]).await.ok();
    if let Some(scope) = scope {
        let url = authorization(authorize, &id, REGISTERED, true);
        found.with_scope = ask(url.with([("scope", scope)])).await;
    }
    found.other_port = ask(authorization(authorize, &id, OTHER_PORT, true)).await;
    found.other_redirect = ask(authorization(authorize, &id, "https://stranger.example/callback", true)).await;
    found.without_pkce = ask(authorization(authorize, &id, REGISTERED, false)).await;
    if found.other_port.as_ref().and_then(refusal).is_some() {
        request["application_type"] = "native".into();
        let native = registered(http, endpoint, &request).await.as_ref().and_then(client_id);
        if let Some(id) = native {
            found.other_port_native = ask(authorization(authorize, &id, OTHER_PORT, true)).await;
        }
    }
    Some(found)
}

async fn registered(http: &Http, endpoint: &Address, request: &Value) -> Option<Answer> {
    http.post_json(endpoint, request, &Headers::new()).await.ok()?.read(bounds::DOCUMENT).await.ok()
}

fn client_id(answer: &Answer) -> Option<String> {
    answer.json()?["client_id"].as_str().map(str::to_owned)
}

/// How an authorization request was refused: by a page, or by an error sent to the client (OAuth 2.1 §4.1.2.1).
pub fn refusal(answer: &Answer) -> Option<String> {
    let sent_back = sent_back(answer).map(|error| format!("sent back with {error}"));
    sent_back.or_else(|| (answer.status >= 400).then(|| format!("HTTP {}", answer.status)))
}

pub fn sent_back(answer: &Answer) -> Option<String> {
    let to = answer.url.join(answer.header("location")?).ok()?;
    to.query_pairs().find(|(name, _)| name == "error").map(|(_, code)| code.into_owned())
}

/// The address of an authorization request.
pub fn authorization(endpoint: &Address, client_id: &str, redirect_uri: &str, pkce: bool) -> Address {
    let challenge = encode::base64url(encode::sha256(encode::random()));
    let request = form([
        ("response_type", Some("code")),
        ("client_id", Some(client_id)),
        ("redirect_uri", Some(redirect_uri)),
        ("state", Some("doctor")),
        ("code_challenge", pkce.then_some(&*challenge)),
        ("code_challenge_method", pkce.then_some("S256")),
    ]);
    endpoint.with(request)
}

pub async fn refresh(http: &Http, profile: &Profile, extra: &Extra) -> Option<RefreshTrial> {
    let http = &http.under(&profile.root(extra).ok()?);
    let endpoint = Address::parse(profile.token_endpoint.as_deref()?).ok()?;
    let identity = Identity { private_key: extra.client_private_key.clone(), ..identity::of_profile(profile, None) };
    let auth = client_auth(&identity, profile.issuer.as_deref()?).ok()?;
    let key = extra.dpop_key.as_deref().and_then(|pem| SigningKey::from_pem(pem).ok());
    let ask = async |refresh_token: &str| {
        let request = form([
            ("grant_type", Some("refresh_token")),
            ("refresh_token", Some(refresh_token)),
            ("resource", extra.resource.as_deref()),
        ]);
        token::post(http, &endpoint, &auth, &request, key.as_ref()).await.ok()
    };
    let spent = profile.refresh_token.clone()?;
    let asked = Instant::now();
    let first = ask(&spent).await?;
    let took = asked.elapsed();
    let again = ask(&spent).await?;
    let successor = match refresh_token(&first) {
        Some(token) => ask(&token).await,
        None => None,
    };
    let confidential = identity.method != "none" || key.is_some();
    Some(RefreshTrial { spent, confidential, first, took, again, successor })
}

pub fn refresh_token(answer: &Answer) -> Option<String> {
    answer.json()?["refresh_token"].as_str().map(str::to_owned)
}
