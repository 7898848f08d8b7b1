//! Consent: what a user is asked to allow, what they allowed before, and how their approval is recorded.
use crate::{
    app::App,
    audit,
    authorization::{known_client, pushed_request, request::ValidRequest},
    error::OAuthError,
    events::EventType,
    model::{
        AnsweredForm, Client, ClientSource, Code, Consent, FormAnswer, Grant, GrantId, Scopes, User,
        grant_type::AUTHORIZATION_CODE,
    },
    oauth::{
        authentication_context,
        authorization_request::{AuthorizationRequest, Callback},
        redirect_uri::{RedirectKind, kind, place},
        resource::{GrantableScopes, OFFLINE_ACCESS, OIDC_SCOPES, Resource},
    },
    secrets::{AuthorizationCode, Digest},
    storage::{answered_forms, consents, grants},
    tokens::refresh_token::RefreshToken,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// The error description that the client gets when the user denies.
pub const DENIED: &str = "the user said no";

/// Which access which user would grant to which client.
pub struct Terms<'a> {
    pub client: &'a Client,
    pub user: &'a User,
    /// Empty when the client asks only for claims about the user, which this server answers itself.
    pub resources: &'a [&'a Resource],
    pub granted: &'a GrantableScopes,
}

impl Terms<'_> {
    /// Identifiers of the resources that the grant will cover; empty when the client asks only for claims about the
    /// user.
    fn identifiers(&self) -> Vec<String> {
        self.resources.iter().map(|resource| resource.identifier.clone()).collect()
    }

    /// The scopes that this resource knows and that this user may grant there.
    #[must_use]
    pub fn at(&self, resource: &Resource) -> Scopes {
        self.granted.scopes.filter(|scope| resource.allows(scope, self.user.role))
    }

    /// The scopes about the user. `offline_access` is left out: the page tells separately how long access lasts.
    #[must_use]
    pub fn identity(&self) -> Scopes {
        self.granted.scopes.filter(|scope| OIDC_SCOPES.contains(&scope) && scope != OFFLINE_ACCESS)
    }

    /// A consent is stored for each resource, with the scopes of that resource; and one for this server, about the
    /// user.
    fn by_audience(&self, app: &App) -> Vec<(String, Scopes)> {
        let resources = self.resources.iter().map(|one| (one.identifier.clone(), self.at(one)));
        let all = resources.chain([(app.config.issuer.clone(), self.identity())]);
        all.filter(|(_, scopes)| !scopes.is_empty()).collect()
    }
}

/// What the question page asks: one authorization request, put to one user.
pub struct ConsentRequest<'a> {
    pub terms: Terms<'a>,
    pub auth_time: OffsetDateTime,
    pub callback: &'a Callback,
    pub request: &'a AuthorizationRequest,
    /// As in [`ValidRequest`].
    pub pushed: Option<&'a Digest>,
}

/// The user's earlier consents for this client.
#[derive(Default)]
pub struct EarlierConsents {
    /// Consents on the requested resources.
    consents: Vec<Consent>,
    /// Consents on all other resources.
    elsewhere: Vec<Consent>,
    /// Sentences: how the client changed since the consent, so that the consent no longer counts.
    pub changes: Vec<String>,
}

impl EarlierConsents {
    /// The scopes allowed on this resource, if it is requested; `audience` may be this server's own identifier.
    #[must_use]
    pub fn scopes(&self, audience: &str) -> Scopes {
        scopes_of(&self.consents, audience)
    }

    /// The scopes allowed on this resource, whether it is requested or not.
    #[must_use]
    pub fn scopes_anywhere(&self, audience: &str) -> Scopes {
        self.scopes(audience).union(&scopes_of(&self.elsewhere, audience))
    }

    /// The latest time at which any of the requested scopes was allowed.
    #[must_use]
    pub fn since(&self) -> Option<OffsetDateTime> {
        self.consents.iter().map(|consent| consent.granted_at).max()
    }

    /// Whether all earlier consents were for a client with this redirect URI.
    #[must_use]
    pub fn is_of_place(&self, redirect_uri: &str) -> bool {
        let place = place(redirect_uri);
        self.consents.iter().all(|consent| consent.places.contains(&place))
    }
}

fn scopes_of(consents: &[Consent], audience: &str) -> Scopes {
    let consent = consents.iter().find(|consent| consent.resource == audience);
    consent.map(|consent| consent.scopes.clone()).unwrap_or_default()
}

impl<'a> ConsentRequest<'a> {
    #[must_use]
    pub fn new(
        request: &'a ValidRequest<'_>,
        user: &'a User,
        auth_time: OffsetDateTime,
        granted: &'a GrantableScopes,
    ) -> Self {
        let ValidRequest { client, callback, request, resources, pushed } = request;
        let terms = Terms { client, user, resources, granted };
        Self { terms, auth_time, callback, request, pushed: pushed.as_ref() }
    }

