//! Management of a client's own registration (RFC 7592): whoever holds its token can read, replace and delete it.
use super::register::{information, limit_scope, redirect_hosts, tell_left_out, with_left_out};
use crate::{
    app::App,
    audit,
    config::{client_metadata::rules, grant_types},
    error::{ErrorCode, OAuthError},
    events::EventType,
    issuers::statement,
    model::{AuthMethod, Client, ClientPolicy},
    oauth::client_metadata::{ParsedRegistration, update::parse_update},
    secrets::{ClientSecret, RegistrationAccessToken},
    storage::{clients, registration_access_tokens},
};
use serde_json::{Value, json};
use std::net::IpAddr;

/// A registration and the token that was presented for it.
pub struct ManagedClient {
    client: Client,
    token: RegistrationAccessToken,
}

impl ManagedClient {
    /// A token of another or a deleted client is not valid here (RFC 7592 §2.1).
    pub async fn find(app: &App, client_id: &str, bearer: Option<&str>) -> Result<Self, OAuthError> {
        let refused = || OAuthError::invalid_token("this is not the registration access token of this client");
        let token = RegistrationAccessToken::presented(bearer.ok_or_else(refused)?);
        let id = registration_access_tokens::find(&app.db, &token.digest()).await?;
        let id = id.filter(|id| id.as_str() == client_id).ok_or_else(refused)?;
        let client = clients::find(&app.db, &id).await?.ok_or_else(refused)?;
        if client.disabled_at.is_some() {
            return Err(OAuthError::new(ErrorCode::Forbidden, "the client is disabled"));
        }
        Ok(Self { client, token })
    }

    /// The secret is stored as a digest only, so it cannot be included (RFC 7592 §3).
    pub fn read(&self, app: &App) -> Result<Value, OAuthError> {
        information(app, &self.client, None, Some(&self.token))
    }

    /// RFC 7592 §2.2. Any change of the metadata voids the consents to the client, so its users are asked again.
    pub async fn update(&mut self, app: &App, body: &[u8], address: IpAddr) -> Result<Value, OAuthError> {
        let hash = self.client.secret_hash.as_ref();
        let is_secret = |secret: &str| hash.is_some_and(|hash| ClientSecret::presented(secret).digest().matches(hash));
        let (body, statement) = statement::apply(app, body, address).await?;
        let ParsedRegistration { metadata, any_secret_method, left_out, .. } = parse_update(
            &body,
            self.client.id.as_str(),
            is_secret,
            &rules(&app.config, &grant_types::for_strangers(&app.config)),
        )?;
        let policy = ClientPolicy { any_secret_method, vouched_by: None, ..self.client.policy.clone() };
        let mut new = Client { metadata, policy, ..self.client.clone() };
        if let Some(statement) = statement {
            statement.put_into(&mut new);
        }
        limit_scope(&mut new, self.client.policy.scope_limit.clone());
        let kind = |method: AuthMethod| (method == AuthMethod::None, method.has_secret());
        let before = self.client.metadata.token_endpoint_auth_method;
        if kind(before) != kind(new.metadata.token_endpoint_auth_method) {
            return Err(OAuthError::invalid_client_metadata(
                "token_endpoint_auth_method cannot change between none, a secret and a key; register anew for that",
            ));
        }
        tell_left_out(app, &self.client.id, &left_out);
        if new.metadata == self.client.metadata && new.policy == self.client.policy {
            return self.read(app);
        }
        app.limits.registrations.allow(address, redirect_hosts(&new.metadata))?;
        self.client = Client { seen_at: app.clock.now(), ..new };
        let known = clients::update(&app.db, &self.client).await?;
        app.clients.forget(&self.client.id);
        if !known {
            return Err(OAuthError::invalid_token("the client is gone"));
        }
        let metadata = &self.client.metadata;
        let details = json!({"client_name": metadata.client_name, "redirect_uris": metadata.redirect_uris});
        let details = with_left_out(details, &left_out);
        self.audit(EventType::RegistrationUpdated, address).details(details).record(&app.audit).await;
        self.read(app)
    }

    /// Deletes the client with its grants, tokens and consents (RFC 7592 §2.3).
    pub async fn delete(self, app: &App, address: IpAddr) -> Result<(), OAuthError> {
        clients::delete(&app.db, &self.client.id).await?;
        app.clients.forget(&self.client.id);
        self.audit(EventType::RegistrationDeleted, address).record(&app.audit).await;
        Ok(())
    }

    fn audit(&self, event_type: EventType, address: IpAddr) -> audit::Event {
        audit::Event::new(event_type).client(&self.client.id).from(address)
    }
}
