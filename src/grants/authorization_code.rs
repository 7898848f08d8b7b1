//! `grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5).
use super::grant_type::GrantType;
use crate::{
    app::App,
    audit,
    config::grant_types,
    error::OAuthError,
    events::EventType,
    model::{Code, grant_type::AUTHORIZATION_CODE},
    oauth::pkce,
    secrets::AuthorizationCode,
    storage::{codes, grants},
    tokens::{
        Issuance, TokenRequest, TokenResponse,
        refresh_token::{IssuedRefreshToken, RefreshToken},
    },
};

pub const GRANT_TYPE: GrantType = GrantType {
    parameters: &[
        ("code", false, "Of `authorization_code`."),
        ("redirect_uri", false, "As in the authorization request, if it was there."),
        ("code_verifier", false, "What the request's `code_challenge` was made from (RFC 7636)."),
    ],
    identify: None,
    exchange: |request| Box::pin(exchange(request)),
};

/// Failed attempts (wrong verifier or redirect URI) that a code survives.
const MAX_FAILURES: i32 = 5;

/// Everything is checked before the code is consumed by one statement: a mistake costs the rightful owner nothing, and
/// of several concurrent valid requests one gets the tokens.
pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, client, params, jkt, .. } = request;
    let presented = AuthorizationCode::presented(params.require("code")?);
    let now = app.clock.now();
    let unusable = || OAuthError::invalid_grant("code is unknown, expired or used");
    let code = codes::find(&app.db, &presented.digest()).await?.ok_or_else(unusable)?;
    if code.client_id != client.id {
        return Err(OAuthError::invalid_grant("code was issued to another client"));
    }
    let proven = prove(request, &code).and_then(|()| {
        let verified = verify(request, &code);
        app.trace.outcome(
            [EventType::PkceValidationSuccess, EventType::PkceValidationFailure],
            Some(&client.id),
            "S256",
            &verified,
        );
        verified
    });
    if let Err(error) = proven {
        codes::count_failure(&app.db, &code.code_hash).await?;
        return Err(error);
    }
    let grant = grants::find(&app.db, code.grant_id).await?.ok_or_else(unusable)?;
    let issuance = Issuance::judge(request, &grant).await?.proven(app).await?;
    // A public client's refresh tokens are bound to the key that it proves now (RFC 9449 §5).
    let bound = jkt.filter(|_| client.is_public());
    if !codes::consume(&app.db, &code.code_hash, now, MAX_FAILURES, bound).await? {
        let replayed = codes::find(&app.db, &code.code_hash).await?.is_some_and(|code| code.consumed_at.is_some());
        if replayed && grants::revoke(&app.db, grant.id, now).await? {
            // Everything else was right, so somebody has a copy of the code: the tokens of its first use are revoked
            // (OAuth 2.1 §7.5.2).
            let event = audit::Event::new(EventType::AuthorizationCodeReused).client(&client.id);
            event.user(grant.user_id).grant(grant.id).record(&app.audit).await;
            let rule = "a code is good for one use; its grant is revoked (OAuth 2.1 section 7.5.2)";
            app.trace.blocked(EventType::AuthorizationCodeReused, Some(&client.id), rule);
        }
        return Err(unusable());
    }
    let may_refresh = grant_types::refreshes(&app.config, client, AUTHORIZATION_CODE);
    let refresh = may_refresh.then(|| IssuedRefreshToken {
        token: RefreshToken::first(app, grant.id, presented.expose()),
        rotated_at: grant.refreshed_at,
    });
    issuance.issue(app, refresh, code.nonce.as_deref()).await
}

/// Whether the code can still be exchanged.
pub async fn is_good(app: &App, code: &AuthorizationCode) -> Result<bool, OAuthError> {
    let Some(code) = codes::find(&app.db, &code.digest()).await? else { return Ok(false) };
    let grant = grants::find(&app.db, code.grant_id).await?;
    let lives = code.consumed_at.is_none() && code.expires_at > app.clock.now() && code.failures < MAX_FAILURES;
    Ok(lives && grant.is_some_and(|grant| grant.revoked_at.is_none()))
}

fn prove(request: TokenRequest<'_>, code: &Code) -> Result<(), OAuthError> {
    // Optional with PKCE, but if sent it must be the very string of the request (OAuth 2.1 §10.2).
    if request.params.get("redirect_uri")?.is_some_and(|uri| uri != code.redirect_uri) {
        return Err(OAuthError::invalid_grant("redirect_uri differs from the one the code was sent to"));
    }
    if code.dpop_jkt.is_some() && code.dpop_jkt.as_deref() != request.jkt {
        return Err(OAuthError::invalid_grant(
            "the key of dpop_jkt must prove itself with the code (RFC 9449 section 10)",
        ));
    }
    Ok(())
}

fn verify(request: TokenRequest<'_>, code: &Code) -> Result<(), OAuthError> {
    let verifier = request.params.get("code_verifier")?;
    let missing = || OAuthError::invalid_grant("code_verifier is missing (RFC 7636 section 4.5)");
    let verifier = verifier.ok_or_else(missing)?;
    pkce::verify(&code.code_challenge, verifier)
        .then_some(())
        .ok_or_else(|| OAuthError::invalid_grant("code_verifier does not match the challenge (RFC 7636 section 4.6)"))
}
