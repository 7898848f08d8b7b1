//! The token that another token can be exchanged for (RFC 8693): narrower, for one target, and not longer valid.
use super::{Audience, Delegation, Issuance, Subject};
use crate::{
    app::App,
    clock,
    error::OAuthError,
    events::EventType,
    model::{GrantId, Scopes},
    oauth::{resource::Resource, token_exchange::Actor},
    resources::ExchangeRule,
    storage::{grants, users},
    tokens::{
        access_token::{AccessTokenClaims, PersonClaims},
        limit::within_limit,
        request::TokenRequest,
    },
};

impl<'a> Issuance<'a> {
    /// An issuance in exchange for a valid token, by the rule that allows exchanging it for a token of `target`.
    pub async fn for_exchange(
        request: TokenRequest<'a>,
        subject: &AccessTokenClaims,
        actor: Actor,
        (target, rule): (&'a Resource, &ExchangeRule),
        scopes: Option<&Scopes>,
    ) -> Result<Self, OAuthError> {
        let TokenRequest { app, client, jkt, proof, .. } = request;
        let behind = match &subject.person {
            Some(person) => Subject::of(app, person).await?,
            None => Subject::Other { sub: subject.sub.clone() },
        };
        let open = |scope: &str| match &behind {
            Subject::Person { user, .. } => target.allows(scope, user.role),
            // Without a user there is no role, so scopes restricted to roles are excluded.
            _ => target.scope(scope).is_some_and(|rule| rule.roles.is_empty()),
        };
        let granted = Scopes::from(subject.scope.clone());
        let worth = rule.worth(&granted);
        let most = within_limit(client, target, target.reach(&worth).filter(open))?;
        let scopes = match scopes {
            // Included scopes need not be named.
            None => worth.filter(|scope| most.contains(scope)),
            Some(asked) if asked.is_subset(&most) => asked.clone(),
            Some(_) => {
                return Err(OAuthError::invalid_scope("scope exceeds what subject_token is worth at this target"));
            }
        };
        if scopes.is_empty() {
            return Err(OAuthError::invalid_scope("subject_token is worth nothing at this target"));
        }
        let delegation = Some(Delegation { actor, may_act: subject.may_act.clone() });
        let (audience, ends_at) = (Audience::Resource(target), subject.exp);
        Ok(Self {
            client,
            subject: behind,
            audience,
            scopes,
            jkt,
            proof,
            ends_at,
            delegation,
            grant_type: None,
            event: EventType::TokenIssued,
        })
    }
}

impl Subject {
    /// The user of a token, with grant and account checked again.
    async fn of(app: &App, person: &PersonClaims) -> Result<Self, OAuthError> {
        let over = || OAuthError::invalid_request("the grant of subject_token is over, or its user gone");
        let grant_id = person.grant_id.parse::<GrantId>().map_err(|_| over())?;
        let now = app.clock.now();
        let grant = grants::find(&app.db, grant_id).await?;
        let grant = grant.filter(|grant| grant.revoked_at.is_none() && grant.expires_at > now).ok_or_else(over)?;
        let user = users::find(&app.db, grant.user_id).await?.filter(|user| user.disabled_at.is_none());
        let auth_time = clock::date(person.auth_time).map_err(OAuthError::server_error)?;
        Ok(Self::Person { user: user.ok_or_else(over)?, grant_id, auth_time, acr: person.acr.clone() })
    }
}
