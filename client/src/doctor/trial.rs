//! What only shows when it is tried: a registration, and the refresh of a login. Only ever with permission.
use super::evidence::{Refresh, Registration};
use crate::{
    encode,
    flows::client_auth,
    http::{self, Answer, Headers, Http},
    identity::{self, Identity},
    keys::SigningKey,
    metadata::ServerMetadata,
    profiles::{Extra, Profile},
    token::{self, form},
};
use serde_json::json;
use url::Url;

/// What the person allows.
#[derive(Default)]
pub struct Trials {
    /// Leaves a client behind.
    pub register: bool,
    /// Uses up the refresh token of this login; its successor is in the evidence.
    pub refresh: Option<(Profile, Extra)>,
}

pub async fn register(http: &Http, server: &ServerMetadata) -> Option<Registration> {
    let endpoint = server.registration_endpoint.as_ref()?;
    let redirect_uri = "http://127.0.0.1:4711/callback".to_owned();
    // Without application_type, as most clients send it.
    let request = json!({
        "client_name": "mcp-auth doctor", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    });
    let response = http.post_json(endpoint, &request, &Headers::new()).await.ok()?;
    let answer = http::read(endpoint, response).await.ok()?;
    let client_id = answer.json().and_then(|client| client["client_id"].as_str().map(str::to_owned));
    let mut found = Registration { redirect_uri, answer, other_port: None, other_redirect: None, without_pkce: None };
    if let (Some(id), Some(endpoint)) = (client_id, &server.authorization_endpoint) {
        let ask = async |redirect: &str, pkce: bool| {
            http.get(&authorization(endpoint, &id, redirect, pkce), &[("accept", "text/html")]).await.ok()
        };
        found.other_port = ask("http://127.0.0.1:4712/callback", true).await;
        found.other_redirect = ask("https://stranger.example/callback", true).await;
        found.without_pkce = ask("http://127.0.0.1:4711/callback", false).await;
    }
    Some(found)
}

/// The address of an authorization request.
pub fn authorization(endpoint: &Url, client_id: &str, redirect_uri: &str, pkce: bool) -> Url {
    let challenge = encode::base64url(encode::sha256(encode::random()));
    let request = form([
        ("response_type", Some("code")),
        ("client_id", Some(client_id)),
        ("redirect_uri", Some(redirect_uri)),
        ("state", Some("doctor")),
        ("code_challenge", pkce.then_some(&*challenge)),
        ("code_challenge_method", pkce.then_some("S256")),
    ]);
    let mut url = endpoint.clone();
    url.query_pairs_mut().extend_pairs(request);
    url
}

pub async fn refresh(http: &Http, profile: &Profile, extra: &Extra) -> Option<Refresh> {
    let endpoint = Url::parse(profile.token_endpoint.as_deref()?).ok()?;
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
    let (first, again) = (ask(&spent).await?, ask(&spent).await?);
    let successor = match refresh_token(&first) {
        Some(token) => ask(&token).await,
        None => None,
    };
    let confidential = identity.method != "none" || key.is_some();
    Some(Refresh { spent, confidential, first, again, successor })
}

pub fn refresh_token(answer: &Answer) -> Option<String> {
    answer.json()?["refresh_token"].as_str().map(str::to_owned)
}
