//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): an MCP server that calls another one
//! exchanges the token it received for a narrower one, which the other server accepts and which names the caller as
//! actor.
use super::grant_type::GrantType;
use crate::{
    audit,
    error::OAuthError,
    events::EventType,
    oauth::{
        resource::Resource,
        token_exchange::{Actor, TokenExchange, names},
    },
    resources::ExchangeRule,
    tokens::{
        Issuance, TokenRequest, TokenResponse,
        access_token::{self, AccessTokenClaims, ActiveToken},
    },
};
use serde_json::json;

pub const GRANT_TYPE: GrantType = GrantType {
    parameters: &[
        ("subject_token", false, "Of token exchange (RFC 8693)."),
        ("subject_token_type", false, "What that is."),
    ],
    identify: None,
    exchange: |request| Box::pin(exchange(request)),
};

/// Actors in one token: bounds chains of exchanges.
const MAX_ACTORS: usize = 8;

/// No refresh token is issued, because the subject token can be exchanged again while it lives.
pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, client, params, .. } = request;
    let mut rules = app.resources.iter().flat_map(|resource| &resource.exchange);
    // A client that may exchange nothing must not learn whether a token is valid.
    if client.is_public() || !rules.any(|rule| rule.client == client.id) {
        return Err(OAuthError::unauthorized_client("the client may exchange no tokens"));
    }
    let asked = TokenExchange::parse(params)?;
    let ActiveToken { claims: subject, user } = presented(request, "subject_token", asked.subject_token).await?;
    let actor = actor(request, &subject, asked.actor_token).await?;
    let (target, rule) = target(request, &subject, &asked.targets)?;
    let sub = actor.sub.clone();
    let issuance = Issuance::for_exchange(request, &subject, actor, (target, rule), asked.scopes.as_ref()).await?;
    let issuance = issuance.proven(app).await?;
    let details = json!({
        "actor": sub, "subject": subject.sub, "subject_jti": subject.jti, "subject_client_id": subject.client_id,
        "from": subject.aud, "resource": target.identifier, "scope": issuance.scopes().to_string(),
    });
    let answer = issuance.issue(app, None, None).await?;
    let event = audit::Event::new(EventType::TokenExchanged).client(&client.id).details(details);
    let event = user.into_iter().fold(event, |event, user| event.user(user.id));
    let grant_id = subject.person.as_ref().and_then(|person| person.grant_id.parse().ok());
    grant_id.into_iter().fold(event, audit::Event::grant).record(&app.audit).await;
    Ok(answer)
}

/// A valid access token of this server. If it is bound to a key, the request must prove possession of that key (RFC
/// 8693 §2.2.2).
async fn presented(request: TokenRequest<'_>, name: &str, token: &str) -> Result<ActiveToken, OAuthError> {
    let active = access_token::find_active(request.app, token).await?;
    // The error does not say why, as in introspection (RFC 7662 §2.2).
    let active = active.ok_or_else(|| {
        OAuthError::invalid_request(format!("{name} is no access token of this server that is good now"))
    })?;
    let bound = active.claims.cnf.as_ref().map(|cnf| cnf.jkt.as_str());
    if bound.is_some() && bound != request.jkt {
        let sentence = format!("{name} is bound to a key that did not prove itself (RFC 9449)");
        return Err(OAuthError::invalid_request(sentence));
    }
    Ok(active)
}

/// The new actor (RFC 8693 §4.1): the subject of `actor_token`, or else the client. The subject always stays.
async fn actor(
    request: TokenRequest<'_>,
    subject: &AccessTokenClaims,
    token: Option<&str>,
) -> Result<Actor, OAuthError> {
    let client = request.client.id.as_str();
    let sub = match token {
        None => client.to_owned(),
        Some(token) => {
            let ActiveToken { claims, .. } = presented(request, "actor_token", token).await?;
            if claims.client_id.as_str() != client || claims.act.is_some() {
                let sentence = "actor_token must have been issued to the client, and not by an exchange";
                return Err(OAuthError::invalid_request(sentence));
            }
            claims.sub.clone()
        }
    };
    let known = [("iss", request.app.config.issuer.as_str()), ("sub", &*sub), ("client_id", client)];
    if subject.may_act.as_ref().is_some_and(|may_act| !names(may_act, &known)) {
        return Err(OAuthError::invalid_request("may_act of subject_token names somebody else (RFC 8693 section 4.4)"));
    }
    let actor = Actor { sub, act: subject.act.clone().map(Box::new) };
    if actor.count() > MAX_ACTORS {
        return Err(OAuthError::invalid_request("subject_token was exchanged too often"));
    }
    Ok(actor)
}

/// The target resource (RFC 8693 §2.1) and the rule that permits the exchange. If the request names no target, the
/// client's only one.
fn target<'a>(
    request: TokenRequest<'a>,
    subject: &AccessTokenClaims,
    named: &[&str],
) -> Result<(&'a Resource, &'a ExchangeRule), OAuthError> {
    let TokenRequest { app, client, .. } = request;
    let allows = |rule: &&ExchangeRule| rule.client == client.id && rule.from == subject.aud;
    let targets = app.resources.iter();
    let mut open = targets.filter_map(|target| target.exchange.iter().find(allows).map(|rule| (target, rule)));
    let unknown = || OAuthError::invalid_target("resource or audience is not known to this server");
    let named: Vec<_> = named.iter().map(|name| app.resources.find(name)).collect::<Option<_>>().ok_or_else(unknown)?;
    let Some(first) = named.first() else {
        return match (open.next(), open.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(OAuthError::invalid_target("name the target as resource or audience")),
        };
    };
    // An access token has a single audience (RFC 9068 §3).
    if named.iter().any(|other| other.identifier != first.identifier) {
        return Err(OAuthError::invalid_target("ask for one target at a time"));
    }
    let closed = || OAuthError::invalid_target("the client may not exchange such a token for this target");
    open.find(|(target, _)| target.identifier == first.identifier).ok_or_else(closed)
}