    pub async fn remembered(&self, app: &App) -> Result<EarlierConsents, OAuthError> {
        let Terms { client, user, .. } = self.terms;
        let now = known_client::known(client);
        let fingerprint = known_client::fingerprint(&now);
        let asked = self.terms.by_audience(app);
        let is_asked = |consent: &Consent| asked.iter().any(|(audience, _)| *audience == consent.resource);
        let all = consents::find_all(&app.db, user.id, &client.id).await?;
        let (consents, elsewhere): (Vec<_>, Vec<_>) = all.into_iter().partition(is_asked);
        let counts = |consent: &Consent| consent.fingerprint.matches(&fingerprint);
        if let Some(other) = consents.iter().find(|consent| !counts(consent)) {
            let before = other.known_client.as_ref().unwrap_or(&now);
            return Ok(EarlierConsents { changes: known_client::changes(before, &now), ..EarlierConsents::default() });
        }
        Ok(EarlierConsents { consents, elsewhere: elsewhere.into_iter().filter(counts).collect(), changes: vec![] })
    }

    /// Whether everything requested was allowed before.
    #[must_use]
    pub fn is_remembered(&self, app: &App, remembered: &EarlierConsents) -> bool {
        let all = self.terms.by_audience(app);
        all.iter().all(|(audience, scopes)| scopes.is_subset(&self.reach(audience, remembered)))
    }

    /// All scopes that were allowed on the resource before, with the scopes that those include.
    #[must_use]
    pub fn reach(&self, audience: &str, remembered: &EarlierConsents) -> Scopes {
        let (known, there) = (remembered.scopes(audience), |one: &&&Resource| one.identifier == audience);
        self.terms.resources.iter().find(there).map_or_else(|| known.clone(), |one| one.reach(&known))
    }

    /// Whether more is requested than was allowed before, by a client that nobody can impersonate.
    #[must_use]
    pub fn is_step_up(&self, app: &App, remembered: &EarlierConsents) -> bool {
        remembered.since().is_some() && self.is_provable() && !self.is_remembered(app, remembered)
    }

    /// Scopes of earlier consents that a step-up keeps, whether they are requested or not: the page shows them, and the
    /// new token carries them. A grant has one set of scopes for all its resources, so a scope is kept only if it gives
    /// no new access to another requested resource.
    #[must_use]
    pub fn kept(&self, app: &App, audience: &str, remembered: &EarlierConsents) -> Scopes {
        if !self.is_step_up(app, remembered) {
            return Scopes::default();
        }
        let Terms { client, user, resources, granted } = self.terms;
        let (known, limit) = (remembered.scopes_anywhere(audience), client.scope_limit());
        let Some(resource) = resources.iter().find(|one| one.identifier == audience) else {
            return known.filter(|scope| limit.as_ref().is_none_or(|limit| limit.contains(scope)));
        };
        let limit = limit.map(|limit| resource.reach(&limit));
        let elsewhere = |scope: &str| {
            let others = resources.iter().filter(|one| one.identifier != audience && one.allows(scope, user.role));
            others.into_iter().all(|one| remembered.scopes_anywhere(&one.identifier).contains(scope))
        };
        known.filter(|scope| {
            let within = limit.as_ref().is_none_or(|limit| limit.contains(scope));
            resource.allows(scope, user.role) && within && (granted.scopes.contains(scope) || elsewhere(scope))
        })
    }

    /// The scopes that an approval grants: all that the page shows.
    fn allowed(&self, app: &App, remembered: &EarlierConsents) -> Scopes {
        let audiences = self.terms.resources.iter().map(|one| one.identifier.as_str()).chain([&*app.config.issuer]);
        audiences.fold(self.terms.granted.scopes.clone(), |all, one| all.union(&self.kept(app, one, remembered)))
    }

    /// Whether no other program can impersonate the client. A public client behind a loopback address or a private
    /// scheme can be impersonated, so the user is asked each time (RFC 9700 §4.11, OAuth 2.1 §7.3.1).
    #[must_use]
    pub fn is_provable(&self) -> bool {
        !self.terms.client.is_public() || matches!(kind(&self.callback.redirect_uri), RedirectKind::Https { .. })
    }

    #[must_use]
    pub fn needs_no_page(&self, app: &App, remembered: &EarlierConsents) -> bool {
        self.is_provable() && self.is_remembered(app, remembered) && remembered.is_of_place(&self.callback.redirect_uri)
    }

