//! A valid token for a stored login. One process renews it at a time, since a refresh token works once.
use crate::{
    address::Address,
    clock,
    error::{Failure, Result},
    flows::{self, TokenRequest, client_auth},
    http::Http,
    identity::{self, Identity},
    keys::SigningKey,
    metadata::ServerMetadata,
    profiles::{Extra, Profile, Store},
    token::{self, TokenResponse, form},
};

/// The login with a token that is good for another half minute at least, and that is not the one just refused.
pub async fn ensure(http: &Http, store: &Store, id: &str, refused: Option<&str>) -> Result<(Profile, Extra)> {
    if let Some(found) = usable(store, id, refused)? {
        return Ok(found);
    }
    let (profile, _) = store.login(id)?;
    if !can_renew(&profile) {
        return Err(cannot_renew());
    }
    // Other processes wait here, and then find the login renewed.
    let waiting = (store.clone(), format!("refresh-{id}"));
    let lock = tokio::task::spawn_blocking(move || waiting.0.lock(&waiting.1)).await;
    let _lock = lock.map_err(|_| Failure::new("profiles", "the lock is gone"))??;
    if let Some(found) = usable(store, id, refused)? {
        return Ok(found);
    }
    let (profile, extra) = store.login(id)?;
    match renew(&http.under(&profile.root(&extra)?), &profile, &extra).await {
        // The tokens are stored before they are used, so that a process that dies now loses no login.
        Ok(tokens) => store.change_login(id, |profile, _| {
            if asks_anew(profile) {
                profile.refresh_token = None;
            }
            put_tokens(profile, &tokens);
        }),
        Err(failure) if failure.code == "invalid_grant" => {
            forget(store, id, false)?;
            Err(Failure { message: format!("{failure}. Run login again."), ..failure })
        }
        // The server has forgotten the registration: the next login makes a new one.
        Err(failure) if failure.code == "invalid_client" && profile.dynamic_client_registration.is_some() => {
            forget(store, id, true)?;
            Err(Failure { message: format!("{failure}. Run login again."), ..failure })
        }
        Err(failure) => Err(failure),
    }
}

fn usable(store: &Store, id: &str, refused: Option<&str>) -> Result<Option<(Profile, Extra)>> {
    let (profile, extra) = store.login(id)?;
    let has_credential = !extra.headers.is_empty() && refused.is_none();
    let fresh = profile.is_fresh(clock::now()) && profile.access_token.as_deref() != refused;
    Ok((has_credential || fresh).then_some((profile, extra)))
}

/// Whether a login can get new tokens without a person.
pub fn can_renew(profile: &Profile) -> bool {
    profile.refresh_token.is_some() || asks_anew(profile)
}

/// Whether a login needs no refresh token, because its client can ask for tokens again by itself.
fn asks_anew(profile: &Profile) -> bool {
    matches!(&*profile.auth_mode, "client-creds" | "jwt-bearer")
}

fn cannot_renew() -> Failure {
    Failure::new("login_required", "Stored credentials cannot refresh this profile. Run login again.")
}

async fn renew(http: &Http, profile: &Profile, extra: &Extra) -> Result<TokenResponse> {
    let server = server_of(profile)?;
    let identity = Identity { private_key: extra.client_private_key.clone(), ..identity::of_profile(profile, None) };
    let key = extra.dpop_key.as_deref().map(SigningKey::from_pem).transpose()?;
    let resource = extra.resource.as_deref();
    if let Some(refresh_token) = &profile.refresh_token {
        let form = form([
            ("grant_type", Some("refresh_token")),
            ("refresh_token", Some(refresh_token)),
            ("resource", resource),
        ]);
        let endpoint = server.token_endpoint.as_ref().ok_or_else(cannot_renew)?;
        let auth = client_auth(&identity, &server.issuer)?;
        match token::request(http, endpoint, &auth, &form, key.as_ref()).await {
            // Such a client asks again without the refresh token.
            Err(failure) if failure.code == "invalid_grant" && asks_anew(profile) => {}
            other => return other,
        }
    }
    let scope = extra.requested_scope.as_deref();
    let request = TokenRequest { http, server: &server, identity: &identity, resource, scope, key: key.as_ref() };
    match (&*profile.auth_mode, &extra.assertion_file) {
        ("client-creds", _) => flows::client_credentials::run(&request).await,
        ("jwt-bearer", Some(file)) => flows::jwt_bearer::run(&request, &read_assertion(file)?).await,
        _ => Err(cannot_renew()),
    }
}

/// Reads the assertion of a workload. Platforms replace these files before the assertion expires, so the file is read
/// each time.
pub fn read_assertion(file: &str) -> Result<String> {
    let unreadable = |error| Failure::usage(format!("--assertion-file {file}: {error}"));
    Ok(std::fs::read_to_string(file).map_err(unreadable)?.trim().to_owned())
}

fn server_of(profile: &Profile) -> Result<ServerMetadata> {
    let endpoint = profile.token_endpoint.as_deref().and_then(|url| Address::parse(url).ok());
    let issuer = profile.issuer.clone().unwrap_or_default();
    Ok(ServerMetadata { issuer, token_endpoint: Some(endpoint.ok_or_else(cannot_renew)?), ..ServerMetadata::default() })
}

/// Puts new tokens into a login. An answer without a refresh token leaves the old one in place (RFC 6749 §6).
pub fn put_tokens(profile: &mut Profile, tokens: &TokenResponse) {
    profile.access_token = Some(tokens.access_token.clone());
    profile.token_type = Some(tokens.token_type.clone());
    profile.expires_at = tokens.expires_at();
    if tokens.refresh_token.is_some() {
        profile.refresh_token.clone_from(&tokens.refresh_token);
    }
    if let Some(scope) = &tokens.scope {
        profile.scope = Some(scope.clone()).filter(|scope| !scope.is_empty());
    }
}

/// Removes the tokens of a login, and its registration if that is gone too.
fn forget(store: &Store, id: &str, registration: bool) -> Result<()> {
    let forgotten = store.change_login(id, |profile, _| {
        (profile.access_token, profile.refresh_token, profile.expires_at) = (None, None, None);
        if registration {
            (profile.client_id, profile.client_secret, profile.dynamic_client_registration) = (None, None, None);
        }
    });
    forgotten.map(drop)
}
