//! The ways in that end at a token endpoint.
use super::{super::session, Context, Login, arguments, store};
use crate::{
    address::Address,
    bound::{self, Given},
    discover::{self, AuthorizationServer, Discovery, Hints},
    error::{Failure, Result},
    flows::{self, Ask, auth_code, auth_code::Redirect, id_jag::IdentityProvider},
    http::Http,
    identity::{self, Identity, Wish},
    keys::SigningKey,
    modes::Mode,
    profiles::{Extra, Profile, Profiles},
    refresh,
    token::TokenResponse,
};

/// One login, ready to be done.
struct Plan<'a> {
    context: &'a Context,
    http: Http,
    found: &'a Discovery,
    server: &'a AuthorizationServer,
    mode: Mode,
    /// Of the MCP server, for people.
    name: String,
    identity: Identity,
    resource: Option<String>,
    scope: Option<String>,
    key: Option<SigningKey>,
    assertion: &'a arguments::Vouchers,
    /// The secrets belong into the keyring.
    sealed: bool,
}

pub async fn run(login: &Login, context: &Context, found: &Discovery, mode: Mode) -> Result<(Profile, Extra)> {
    let known = context.store.load()?;
    let server = found.authorization_server()?;
    bind(login, context, &server.metadata.issuer)?;
    let http = context.http.under(&server.root);
    let redirect = redirect(login, &known, server, mode).await?;
    let scope = login.scope.clone().or_else(|| default_scope(found, server, mode));
    let wish = wish(login, found, mode, scope.as_deref())?;
    let uri = redirect.as_ref().map(Redirect::uri);
    let identity = who(context, &http, &server.metadata, &known, &wish, uri, mode).await?;
    let key = (login.dpop || found.demands_dpop()).then(SigningKey::generate).transpose()?;
    let plan = Plan {
        context,
        http,
        found,
        server,
        mode,
        name: found.name(),
        identity,
        resource: found.resource(),
        scope,
        key,
        assertion: &login.assertion,
        sealed: login.keyring,
    };
    let tokens = match plan.tokens(redirect.as_ref()).await {
        // The server has forgotten this registration: a new one, once.
        Err(failure) if failure.code == "invalid_client" && plan.identity.registration.is_some() && !wish.register => {
            let again = Wish { register: true, client_id: None, ..wish };
            let uri = redirect.as_ref().map(Redirect::uri);
            let identity = who(context, &plan.http, &server.metadata, &known, &again, uri, mode).await?;
            let plan = Plan { identity, ..plan };
            let tokens = plan.tokens(redirect.as_ref()).await?;
            return plan.keep(&tokens);
        }
        tokens => tokens?,
    };
    plan.keep(&tokens)
}

/// More scope for a login there is: same client, same key, a new authorization.
pub async fn step_up(
    context: &Context,
    url: &Address,
    profile: &Profile,
    extra: &Extra,
    scope: &str,
) -> Result<(Profile, Extra)> {
    let issuer = profile.issuer.as_deref().unwrap_or_default();
    let root = profile.root(extra)?;
    // What the person named is named again.
    let authorization_server = extra.root.as_ref().map(|_| issuer.to_owned());
    let hints = Hints { authorization_server, ..Hints::default() };
    let mut found = discover::discover(&context.http, url, &hints).await?;
    if !found.accepts(issuer) {
        let message =
            format!("this login is of {issuer}, but the server now names {}. Run login again.", found.issuer());
        return Err(Failure::new("issuer_changed", message));
    }
    // One of several, and not the first.
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
    let plan = Plan {
        context,
        http: context.http.under(&root),
        found: &found,
        server: found.authorization_server()?,
        mode,
        name: found.name(),
        identity,
        resource: extra.resource.clone(),
        scope: Some(scope.to_owned()),
        key: extra.dpop_key.as_deref().map(SigningKey::from_pem).transpose()?,
        assertion: &arguments::Vouchers::default(),
        sealed: extra.sealed.is_some(),
    };
    let tokens = plan.tokens(redirect.as_ref()).await?;
    plan.keep(&tokens)
}