    /// Records the approval: grant, code and consent in one step. `form` and a pushed request each count once; `None`
    /// if one of them was answered before.
    pub async fn approve(
        &self,
        app: &App,
        remembered: &EarlierConsents,
        form: Option<&Digest>,
    ) -> Result<Option<AuthorizationCode>, OAuthError> {
        if !pushed_request::complete(app, self.pushed).await? {
            return Ok(None);
        }
        let Terms { client, user, .. } = self.terms;
        let now = app.clock.now();
        // Sending the same form again yields the same code.
        let secret = form
            .map_or_else(AuthorizationCode::random, |form| AuthorizationCode::of_form(app.derived_keys.forms(), form));
        let id = GrantId::new();
        let grant = Grant {
            id,
            client_id: client.id.clone(),
            user_id: user.id,
            grant_type: AUTHORIZATION_CODE.into(),
            scopes: self.allowed(app, remembered),
            resources: self.terms.identifiers(),
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
            client_id: client.id.clone(),
            redirect_uri: self.callback.redirect_uri.clone(),
            code_challenge: self.request.code_challenge.clone(),
            nonce: self.request.nonce.clone(),
            expires_at: now + Duration::seconds(app.config.tokens.code_lifetime.into()),
            consumed_at: None,
            failures: 0,
            dpop_jkt: self.request.dpop_jkt.clone().filter(|_| app.config.dpop.enabled),
        };
        // A remembered consent stays as it is.
        let consents = if form.is_some() { self.consents(app, now).await? } else { vec![] };
        let answered = form.map(|form| self.answered(app, form, true));
        let (mode, how) = if form.is_some() { ("page", "asked on the page") } else { ("remembered", "remembered") };
        let details = json!({"scope": grant.scopes.to_string(), "resource": grant.resources, "mode": mode});
        let event = self.event().grant(id).details(details).happened(&app.audit);
        let approved = grants::authorize(&app.db, &grant, &code, answered.as_ref(), &consents, &event).await?;
        if approved {
            audit::log(&event);
            let issued = audit::Event::new(EventType::AuthorizationCodeIssued).user(user.id).client(&client.id);
            issued.grant(id).note(&app.audit).await;
            app.trace.success(EventType::ConsentApproved, Some(&client.id), how);
            app.trace.success(EventType::AuthorizationCodeIssued, Some(&client.id), "good for one exchange");
        }
        Ok(approved.then_some(secret))
    }

    /// The consents to store: the client as the page showed it, and its earlier scopes together with the new ones.
    async fn consents(&self, app: &App, now: OffsetDateTime) -> Result<Vec<Consent>, OAuthError> {
        let Terms { client, user, .. } = self.terms;
        let (known, place) = (known_client::known(client), place(&self.callback.redirect_uri));
        let fingerprint = known_client::fingerprint(&known);
        let mut consents = vec![];
        for (resource, scopes) in self.terms.by_audience(app) {
            let before = consents::find(&app.db, user.id, &client.id, &resource).await?;
            let before = before.filter(|consent| consent.fingerprint.matches(&fingerprint));
            let (allowed, mut places) = before.map(|consent| (consent.scopes, consent.places)).unwrap_or_default();
            if !places.contains(&place) {
                places.push(place.clone());
            }
            consents.push(Consent {
                user_id: user.id,
                client_id: client.id.clone(),
                resource,
                scopes: allowed.union(&scopes),
                fingerprint: fingerprint.clone(),
                known_client: Some(known.clone()),
                places,
                granted_at: now,
            });
        }
        Ok(consents)
    }

    fn event(&self) -> audit::Event {
        audit::Event::new(EventType::Approval).user(self.terms.user.id).client(&self.terms.client.id)
    }

    fn answered(&self, app: &App, form: &Digest, allowed: bool) -> AnsweredForm {
        let Callback { redirect_uri, state } = self.callback.clone();
        let answer = FormAnswer::Consent { allowed, client_id: self.terms.client.id.to_string(), redirect_uri, state };
        AnsweredForm { form_hash: form.clone(), answer, answered_at: app.clock.now() }
    }

    /// Records the denial and returns the error for the client; `None` if the form or the pushed request was answered
    /// before.
    pub async fn deny(&self, app: &App, form: &Digest) -> Result<Option<OAuthError>, OAuthError> {
        let first = pushed_request::complete(app, self.pushed).await?
            && answered_forms::insert(&app.db, &self.answered(app, form, false)).await?;
        if !first {
            return Ok(None);
        }
        let Terms { client, granted, .. } = self.terms;
        let details =
            json!({"scope": granted.scopes.to_string(), "resource": self.terms.identifiers(), "mode": "page"});
        self.event().failed().details(details).record(&app.audit).await;
        let error = OAuthError::access_denied(DENIED);
        app.trace.failure(EventType::ConsentDenied, Some(&client.id), &error);
        Ok(Some(error))
    }
}

/// Only clients that the operator configured need no question.
#[must_use]
pub fn is_trusted(client: &Client) -> bool {
    client.source == ClientSource::Seed
}
