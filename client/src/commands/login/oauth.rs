//! Logins at an authorization server, and more scope for one of them.
use super::{
    super::context::Context,
    options::{AssertionOptions, Login},
    plan::LoginPlan,
};
use crate::{
    address::Address,
    bound::{self, ManualCredential},
    discover::{self, AuthorizationServer, Discovery, Hints},
    error::{Failure, Result},
    flows::auth_code::Redirect,
    http::Http,
    identity::{self, ClientChoice, Identity},
    keys::SigningKey,
    modes::Mode,
    profiles::{Extra, Profile, Profiles},
    scope::union,
};

/// Signs in by one of the OAuth modes, and stores the login.
pub async fn run(login: &Login, context: &Context, found: &Discovery, mode: Mode) -> Result<(Profile, Extra)> {
    let known = context.store.load()?;
    let server = found.authorization_server()?;
    bind(login, context, &server.metadata.issuer)?;
    let http = context.http.under(&server.root);
    let redirect = redirect(login, &known, server, mode).await?;
    let scope = login.scope.clone().or_else(|| default_scope(found, server, mode));
    let choice = client_choice(login, found, mode, scope.as_deref())?;
    let registry = Registry { context, http: &http, server, known: &known, mode };
    let uri = redirect.as_ref().map(Redirect::uri);
    let identity = registry.identity(&choice, uri).await?;
    let key = (login.dpop || found.demands_dpop()).then(SigningKey::generate).transpose()?;
    let plan = LoginPlan {
        context,
        http: http.clone(),
        found,
        server,
        mode,
        identity,
        resource: found.resource(),
        scope,
        key,
        assertion: &login.assertion,
        sealed: login.keyring,
    };
    let tokens = match plan.tokens(redirect.as_ref()).await {
        // The server has forgotten this registration: the client registers anew, once.
        Err(failure)
            if failure.code == "invalid_client" && plan.identity.registration.is_some() && !choice.register =>
        {
            let again = ClientChoice { register: true, client_id: None, ..choice };
            let plan = LoginPlan { identity: registry.identity(&again, uri).await?, ..plan };
            let tokens = plan.tokens(redirect.as_ref()).await?;
            return plan.keep(&tokens);
        }
        tokens => tokens?,
    };
    plan.keep(&tokens)
}

/// Asks for more scope for a stored login: a new authorization with the same client and the same key.
pub async fn step_up(
    context: &Context,
    url: &Address,
    profile: &Profile,
    extra: &Extra,
    scope: &str,
) -> Result<(Profile, Extra)> {
    let issuer = profile.issuer.as_deref().unwrap_or_default();
    let root = profile.root(extra)?;
    // The authorization server that the person named at the login is named again.
    let authorization_server = extra.root.as_ref().map(|_| issuer.to_owned());
    let hints = Hints { authorization_server, ..Hints::default() };
    let mut found = discover::discover(&context.http, url, &hints).await?;
    if !found.accepts(issuer) {
        let message =
            format!("this login is of {issuer}, but the server now names {}. Run login again.", found.issuer());
        return Err(Failure::new("issuer_changed", message));
    }
    // The server lists several issuers, and the login's is not the first.
    if found.authorization_server()?.metadata.issuer != issuer {
        found.authorization_server = Some(discover::authorization_server(&context.http, &root, issuer).await?);
    }
    let mode = Mode::of_profile(&profile.auth_mode).ok_or_else(|| Failure::usage("the profile has no such mode"))?;
    let redirect = match mode {
        Mode::AuthCode => Some(open_again(profile.redirect_uri.as_deref()).await?),
        _ => None,
    };
    let uri = redirect.as_ref().map(|redirect| redirect.uri().to_owned());
    let identity = Identity { private_key: extra.client_private_key.clone(), ..identity::of_profile(profile, uri) };
    let plan = LoginPlan {
        context,
        http: context.http.under(&root),
        found: &found,
        server: found.authorization_server()?,
        mode,
        identity,
        resource: extra.resource.clone(),
        scope: Some(scope.to_owned()),
        key: extra.dpop_key.as_deref().map(SigningKey::from_pem).transpose()?,
        assertion: &AssertionOptions::default(),
        sealed: extra.sealed.is_some(),
    };
    let tokens = plan.tokens(redirect.as_ref()).await?;
    plan.keep(&tokens)
}

/// Listens on the registered port if it is free, else on any (RFC 8252 §7.3).
async fn open_again(registered: Option<&str>) -> Result<Redirect> {
    match Redirect::open(registered, None).await {
        Err(_) => Redirect::open(registered, Some(0)).await,
        redirect => redirect,
    }
}

