//! Consent: what a user allowed a client before, what is new now, and the approval itself.
use crate::{
    accounts::{pushed_request, request::Judged},
    app::App,
    audit,
    error::OAuthError,
    grants::authorization_code,
    model::{Client, ClientSource, Code, Consent, Grant, GrantId, KnownClient, Scopes, User},
    oauth::{
        authentication_context,
        authorization_request::{AuthorizationRequest, Callback},
        redirect_uri::{RedirectKind, kind},
        resource::{OIDC_SCOPES, Resource},
    },
    secrets::{AuthorizationCode, Digest},
    storage::{consents, grants},
    tokens::refresh_token::RefreshToken,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// One judged authorization request, and who is asked.
pub struct Asked<'a> {
    pub client: &'a Client,
    pub user: &'a User,
    pub auth_time: OffsetDateTime,
    pub callback: &'a Callback,
    pub request: &'a AuthorizationRequest,
    pub resources: &'a [&'a Resource],
    /// What would be granted.
    pub scopes: Scopes,
    /// As in [`Judged`].
    pub pushed: Option<&'a Digest>,
}

/// What was allowed before.
#[derive(Default)]
pub struct Remembered {
    /// Allowed on every one of the resources asked for.
    pub scopes: Scopes,
    /// Sentences: what of the client changed since then, so that it no longer counts.
    pub changes: Vec<String>,
}

impl<'a> Asked<'a> {
    #[must_use]
    pub fn new(judged: &'a Judged<'_>, user: &'a User, auth_time: OffsetDateTime, scopes: Scopes) -> Self {
        let Judged { client, callback, request, resources, pushed } = judged;
        Self { client, user, auth_time, callback, request, resources, scopes, pushed: pushed.as_ref() }
    }

    /// Resource identifiers the grant will cover; ourselves when only our own claims are asked for.
    fn identifiers(&self) -> Vec<String> {
        self.resources.iter().map(|resource| resource.identifier.clone()).collect()
    }

    /// A consent is kept for each resource; one about nobody's resource is about us.
    fn consent_keys(&self, app: &App) -> Vec<String> {
        let identifiers = self.identifiers();
        if identifiers.is_empty() { vec![app.config.issuer.clone()] } else { identifiers }
    }

    pub async fn remembered(&self, app: &App) -> Result<Remembered, OAuthError> {
        let now = KnownClient::of(self.client);
        let fingerprint = now.fingerprint();
        let mut all: Option<Scopes> = None;
        for resource in self.consent_keys(app) {
            let Some(consent) = consents::find(&app.db, self.user.id, &self.client.id, &resource).await? else {
                return Ok(Remembered::default());
            };
            if !consent.fingerprint.matches(&fingerprint) {
                let before = consent.known_client.as_ref().unwrap_or(&now);
                let changes = before.changes_to(&now);
                return Ok(Remembered { scopes: Scopes::default(), changes });
            }
            all = Some(match all {
                None => consent.scopes,
                Some(before) => before.filter(|scope| consent.scopes.contains(scope)),
            });
        }
        Ok(Remembered { scopes: all.unwrap_or_default(), changes: vec![] })
    }

    /// Nothing new, and a client that cannot be anybody else (RFC 9700 §4.11, OAuth 2.1 §7.3.1): a public client
    /// behind a loopback address or a private scheme is asked for each time.
    #[must_use]
    pub fn needs_no_page(&self, remembered: &Remembered) -> bool {
        let provable =
            !self.client.is_public() || matches!(kind(&self.callback.redirect_uri), RedirectKind::Https { .. });
        provable && !remembered.scopes.is_empty() && self.scopes.is_subset(&remembered.scopes)
    }