/// The registered port if it is free, else any (RFC 8252 §7.3).
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
    // The device flow needs none, but its registration serves later browser logins too.
    if !matches!(mode, Mode::AuthCode | Mode::Device) {
        return Ok(None);
    }
    let person = &login.person;
    if person.redirect_uri.is_some() || person.listen_port.is_some() {
        return Redirect::open(person.redirect_uri.as_deref(), person.listen_port).await.map(Some);
    }
    let registered =
        identity::registration(known, &server.metadata.issuer, false, None).and_then(|p| p.redirect_uri.as_deref());
    open_again(registered.filter(|_| !login.client.register)).await.map(Some)
}

/// Before anything that a person gave goes anywhere.
fn bind(login: &Login, context: &Context, issuer: &str) -> Result<()> {
    let named = login.hints.authorization_server.is_some();
    let client = login.client.client_id.clone().filter(|_| login.client.has_credential());
    let assertion = login.assertion.assertion_file.as_deref().map(Given::assertion);
    for given in client.map(Given::Client).into_iter().chain(assertion) {
        bound::bind(&context.store, &given, issuer, named)?;
    }
    Ok(())
}

fn wish(login: &Login, found: &Discovery, mode: Mode, scope: Option<&str>) -> Result<Wish> {
    let client = &login.client;
    if let Some(document) = client.client_id.as_deref().filter(|id| id.starts_with("https:")) {
        Address::parse(document).map_err(|failure| Failure::usage(format!("--client-id: {failure}")))?;
    }
    let listed = found.resource_metadata.as_ref().and_then(|(_, _, metadata)| metadata.scopes_supported.as_ref());
    let listed = listed.map(|scopes| scopes.join(" ")).unwrap_or_default();
    Ok(Wish {
        client_id: client.client_id.clone(),
        secret: client.secret()?,
        private_key: client.private_key()?,
        register: client.register,
        // All the resource has, so that a step-up needs no other registration.
        scope: Some(session::union(scope.unwrap_or_default(), &listed)).filter(|scope| !scope.is_empty()),
        robot: mode == Mode::ClientCreds,
    })
}

async fn who(
    context: &Context,
    http: &Http,
    server: &crate::metadata::ServerMetadata,
    known: &Profiles,
    wish: &Wish,
    redirect_uri: Option<&str>,
    mode: Mode,
) -> Result<Identity> {
    // A workload is known by its assertion alone.
    if mode == Mode::JwtBearer && wish.client_id.is_none() {
        return Ok(Identity { method: "none".to_owned(), ..Identity::default() });
    }
    if mode == Mode::IdJag && wish.client_id.is_none() {
        return Err(Failure::usage("this mode needs --client-id"));
    }
    if wish.robot && wish.client_id.is_none() && wish.secret.is_some() {
        return Err(Failure::usage("a client's secret needs its --client-id"));
    }
    let registration = identity::registration(known, &server.issuer, wish.robot, redirect_uri);
    // One whose secret cannot be had is made anew; so is one whose key is not the one that was given.
    let registration = registration.and_then(|known| context.store.login(&known.profile_id).ok());
    let registration =
        registration.filter(|(_, extra)| wish.private_key.is_none() || wish.private_key == extra.client_private_key);
    let known = registration.as_ref().map(|(profile, _)| profile);
    let identity = identity::identify(http, server, known, wish, redirect_uri).await.map_err(|failure| {
        let told = failure.http_status.is_some() && wish.robot;
        let cure = if told { ". Robots may not register here: give --client-id and a secret or key of it" } else { "" };
        Failure { message: format!("{failure}{cure}"), ..failure }
    })?;
    let key = registration.and_then(|(_, extra)| extra.client_private_key);
    Ok(Identity { private_key: identity.private_key.clone().or(key), ..identity })
}

/// The server's wish, and offline access where a person signs in and the server has it.
fn default_scope(found: &Discovery, server: &AuthorizationServer, mode: Mode) -> Option<String> {
    let scope = found.scope();
    let person = matches!(mode, Mode::AuthCode | Mode::Device);
    if !person || !server.metadata.offers_scope("offline_access") {
        return scope;
    }
    match scope {
        Some(scope) if scope.split(' ').any(|scope| scope == "offline_access") => Some(scope),
        Some(scope) => Some(format!("{scope} offline_access")),
        // Alone it would replace the server's default scopes.
        None => None,
    }
}

