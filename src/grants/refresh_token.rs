//! `grant_type=refresh_token` (RFC 6749 §6, OAuth 2.1 §4.3): rotation, repeated requests, theft detection.
use super::grant_type::GrantType;
use crate::{
    app::App,
    audit,
    config::grant_types,
    error::OAuthError,
    events::EventType,
    model::Grant,
    secrets::Digest,
    storage::grants::{self, Refresher},
    telemetry,
    tokens::{
        Issuance, TokenRequest, TokenResponse,
        refresh_token::{IssuedRefreshToken, RefreshToken},
        restored,
    },
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

pub const GRANT_TYPE: GrantType = GrantType {
    parameters: &[("refresh_token", false, "Of `refresh_token`.")],
    identify: None,
    exchange: |request| Box::pin(exchange(request)),
};

/// The state of the presented token in its family.
#[derive(Debug, PartialEq)]
enum TokenState {
    Live,
    /// Rotated a moment ago: its holder lost the response, or shares the token with another process. Holds the live
    /// token.
    JustRotated(RefreshToken),
    /// Rotated longer ago, or too many generations ago: two parties hold the token, and one of them stole it.
    Stolen,
    /// A later generation than the database's: the database was restored from a backup.
    Newer,
    /// The stored token does not follow from this one: the database was restored from a backup.
    Unknown,
}

pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, client, params, jkt, .. } = request;
    let presented = RefreshToken::parse(app, params.require("refresh_token")?).ok_or_else(dead)?;
    // The loser of a race to rotate finds the rotated token in the next round; after catching up, the next round finds
    // the live token.
    for _ in 0..3 {
        let now = app.clock.now();
        let grant = grants::find(&app.db, presented.grant_id).await?.ok_or_else(dead)?;
        if grant.client_id != client.id {
            return Err(OAuthError::invalid_grant("refresh_token was issued to another client"));
        }
        if !grant_types::refreshes(&app.config, client, &grant.grant_type) {
            return Err(OAuthError::invalid_grant("what a device was granted is not refreshed here"));
        }
        if grant.revoked_at.is_some() || grant.expires_at <= now || grant.refreshed_at <= idle_since(app, now) {
            return Err(dead());
        }
        // Only for public clients: others authenticate, and may change their key (RFC 9449 §5).
        if grant.dpop_jkt.is_some() && grant.dpop_jkt.as_deref() != jkt {
            return Err(OAuthError::invalid_grant("refresh_token is bound to a key that did not prove itself"));
        }
        match standing(app, &grant, &presented, now) {
            TokenState::Unknown => return Err(dead()),
            TokenState::Newer => catch_up(app, &grant, &presented, now).await?,
            TokenState::Stolen => return Err(revoke_family(app, &grant, now).await?),
            TokenState::JustRotated(live) => {
                let issuance = Issuance::judge(request, &grant).await?.proven(app).await?;
                record_replay(app, &grant, presented.generation).await?;
                let live = IssuedRefreshToken { token: live, rotated_at: grant.refreshed_at };
                return issuance.issue(app, Some(live), None).await;
            }
            TokenState::Live => {
                let issuance = Issuance::judge(request, &grant).await?.proven(app).await?;
                let rotates = client.is_public() || app.config.tokens.rotate_confidential;
                let next = if rotates { presented.successor(app) } else { presented.clone() };
                if advance(app, &presented, &next, jkt.filter(|_| client.is_public()), now).await?.is_some() {
                    return issuance.issue(app, Some(IssuedRefreshToken { token: next, rotated_at: now }), None).await;
                }
            }
        }
    }
    Err(dead())
}

fn dead() -> OAuthError {
    OAuthError::invalid_grant("refresh_token is unknown, expired or revoked")
}

fn idle_since(app: &App, now: OffsetDateTime) -> OffsetDateTime {
    now - Duration::seconds(app.config.tokens.refresh_idle.into())
}