    /// Records the approval: grant, code and consent in one step. `decision` identifies the form, which counts
    /// once, as a pushed request does; `None` when it was used before.
    pub async fn approve(&self, app: &App, decision: Option<&Digest>) -> Result<Option<AuthorizationCode>, OAuthError> {
        if !pushed_request::complete(app, self.pushed).await? {
            return Ok(None);
        }
        let (now, known_client) = (app.clock.now(), KnownClient::of(self.client));
        let fingerprint = known_client.fingerprint();
        let secret = AuthorizationCode::random();
        let id = GrantId::new();
        let grant = Grant {
            id,
            client_id: self.client.id.clone(),
            user_id: self.user.id,
            grant_type: authorization_code::NAME.into(),
            scopes: self.scopes.clone(),
            resources: self.identifiers(),
            auth_time: self.auth_time,
            acr: Some(authentication_context::PASSWORD.into()),
            created_at: now,
            expires_at: now + Duration::seconds(app.config.tokens.refresh_lifetime.into()),
            revoked_at: None,
            generation: 1,
            refresh_hash: RefreshToken::first(app, id, secret.expose()).digest(),
            refreshed_at: now,
            dpop_jkt: None,
        };
        let code = Code {
            code_hash: secret.digest(),
            grant_id: id,
            client_id: self.client.id.clone(),
            redirect_uri: self.callback.redirect_uri.clone(),
            code_challenge: self.request.code_challenge.clone(),
            nonce: self.request.nonce.clone(),
            expires_at: now + Duration::seconds(app.config.tokens.code_lifetime.into()),
            consumed_at: None,
            failures: 0,
            dpop_jkt: self.request.dpop_jkt.clone().filter(|_| app.config.dpop.enabled),
        };
        let mut consents = Vec::new();
        for resource in self.consent_keys(app) {
            let before = consents::find(&app.db, self.user.id, &self.client.id, &resource).await?;
            let before = before.filter(|consent| consent.fingerprint.matches(&fingerprint));
            consents.push(Consent {
                user_id: self.user.id,
                client_id: self.client.id.clone(),
                resource,
                scopes: before.map(|consent| consent.scopes).unwrap_or_default().union(&self.scopes),
                fingerprint: fingerprint.clone(),
                known_client: Some(known_client.clone()),
                granted_at: now,
            });
        }
        let approved = grants::authorize(&app.db, &grant, &code, decision, &consents).await?;
        if approved {
            let details = json!({"scope": self.scopes.to_string(), "resource": grant.resources,
                "mode": if decision.is_some() { "page" } else { "remembered" }});
            let event = audit::Event::new("approval").user(self.user.id).client(&self.client.id);
            event.grant(id).details(details).record(app).await;
            let issued = audit::Event::new("authorization_code_issued").user(self.user.id).client(&self.client.id);
            issued.grant(id).note(app).await;
            let how = if decision.is_some() { "asked on the page" } else { "remembered" };
            app.trace.success("consent_approved", Some(&self.client.id), how);
            app.trace.success("authorization_code_issued", Some(&self.client.id), "good for one exchange");
        }
        Ok(approved.then_some(secret))
    }

    /// Records the refusal, which the client is told.
    pub async fn deny(&self, app: &App) -> OAuthError {
        let details = json!({"scope": self.scopes.to_string(), "resource": self.identifiers(), "mode": "page"});
        let event = audit::Event::new("approval").failed().user(self.user.id).client(&self.client.id);
        event.details(details).record(app).await;
        let error = OAuthError::access_denied("the user said no");
        app.trace.failure("consent_denied", Some(&self.client.id), &error);
        error
    }
}

/// The scopes in the words of those who know them.
#[must_use]
pub fn words<'a>(scope: &str, resources: &'a [&'a Resource]) -> &'a str {
    match scope {
        "openid" => "Know that it is you",
        "profile" => "See your name and user name",
        "email" => "See your e-mail address",
        "offline_access" => "Keep its access while you are away",
        other => {
            debug_assert!(!OIDC_SCOPES.contains(&other));
            let rules = resources.iter().flat_map(|resource| &resource.scopes);
            rules.filter(|rule| rule.name == other).map(|rule| rule.description.as_str()).next().unwrap_or("")
        }
    }
}

/// Only what the operator wrote is trusted unseen.
#[must_use]
pub fn is_trusted(client: &Client) -> bool {
    client.source == ClientSource::Seed
}
