//! One login at an authorization server: everything that it needs, the tokens it brings, and the profile it leaves.
use super::{
    super::context::Context,
    keep::keep,
    options::{self, AssertionOptions},
};
use crate::{
    address::Address,
    discover::{AuthorizationServer, Discovery},
    error::{Failure, Result},
    flows::{self, SignInPrompt, TokenRequest, auth_code, auth_code::Redirect, id_jag::IdentityProvider},
    http::Http,
    identity::Identity,
    keys::SigningKey,
    modes::Mode,
    profiles::{Extra, Profile},
    refresh,
    token::TokenResponse,
};

pub struct LoginPlan<'a> {
    pub context: &'a Context,
    pub http: Http,
    pub found: &'a Discovery,
    pub server: &'a AuthorizationServer,
    pub mode: Mode,
    pub identity: Identity,
    pub resource: Option<String>,
    pub scope: Option<String>,
    pub key: Option<SigningKey>,
    pub assertion: &'a AssertionOptions,
    /// The secrets are sealed with a key in the keyring.
    pub sealed: bool,
}

impl LoginPlan<'_> {
    pub async fn tokens(&self, redirect: Option<&Redirect>) -> Result<TokenResponse> {
        let request = TokenRequest {
            http: &self.http,
            server: &self.server.metadata,
            identity: &self.identity,
            resource: self.resource.as_deref(),
            scope: self.scope.as_deref(),
            key: self.key.as_ref(),
        };
        let server_name = self.found.name();
        let prompt = SignInPrompt { out: self.context.out, browser: self.context.browser, server_name: &server_name };
        match (self.mode, redirect) {
            (Mode::AuthCode, Some(redirect)) => auth_code::run(&request, &prompt, redirect).await,
            (Mode::Device, _) => flows::device::run(&request, &prompt).await,
            (Mode::ClientCreds, _) => flows::client_credentials::run(&request).await,
            (Mode::JwtBearer, _) => {
                let file = self.assertion.assertion_file.as_deref();
                let file = file.ok_or_else(|| Failure::usage("jwt-bearer needs --assertion-file"))?;
                flows::jwt_bearer::run(&request, &refresh::read_assertion(file)?).await
            }
            (Mode::IdJag, _) => self.id_jag(&request).await,
            _ => Err(Failure::usage("this mode has no authorization server")),
        }
    }

    async fn id_jag(&self, request: &TokenRequest<'_>) -> Result<TokenResponse> {
        let given = self.assertion;
        let (Some(issuer), Some(file)) = (&given.idp, &given.id_token_file) else {
            return Err(Failure::usage("id-jag needs --idp and --id-token-file"));
        };
        let id_token = if file == "-" { options::stdin()? } else { options::file(&file.into())? };
        let secret = given.idp_client_secret_env.as_deref().map(options::variable).transpose()?;
        let method = if secret.is_some() { "client_secret_basic" } else { "none" };
        let identity = Identity {
            client_id: given.idp_client_id.clone(),
            secret,
            method: method.to_owned(),
            ..Identity::default()
        };
        let provider = IdentityProvider { issuer, identity: &identity, id_token: &id_token };
        flows::id_jag::run(request, &provider).await
    }

    /// Stores the login with these tokens.
    pub fn keep(&self, tokens: &TokenResponse) -> Result<(Profile, Extra)> {
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
        keep(self.context, profile, extra)
    }
}