fn standing(app: &App, grant: &Grant, presented: &RefreshToken, now: OffsetDateTime) -> TokenState {
    let behind = grant.generation.saturating_sub(presented.generation);
    if i64::from(behind) > i64::from(app.config.tokens.replay_generations) {
        return TokenState::Stolen;
    }
    let live = (0..behind).fold(presented.clone(), |token, _| token.successor(app));
    if behind < 0 {
        return TokenState::Newer;
    }
    if !live.digest().matches(&grant.refresh_hash) {
        return TokenState::Unknown;
    }
    // The window starts at the rotation and repeated requests do not prolong it. A rotation further in the future than
    // clocks of nodes differ was recorded before the clock was set back.
    let (age, window) = (now - grant.refreshed_at, Duration::seconds(app.config.tokens.replay_window.into()));
    match behind {
        0 => TokenState::Live,
        _ if age < window && age > -window => TokenState::JustRotated(live),
        _ => TokenState::Stolen,
    }
}

/// Handles a genuine token of a later generation than the database's. If an operator announced a restored backup, the
/// family continues from this token, once: if an even later token is presented afterwards, two parties hold tokens of
/// the family, and one of them stole it.
async fn catch_up(app: &App, grant: &Grant, presented: &RefreshToken, now: OffsetDateTime) -> Result<(), OAuthError> {
    let Some(window) = restored::window(&app.db, now).await? else { return Err(dead()) };
    let generations = [grant.generation, presented.generation];
    if grants::catch_up(&app.db, grant.id, generations, &presented.digest(), window.since, now).await? {
        let event =
            audit::Event::new(EventType::RefreshCaughtUp).warning().client(&grant.client_id).user(grant.user_id);
        let details = json!({"generations": presented.generation - grant.generation});
        event.grant(grant.id).details(details).record(&app.audit).await;
    } else if grants::caught_up_before(&app.db, grant.id, presented.generation, window.since).await? {
        return Err(revoke_family(app, grant, now).await?);
    }
    Ok(())
}

/// The program and address that present the token.
fn refresher() -> Refresher {
    let request = telemetry::request();
    Refresher {
        address: request.as_ref().map(|request| request.address.to_string()),
        program: request.and_then(|request| request.user_agent).map(Digest::of),
    }
}

/// Repeating is honest after a lost response or between processes of one client; a repeat from another address or
/// program is recorded as suspicious.
async fn record_replay(app: &App, grant: &Grant, generation: i32) -> Result<(), OAuthError> {
    let (before, now) = (grants::refresher(&app.db, grant.id).await?.unwrap_or_default(), refresher());
    let mut differs = Vec::new();
    if before.address != now.address {
        differs.push("address");
    }
    if before.program != now.program {
        differs.push("program");
    }
    app.metrics.replay(differs.is_empty());
    let event =
        audit::Event::new(EventType::RefreshReplayed).client(&grant.client_id).user(grant.user_id).grant(grant.id);
    let event = if differs.is_empty() { event } else { event.warning() };
    // Each kind of difference is counted separately, so that a suspicious repeat is not hidden among harmless ones.
    let what = format!("{} {}", grant.id, differs.join(" "));
    event
        .details(json!({"generations": grant.generation - generation, "differs": differs}))
        .tally_of(&app.audit, &what)
        .await;
    Ok(())
}

/// A single UPDATE, which succeeds for one of several concurrent requests. It also binds the family to the key `jkt`,
/// unless it is bound (RFC 9449 §5).
async fn advance(
    app: &App,
    presented: &RefreshToken,
    next: &RefreshToken,
    jkt: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Grant>, OAuthError> {
    let (id, generation, hash) = (presented.grant_id, presented.generation, presented.digest());
    let idle_since = idle_since(app, now);
    Ok(if next == presented {
        grants::touch(&app.db, id, generation, &hash, now, idle_since).await?
    } else {
        let hashes = [&hash, &next.digest()];
        grants::rotate(&app.db, id, &grants::Rotation { generation, hashes, jkt, by: &refresher() }, now, idle_since)
            .await?
    })
}

/// Revokes the whole family (OAuth 2.1 §4.3.1).
async fn revoke_family(app: &App, grant: &Grant, now: OffsetDateTime) -> Result<OAuthError, OAuthError> {
    if grants::revoke(&app.db, grant.id, now).await? {
        let event = audit::Event::new(EventType::RefreshReuseDetected).client(&grant.client_id);
        event.user(grant.user_id).grant(grant.id).record(&app.audit).await;
    }
    let rule = "refresh_token was used before; all tokens of this grant are revoked";
    app.trace.blocked(EventType::RefreshReuseDetected, Some(&grant.client_id), rule);
    Ok(OAuthError::invalid_grant(rule))
}
