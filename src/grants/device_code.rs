//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4, §3.5).
use super::grant_type::GrantType;
use crate::{
    app::App,
    audit,
    config::grant_types,
    error::OAuthError,
    events::EventType,
    model::{DeviceAuthorization, Grant, GrantId, UserId, grant_type::DEVICE_CODE},
    oauth::authentication_context,
    secrets::DeviceCode,
    storage::{device_codes, grants},
    tokens::{
        Issuance, TokenRequest, TokenResponse,
        refresh_token::{IssuedRefreshToken, RefreshToken},
    },
};
use time::{Duration, OffsetDateTime};

pub const GRANT_TYPE: GrantType = GrantType {
    parameters: &[("device_code", false, "Of the device grant.")],
    identify: None,
    exchange: |request| Box::pin(exchange(request)),
};

/// Seconds that each early poll adds to the interval, and the longest interval.
const SLOW_DOWN_SECONDS: i32 = 5;
const MAX_INTERVAL_SECONDS: i32 = 60;
/// How much early a poll may be: timers and networks are imprecise.
const EARLY_POLL_TOLERANCE: Duration = Duration::SECOND;

/// A poll before the decision gets `authorization_pending` or `slow_down`. After an approval the code is consumed last,
/// in the transaction that creates the grant.
pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, client, params, jkt, .. } = request;
    let presented = DeviceCode::presented(params.require("device_code")?);
    let now = app.clock.now();
    let unusable = || OAuthError::invalid_grant("device_code is unknown or used");
    let device = device_codes::find(&app.db, &presented.digest()).await?.ok_or_else(unusable)?;
    if device.client_id != client.id {
        return Err(OAuthError::invalid_grant("device_code was issued to another client"));
    }
    if device.consumed_at.is_some() {
        return Err(unusable());
    }
    if device.is_open(now) {
        keep_the_interval(app, &device, now).await?;
    }
    let (user_id, auth_time) = allowed_by(&device, now)?;
    let id = GrantId::new();
    let first = RefreshToken::first(app, id, presented.expose());
    let grant = Grant {
        id,
        client_id: device.client_id,
        user_id,
        grant_type: DEVICE_CODE.into(),
        scopes: device.scopes,
        resources: device.resources,
        auth_time,
        acr: Some(authentication_context::PASSWORD.into()),
        created_at: now,
        expires_at: now + Duration::seconds(app.config.tokens.refresh_lifetime.into()),
        revoked_at: None,
        generation: 1,
        refresh_hash: first.digest(),
        refreshed_at: now,
        // A public client's refresh tokens are bound to the key that it proves now (RFC 9449 §5).
        dpop_jkt: jkt.filter(|_| client.is_public()).map(str::to_owned),
    };
    let issuance = Issuance::judge(request, &grant).await?.proven(app).await?;
    if !grants::redeem(&app.db, &grant, &device.device_code_hash, now).await? {
        return Err(unusable());
    }
    audit::Event::new(EventType::DeviceCodeRedeemed)
        .client(&client.id)
        .user(user_id)
        .grant(id)
        .record(&app.audit)
        .await;
    let may_refresh = grant_types::refreshes(&app.config, client, DEVICE_CODE);
    issuance.issue(app, may_refresh.then_some(IssuedRefreshToken { token: first, rotated_at: now }), None).await
}

/// RFC 8628 §3.5: an early poll lengthens the interval for all later polls. Only before the decision: after it, the
/// next poll ends the flow and need not wait.
async fn keep_the_interval(app: &App, device: &DeviceAuthorization, now: OffsetDateTime) -> Result<(), OAuthError> {
    let on_time = device.next_poll_at <= now + EARLY_POLL_TOLERANCE;
    let widened = (device.poll_interval + SLOW_DOWN_SECONDS).min(MAX_INTERVAL_SECONDS);
    let interval = if on_time { device.poll_interval } else { widened };
    let next_poll_at = now + Duration::seconds(interval.into());
    // If several polls arrive at the same moment, one of them is on time.
    let counted = device_codes::poll(&app.db, device, interval, next_poll_at).await?;
    (on_time && counted)
        .then_some(())
        .ok_or_else(|| OAuthError::slow_down("too early: poll 5 seconds less often from now on (RFC 8628 section 3.5)"))
}

/// The user who approved, and the time of their last sign-in.
fn allowed_by(device: &DeviceAuthorization, now: OffsetDateTime) -> Result<(UserId, OffsetDateTime), OAuthError> {
    match (device.user_id, device.auth_time) {
        (Some(_), Some(_)) if !device.allowed => Err(OAuthError::access_denied("the user said no")),
        _ if device.expires_at <= now => Err(OAuthError::expired_token("device_code has expired; ask for a new one")),
        (Some(user_id), Some(auth_time)) => Ok((user_id, auth_time)),
        _ => Err(OAuthError::authorization_pending("the user has not decided yet")),
    }
}