async fn redirect(
    login: &Login,
    known: &Profiles,
    server: &AuthorizationServer,
    mode: Mode,
) -> Result<Option<Redirect>> {
    // The device flow needs no redirect, but its registration serves later logins in a browser too.
    if !matches!(mode, Mode::AuthCode | Mode::Device) {
        return Ok(None);
    }
    let browser = &login.browser;
    if browser.redirect_uri.is_some() || browser.listen_port.is_some() {
        return Redirect::open(browser.redirect_uri.as_deref(), browser.listen_port).await.map(Some);
    }
    let registered =
        identity::registration(known, &server.metadata.issuer, false, None).and_then(|p| p.redirect_uri.as_deref());
    open_again(registered.filter(|_| !login.client.register)).await.map(Some)
}

/// Binds the credentials that the person gave to the issuer, before anything is sent.
fn bind(login: &Login, context: &Context, issuer: &str) -> Result<()> {
    let named = login.hints.authorization_server.is_some();
    let client = login.client.client_id.clone().filter(|_| login.client.has_credential());
    let assertion = login.assertion.assertion_file.as_deref().map(ManualCredential::assertion);
    for given in client.map(ManualCredential::Client).into_iter().chain(assertion) {
        bound::bind(&context.store, &given, issuer, named)?;
    }
    Ok(())
}

fn client_choice(login: &Login, found: &Discovery, mode: Mode, scope: Option<&str>) -> Result<ClientChoice> {
    let client = &login.client;
    if let Some(document) = client.client_id.as_deref().filter(|id| id.starts_with("https:")) {
        Address::parse(document).map_err(|failure| Failure::usage(format!("--client-id: {failure}")))?;
    }
    let listed = found.resource_metadata.as_ref().and_then(|document| document.metadata.scopes_supported.as_ref());
    let listed = listed.map(|scopes| scopes.join(" ")).unwrap_or_default();
    Ok(ClientChoice {
        client_id: client.client_id.clone(),
        secret: client.secret()?,
        private_key: client.private_key()?,
        register: client.register,
        // The registration asks for all scopes of the resource, so that a step-up needs no new one.
        scope: Some(union(scope.unwrap_or_default(), &listed)).filter(|scope| !scope.is_empty()),
        robot: mode == Mode::ClientCreds,
    })
}

/// Where the identity of a client at one authorization server comes from.
struct Registry<'a> {
    context: &'a Context,
    http: &'a Http,
    server: &'a AuthorizationServer,
    known: &'a Profiles,
    mode: Mode,
}

impl Registry<'_> {
    async fn identity(&self, choice: &ClientChoice, redirect_uri: Option<&str>) -> Result<Identity> {
        // A workload is known by its assertion alone.
        if self.mode == Mode::JwtBearer && choice.client_id.is_none() {
            return Ok(Identity { method: "none".to_owned(), ..Identity::default() });
        }
        if self.mode == Mode::IdJag && choice.client_id.is_none() {
            return Err(Failure::usage("this mode needs --client-id"));
        }
        if choice.robot && choice.client_id.is_none() && choice.secret.is_some() {
            return Err(Failure::usage("a client's secret needs its --client-id"));
        }
        let server = &self.server.metadata;
        let registered = identity::registration(self.known, &server.issuer, choice.robot, redirect_uri);
        // A registration is of no use where its secret cannot be had, or where another key was given.
        let registered = registered.and_then(|known| self.context.store.login(&known.profile_id).ok());
        let registered = registered
            .filter(|(_, extra)| choice.private_key.is_none() || choice.private_key == extra.client_private_key);
        let profile = registered.as_ref().map(|(profile, _)| profile);
        let identity = identity::identify(self.http, server, profile, choice, redirect_uri).await;
        let identity = identity.map_err(|failure| {
            let refused = failure.http_status.is_some() && choice.robot;
            let cure =
                if refused { ". Robots may not register here: give --client-id and a secret or key of it" } else { "" };
            Failure { message: format!("{failure}{cure}"), ..failure }
        })?;
        let key = registered.and_then(|(_, extra)| extra.client_private_key);
        Ok(Identity { private_key: identity.private_key.clone().or(key), ..identity })
    }
}

/// The scope that the server asks for, and offline access where a person signs in and the authorization server offers
/// it.
fn default_scope(found: &Discovery, server: &AuthorizationServer, mode: Mode) -> Option<String> {
    let scope = found.scope();
    let has_person = matches!(mode, Mode::AuthCode | Mode::Device);
    if !has_person || !server.metadata.offers_scope("offline_access") {
        return scope;
    }
    match scope {
        Some(scope) if scope.split(' ').any(|scope| scope == "offline_access") => Some(scope),
        Some(scope) => Some(format!("{scope} offline_access")),
        // Alone, offline_access would replace the server's default scopes.
        None => None,
    }
}