impl Plan<'_> {
    fn ask(&self) -> Ask<'_> {
        Ask {
            http: &self.http,
            out: self.context.out,
            browser: self.context.browser,
            name: &self.name,
            server: &self.server.metadata,
            identity: &self.identity,
            resource: self.resource.as_deref(),
            scope: self.scope.as_deref(),
            key: self.key.as_ref(),
        }
    }

    async fn tokens(&self, redirect: Option<&Redirect>) -> Result<TokenResponse> {
        let ask = self.ask();
        match (self.mode, redirect) {
            (Mode::AuthCode, Some(redirect)) => auth_code::run(&ask, redirect).await,
            (Mode::Device, _) => flows::device::run(&ask).await,
            (Mode::ClientCreds, _) => flows::client_credentials::run(&ask).await,
            (Mode::JwtBearer, _) => {
                let file = self.assertion.assertion_file.as_deref();
                let file = file.ok_or_else(|| Failure::usage("jwt-bearer needs --assertion-file"))?;
                flows::jwt_bearer::run(&ask, &refresh::read_assertion(file)?).await
            }
            (Mode::IdJag, _) => self.id_jag(&ask).await,
            _ => Err(Failure::usage("this mode has no authorization server")),
        }
    }

    async fn id_jag(&self, ask: &Ask<'_>) -> Result<TokenResponse> {
        let given = self.assertion;
        let (Some(issuer), Some(file)) = (&given.idp, &given.id_token_file) else {
            return Err(Failure::usage("id-jag needs --idp and --id-token-file"));
        };
        let id_token = if file == "-" { arguments::stdin()? } else { arguments::file(&file.into())? };
        let secret = given.idp_client_secret_env.as_deref().map(arguments::variable).transpose()?;
        let method = if secret.is_some() { "client_secret_basic" } else { "none" };
        let identity = Identity {
            client_id: given.idp_client_id.clone(),
            secret,
            method: method.to_owned(),
            ..Identity::default()
        };
        let provider = IdentityProvider { issuer, identity: &identity, id_token: &id_token };
        flows::id_jag::run(ask, &provider).await
    }

    /// The profile of this login, stored.
    fn keep(&self, tokens: &TokenResponse) -> Result<(Profile, Extra)> {
        let text = |url: &Option<Address>| url.as_ref().map(|url| url.as_str().to_owned());
        let (server, identity) = (&self.server.metadata, &self.identity);
        let mut profile = Profile {
            issuer: Some(server.issuer.clone()),
            authorization_server_metadata_url: text(&self.server.metadata_url),
            token_endpoint: text(&server.token_endpoint),
            authorization_endpoint: text(&server.authorization_endpoint),
            device_authorization_endpoint: text(&server.device_authorization_endpoint),
            registration_endpoint: text(&server.registration_endpoint),
            client_id: identity.client_id.clone(),
            client_secret: identity.secret.clone(),
            token_endpoint_auth_method: Some(identity.method.clone()),
            redirect_uri: identity.redirect_uri.clone(),
            dynamic_client_registration: identity.registration.clone(),
            // An answer without a scope grants what was asked for (RFC 6749 §5.1).
            scope: self.scope.clone(),
            ..Profile::new(&self.found.server.remembered(), &self.mode.name())
        };
        refresh::put_tokens(&mut profile, tokens);
        let extra = Extra {
            resource: self.resource.clone(),
            root: Some(&self.server.root)
                .filter(|root| **root != self.found.server)
                .map(|root| root.as_str().to_owned()),
            revocation_endpoint: text(&server.revocation_endpoint),
            requested_scope: self.scope.clone(),
            dpop_key: self.key.as_ref().map(|key| key.pem().to_owned()),
            client_private_key: identity.private_key.clone(),
            assertion_file: self.assertion.assertion_file.clone(),
            sealed: self.sealed.then(String::new),
            ..Extra::default()
        };
        store(self.context, profile, extra)
    }
}
